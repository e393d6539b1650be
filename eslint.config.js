import tseslint from 'typescript-eslint';

export default tseslint.config(
  { ignores: ['dist', 'out', 'coverage', 'node_modules', '*.cjs', 'scripts', 'eslint.config.js'] },
  ...tseslint.configs.strictTypeChecked,
  {
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/restrict-template-expressions': [
        'error',
        { allowNumber: true, allowBoolean: true },
      ],
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      '@typescript-eslint/consistent-type-imports': 'error',
      'max-lines': ['error', { max: 300, skipBlankLines: true, skipComments: true }],
      'max-lines-per-function': ['error', { max: 60, skipBlankLines: true, skipComments: true }],
      complexity: ['error', 15],
      'no-console': 'error',
      'no-restricted-syntax': [
        'error',
        {
          selector:
            "CallExpression[callee.object.property.name='utils'][callee.property.name='generateKeyPairSync'] > Literal[value='ed25519']",
          message: 'One in 256 Ed25519 keys that ssh2 makes cannot be read again: use newKeyPair.',
        },
      ],
    },
  },
  { files: ['lab/**', 'bench/**', 'src/cli/**'], rules: { 'no-console': 'off' } },
  {
    files: ['**/*.test.ts'],
    ignores: ['**/*.mocked.test.ts'],
    rules: {
      'no-restricted-properties': [
        'error',
        ...['mock', 'doMock'].map((property) => ({
          object: 'vi',
          property,
          message: 'Other files share this one’s modules: replace them in a file *.mocked.test.ts.',
        })),
      ],
    },
  },
  { files: ['**/*.test.ts'], rules: { 'max-lines-per-function': 'off', 'max-lines': 'off' } },
);
