// Writes the table of faults into docs/reliability.md, between its marks, from what the tests of `test/hollow-all` left
// in out/faults/hollow.jsonl. Places that differ only in their node share a line.
// Usage: node scripts/fault-table.mjs
import { readFileSync, writeFileSync } from 'node:fs';

const source = 'out/faults/hollow.jsonl';
const page = 'docs/reliability.md';
const [begin, end] = ['<!-- faults: begin -->', '<!-- faults: end -->'];

/** `before done trust/apiserver/k8s-master-1234-0` → `before done trust/apiserver/NODE` */
const kindOf = (when) => when.replace(/k8s-\S+/, 'NODE').replace(/^(\w+ (?:finished|rollback)) .*/, '$1');

const groups = new Map();
for (const line of readFileSync(source, 'utf8').split('\n').filter(Boolean)) {
  const row = JSON.parse(line);
  const key = [row.fault, kindOf(row.when), row.then, row.end].join('\u0000');
  const group = groups.get(key) ?? { ...row, when: kindOf(row.when), times: 0, requests: 0, failed: 0 };
  group.times += 1;
  group.requests += row.requests;
  group.failed += row.failed;
  groups.set(key, group);
}

const number = (value) => value.toLocaleString('en-US');
const lines = [
  '| fault | when | times | then | requests | failed | end state |',
  '| --- | --- | --- | --- | --- | --- | --- |',
  ...[...groups.values()].map(
    ({ fault, when, times, then, requests, failed, end: state }) =>
      `| ${fault} | ${when} | ${times} | ${then} | ${number(requests)} | ${failed} | ${state} |`,
  ),
];

const text = readFileSync(page, 'utf8');
const [before, rest] = text.split(begin);
const after = rest?.split(end)[1];
if (after === undefined) throw new Error(`${page}: expected the marks ${begin} and ${end}`);
writeFileSync(page, `${before}${begin}\n\n${lines.join('\n')}\n\n${end}${after}`);
const all = [...groups.values()];
const sum = (field) => all.reduce((total, group) => total + group[field], 0);
console.log(`${sum('times')} faults, ${number(sum('requests'))} requests, ${sum('failed')} failed`);
