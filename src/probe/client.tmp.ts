import { readFileSync } from 'node:fs';
import { startProbe } from './index.js';
async function main() {
  const { url, credentials } = JSON.parse(readFileSync('/tmp/cost/info.json', 'utf8'));
  const base = { targets: [{ server: url }], credentials };
  const all: any = { fresh: { kind: 'fresh', name: 'fresh-old-trust', path: '/version', ...base },
      http1: { kind: 'kept-http1', name: 'kept-http1', path: '/version', ...base },
      http2: { kind: 'kept-http2', name: 'kept-http2', path: '/version', ...base },
      watch: { kind: 'watch', name: 'watch', of: 'write', ...base },
      write: { kind: 'write', name: 'write', namespace: 'n', ...base } };
  const sets = process.argv[2] === 'each' ? [['fresh'], ['http1'], ['http2'], ['write'], ['write','watch']] : [Object.keys(all)];
  for (const set of sets) {
    const before = process.memoryUsage().rss;
    const probe = await startProbe({ classes: set.map((n) => all[n]), startTimeoutMs: 30000 });
    await new Promise((r) => setTimeout(r, 1000));
    const a = (await probe.stats()).worker;
    await new Promise((r) => setTimeout(r, process.argv[2] === 'each' ? 10_000 : 40_000));
    const b = (await probe.stats()).worker;
    const s = await probe.finish();
    console.log(set.join('+'), `${((b.cpuMs - a.cpuMs) / (b.seconds - a.seconds)).toFixed(1)} cpu-ms/s`, JSON.stringify(b), 'rss +', ((process.memoryUsage().rss - before) / 1e6).toFixed(1), Object.entries(s.classes).map(([n, c]) => `${n}: ${c.requests} req ${c.failed} failed ${c.resent} resent ${c.skipped} skipped gap ${c.longestGapMs} lat ${c.longestLatencyMs} lost ${c.lost} missed ${c.missed}`).join('; '));
  }
}
void main();
