/** Which folder may import which: the data flows arguments → model → inventory → plan → execute → report. */
const only = (name, from, to, comment) => ({
  name,
  comment,
  severity: 'error',
  from: { path: from },
  to: { path: to },
});
/** A library that only its adapter may import. */
const confined = (library, owner) => ({
  name: `only-${owner.replace(/\W+/g, '-')}-imports-${library.replace(/\W+/g, '-')}`,
  severity: 'error',
  from: { path: '^src', pathNot: `^src/(${owner})/` },
  to: { path: `node_modules/${library}/` },
});

module.exports = {
  forbidden: [
    { name: 'no-circular', severity: 'error', from: {}, to: { circular: true } },
    only(
      'plan-is-pure',
      '^src/plan',
      '^src/(adapters|execute|steps|cli|actions|probe|report)',
      'a plan is data',
    ),
    only('pki-is-pure', '^src/pki', '^src/(?!pki)', 'X.509 knows no cluster'),
    only(
      'model-is-data',
      '^src/model',
      '^src/(adapters|execute|steps|cli|actions|plan|probe)',
      'data has no I/O',
    ),
    only(
      'layouts-are-data',
      '^src/layouts',
      '^src/(adapters|execute|steps|cli|actions|plan|probe)',
      'data has no I/O',
    ),
    only(
      'executor-knows-no-certificate',
      '^src/execute',
      '^src/(pki|layouts|adapters/(ssh|kube)|cli|actions|steps)',
      'general core',
    ),
    only('nothing-imports-cli', '^src/(?!cli)', '^src/cli', 'the core never prints'),
    only('product-knows-no-lab', '^src', '^(lab|test|bench)', 'the product does not know its tests'),
    only(
      'lab-is-not-the-product',
      '^lab',
      '^src/(?!pki|probe|hollow/azure-stack)',
      'the lab must not share the judgement of what it tests',
    ),
    only(
      'hollow-knows-no-product',
      '^src/hollow',
      '^src/(?!hollow|pki)',
      'a stand-in must not know what it is asked for',
    ),
    only(
      'product-knows-no-hollow',
      '^src/(?!hollow|cli)',
      '^src/hollow',
      'the product knows no kind of cluster',
    ),
    confined('ssh2', 'adapters/ssh|hollow'),
    confined('undici', 'adapters/(kube|http)|probe'),
    confined('@peculiar/x509', 'pki'),
    confined('commander', 'cli'),
    {
      name: 'not-to-unresolvable',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'require', 'node', 'default', 'types'],
      extensions: ['.ts', '.js', '.d.ts'],
    },
  },
};
