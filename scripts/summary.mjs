// Sums up what the parts of the tests left in a folder (default out/tests) and prints, last and alone on its line,
// `N passed, N failed, N skipped`. For each part there is NAME.exit with its exit code (made by part.sh) and, where
// vitest ran it, NAME.json and NAME.hooks.json. A part without tests of its own counts as one test; so does an error that no test shows.
// What a failure said comes last: whoever sees only the end of a long log learns from it what to look for.
// Exit code: 0 when nothing failed and every part that was asked for ended, else 1.
// Usage: summary.mjs [--expect check,unit,hollow,lab] [FOLDER]
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join, relative } from 'node:path';
import { parseArgs } from 'node:util';

const { values, positionals } = parseArgs({
  options: { expect: { type: 'string', default: '' } },
  allowPositionals: true,
});
const folder = positionals[0] ?? join('out', 'tests');
const linesOfFailure = { first: 8, last: 24 };

/** Names of the parts that ran or should have. */
function partNames() {
  const ended = existsSync(folder) ? readdirSync(folder).filter((file) => file.endsWith('.exit')) : [];
  const expected = values.expect.split(',').filter(Boolean);
  return [...new Set([...expected, ...ended.map((file) => file.slice(0, -'.exit'.length))])];
}

/** All tests of a part; none when vitest left no report. */
function testsOf(name) {
  const file = join(folder, `${name}.json`);
  if (!existsSync(file)) return [];
  return JSON.parse(readFileSync(file, 'utf8')).testResults.flatMap(testsOfFile);
}

/** What hooks of suites said that failed, as pairs of suite and text (scripts/hook-failures-reporter.mjs). */
function hookFailuresOf(name) {
  const file = join(folder, `${name}.hooks.json`);
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : [];
}

/** A file that could not be loaded, or whose hook failed, has no failed test of its own: it counts as one. */
function testsOfFile({ name, status, assertionResults, message }) {
  const file = relative(process.cwd(), name);
  const tests = assertionResults.map(({ fullName, status: ended, failureMessages = [] }) => ({
    name: `${file}: ${fullName}`,
    status: ended,
    said: failureMessages.join('\n'),
  }));
  if (status !== 'failed' || tests.some((test) => test.status === 'failed')) return tests;
  const [first = '', ...rest] = String(message).split('\n');
  const why = first || 'it could not be loaded, or a hook failed; vitest says why above';
  return [...tests, { name: `${file}: ${why}`, status: 'failed', said: rest.join('\n') }];
}

/** What a part has passed, failed and skipped, as names. */
function judge(name) {
  const file = join(folder, `${name}.exit`);
  const code = existsSync(file) ? Number(readFileSync(file, 'utf8')) : undefined;
  const result = { passed: [], failed: [], skipped: [], said: [] };
  const tests = testsOf(name);
  // vitest calls them passed, failed, skipped, pending, disabled, todo; only the first two ran.
  for (const test of tests) (result[test.status] ?? result.skipped).push(test.name);
  for (const { name: test, status, said } of tests)
    if (status === 'failed' && said) result.said.push([test, said]);
  result.said.push(...hookFailuresOf(name));
  if (code === undefined) result.failed.push(`${name}: did not run to its end`);
  else if (code !== 0 && result.failed.length === 0)
    result.failed.push(`${name}: ended with exit code ${code}`);
  else if (code === 0 && tests.length === 0) result.passed.push(name);
  return result;
}

/** What a failure said, indented, without the runner's own frames; of a long text its beginning and its end. */
function shortened(said) {
  const lines = said.split('\n').filter((line) => line.trim() !== '' && !line.includes('node_modules'));
  const { first, last } = linesOfFailure;
  const shown = lines.length <= first + last ? lines : [...lines.slice(0, first), '…', ...lines.slice(-last)];
  return shown.map((line) => `  ${line.slice(0, 300)}`);
}

const parts = partNames().map(judge);
for (const { skipped } of parts) for (const test of skipped) console.log(`skipped: ${test}`);
for (const { said } of parts)
  for (const [test, text] of said) console.log([`${test}`, ...shortened(text)].join('\n'));
for (const { failed } of parts) for (const test of failed) console.log(`failed: ${test}`);
const count = (kind) => parts.reduce((sum, part) => sum + part[kind].length, 0);
console.log(`${count('passed')} passed, ${count('failed')} failed, ${count('skipped')} skipped`);
process.exitCode = count('failed') === 0 && parts.length > 0 ? 0 : 1;
