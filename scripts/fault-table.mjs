// Writes the tables of faults into docs/reliability.md, between their marks, from what the tests left in out/faults:
// hollow.jsonl by `test/hollow-all`, lab.jsonl by `test/lab-all`. Places that differ only in their node share a line. A
// table whose file is not there stays as it is.
// Usage: node scripts/fault-table.mjs
import { existsSync, readFileSync, writeFileSync } from 'node:fs';

const page = 'docs/reliability.md';

/** `before done trust/apiserver/k8s-master-1234-0` → `before done trust/apiserver/NODE` */
const kindOf = (when) => when.replace(/k8s-\S+/, 'NODE').replace(/^(\w+ (?:finished|rollback)) .*/, '$1');

/** Rows of one kind, with how often and how many requests. */
function grouped(file) {
  const groups = new Map();
  for (const line of readFileSync(file, 'utf8').split('\n').filter(Boolean)) {
    const row = JSON.parse(line);
    const when = kindOf(row.when);
    const key = [row.fault, when, row.then, row.end].join('\u0000');
    const group = groups.get(key) ?? { ...row, when, times: 0, requests: 0, failed: 0, control: 0 };
    group.times += 1;
    for (const field of ['requests', 'failed', 'control']) group[field] += row[field] ?? 0;
    groups.set(key, group);
  }
  return [...groups.values()];
}

const number = (value) => value.toLocaleString('en-US');

/** Name of a table: its heads, and a row's cells. */
const tables = {
  hollow: [
    ['fault', 'when', 'times', 'then', 'requests', 'failed', 'end state'],
    ({ fault, when, times, then, requests, failed, end }) => [
      ...[fault, when, times, then],
      ...[number(requests), failed, end],
    ],
  ],
  lab: [
    ['fault', 'when', 'what happened', 'requests', 'failed', 'failed without keyroll', 'end state'],
    ({ fault, when, then, requests, failed, control, end }) => [
      ...[fault, `\`${when.replaceAll('|', '\\|')}\``, then.replaceAll('|', '\\|')],
      ...[number(requests), failed, control, end],
    ],
  ],
};

let text = readFileSync(page, 'utf8');
for (const [name, [heads, cells]] of Object.entries(tables)) {
  const file = `out/faults/${name}.jsonl`;
  if (!existsSync(file)) continue;
  const rows = grouped(file);
  const lines = [heads, heads.map(() => '---'), ...rows.map(cells)].map((row) => `| ${row.join(' | ')} |`);
  const [begin, end] = ['begin', 'end'].map((word) => `<!-- faults ${name}: ${word} -->`);
  const [before, rest] = text.split(begin);
  const after = rest?.split(end)[1];
  if (after === undefined) throw new Error(`${page}: expected the marks ${begin} and ${end}`);
  text = `${before}${begin}\n\n${lines.join('\n')}\n\n${end}${after}`;
  const sum = (field) => rows.reduce((total, row) => total + row[field], 0);
  console.log(
    `${name}: ${sum('times')} faults, ${number(sum('requests'))} requests, ${sum('failed')} failed`,
  );
}
writeFileSync(page, text);
