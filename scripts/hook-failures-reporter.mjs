// A reporter for vitest. Its JSON report knows nothing of a hook that failed in a suite inside a file, only that its tests
// were skipped: this one keeps what such hooks said in out/tests/NAME.hooks.json, NAME being $KEYROLL_TEST_PART.
// The file is a list of [suite, what it said]; scripts/summary.mjs prints it.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export default class HookFailuresReporter {
  onTestRunEnd(modules) {
    const part = process.env.KEYROLL_TEST_PART;
    if (part === undefined) return;
    const folder = join('out', 'tests');
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, `${part}.hooks.json`), JSON.stringify(modules.flatMap(failuresIn)));
  }
}

function failuresIn(module) {
  return [...module.children.allSuites()].flatMap((suite) =>
    suite.errors().map((error) => [suite.fullName, error.stack ?? error.message]),
  );
}
