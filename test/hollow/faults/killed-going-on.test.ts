import { cpSync, existsSync, readFileSync, readdirSync, rmSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { watchFolders } from '../../lab/run/watcher.js';
import { FaultCluster, unasked } from './fault-cluster.js';
import { start } from './keyroll.js';
import { recordsIn } from './place.js';
import { filesBelow, secretsOf, telling } from './secrets.js';

let faults: FaultCluster;
let watcher: ReturnType<typeof watchFolders>;
/** Minutes on a small machine. */
const all = process.env['KEYROLL_TEST_ALL'] !== undefined;

beforeAll(async () => {
  if (!all) return;
  faults = await FaultCluster.start();
  watcher = watchFolders([
    faults.cluster.operatorFolder,
    ...faults.cluster.machines.flatMap(({ node }) =>
      ['/etc/kubernetes', '/var/lib/keyroll', '/home', '/tmp'].map((folder) => node.path(folder)),
    ),
  ]);
}, 180_000);
afterAll(() => (all ? faults.stop() : undefined));

const minutes = (count: number): { timeout: number } => ({ timeout: count * 60_000 });

/** Steps that were begun and have no end in the journal. */
function open(): string[] {
  const records = [...faults.records];
  const ids = (type: string): string[] =>
    records.filter((name) => name.startsWith(`${type} `)).map((name) => name.slice(type.length + 1));
  return ids('intent').filter((id) => !ids('done').includes(id));
}

describe.runIf(all)('one rotation that everything happens to', () => {
  it('is killed at each kind of step of trust and present, and goes on', minutes(4), async () => {
    // Killed before its keys lay on the disk it had not begun: the same command begins.
    await faults.killed(['rotate-certs', '--leave-bridge'], { when: 'after', record: '^intent prepare/' });
    await faults.killed(['rotate-certs', '--leave-bridge'], {
      when: 'after',
      record: '^intent trust/apiserver/',
    });
    await faults.killed(['resume'], { when: 'before', record: '^phase trust' });
    await faults.killed(['resume'], { when: 'before', record: '^done present/etcd/' });
  });

  it('goes on from a copy of its folder on another machine', minutes(3), async () => {
    const other = join(dirname(faults.cluster.operatorFolder), 'other-machine');
    cpSync(dirname(faults.cluster.modelFile), other, { recursive: true });
    faults.moveTo(join(other, 'apimodel.json'));
    await faults.killed(['resume'], { when: 'after', record: '^done present/apiserver/' });
  });

  it('refuses a second operator meanwhile, and stops at a safe place on Ctrl-C', minutes(3), async () => {
    const first = start(faults.cluster, ['resume', ...unasked('resume')], faults.how);
    await expect.poll(() => first.output(), { timeout: 60_000 }).toContain('… ');
    const here = await faults.run(['resume']);
    expect([here.code, here.output]).toEqual([10, expect.stringContaining('this folder is in use by')]);
    const original = { modelFile: faults.cluster.modelFile };
    const elsewhere = await start(faults.cluster, ['resume', ...unasked('resume')], original).ended;
    expect(elsewhere.code, elsewhere.output).toBe(10);
    expect(elsewhere.output).toMatch(
      new RegExp(
        `the cluster is being worked on by \\S+ \\(process ${first.child.pid}, resume\\) since 20[^;]*, last sign of life \\d+ s ago`,
      ),
    );
    first.child.kill('SIGINT');
    const { code, output } = await first.ended;
    expect([code, output]).toEqual([130, expect.stringContaining('to go on: keyroll resume --api-model')]);
    expect(output).toContain('to go back: keyroll rollback');
    expect(open()).toEqual([]);
  });

  it('is neither cleaned nor finished before it has ended', minutes(1), async () => {
    expect(await faults.ends(['clean'], 3)).toContain('has not ended with its proof');
    expect(await faults.ends(['finish'], 3)).toContain('and it needs the bridge');
  });

  it('loses its folder, and is adopted from what the masters keep', minutes(4), async () => {
    await faults.killed(['resume'], { when: 'before', record: '^done refresh/node-workloads' });
    const known = faults.records.size;
    rmSync(faults.state, { recursive: true });
    expect(await faults.ends(['rotate-certs'], 3)).toContain('rebuild it with keyroll adopt');
    expect(await faults.ends(['adopt'], 0)).toContain('is rebuilt in');
    // As it was when the last phase ended; the rest is read from the nodes.
    expect(faults.records.size).toBeLessThan(known);
    expect(await faults.ends(['adopt'], 3)).toContain('the folder of the rotation is there');
    await faults.killed(['resume'], { when: 'after', record: '^intent distrust/apiserver/' });
  });

  it('does not go back after the point of no return', minutes(1), async () => {
    const output = await faults.ends(['rollback'], 3);
    expect(output).toContain('after it there is no way back');
    expect(output).toContain('keyroll resume');
  });

  it('stops at once at a second Ctrl-C', minutes(3), async () => {
    const run = start(faults.cluster, ['resume', ...unasked('resume')], faults.how);
    await expect.poll(() => run.output(), { timeout: 60_000 }).toContain('… ');
    run.child.kill('SIGINT');
    await expect.poll(() => run.output()).toContain('once more stops at once');
    run.child.kill('SIGINT');
    const { code, output } = await run.ended;
    expect([code, output]).toEqual([130, expect.stringContaining('stopped at once')]);
  });

  it('loses its folder again, and is adopted in the middle of distrust', minutes(3), async () => {
    await faults.killed(['resume'], { when: 'after', record: '^intent distrust/move-leader' });
    rmSync(faults.state, { recursive: true });
    await faults.ends(['adopt'], 0);
    // What masters keep knows nothing of distrust; the nodes do.
    expect([...faults.records].filter((name) => name.includes('distrust'))).toEqual([]);
    expect(await faults.ends(['rollback'], 3)).toContain('after it there is no way back');
  });

  it('is killed at each kind of step of distrust, and ends all new', minutes(4), async () => {
    await faults.killed(['resume'], { when: 'before', record: '^done distrust/legacy-tokens' });
    await faults.killed(['resume'], { when: 'before', record: '^finished ' });
    await faults.ends(['resume'], 0);
    expect(faults.failures).toEqual([]);
    expect(faults.notNew).toEqual([]);
    expect(Object.values(faults.changes).filter((word) => / (changed|came)$/.test(word))).toEqual([]);
    await faults.well();
  });

  it('keeps the bridge that it was asked to leave, until `finish`', minutes(2), async () => {
    const bridged = (): string[] =>
      Object.entries(faults.changes)
        .filter(([, word]) => /\.chain\b/.test(word))
        .map(([file]) => file.replace(/.* /, ''));
    expect([...new Set(bridged())]).toEqual(['/etc/kubernetes/certs/apiserver.crt']);
    await faults.ends(['finish'], 0);
    expect(bridged()).toEqual([]);
    expect(await faults.ends(['finish'], 0)).toContain('no kube-apiserver serves a bridge');
  });

  it('showed no secret on a command line, in an event, a journal, a log or its output, and no open key', () => {
    const { keyFiles, openKeys, commandLines } = watcher.stop();
    expect(keyFiles).toBeGreaterThan(50);
    expect([...openKeys]).toEqual([]);
    const secrets = secretsOf(join(faults.state, faults.rotation, 'keys'));
    expect(secrets.length).toBeGreaterThan(20);
    // Where keys belong: the operator's own PEM files, the folder of the rotation, backups, and what a step lays down for its unit, all 0600.
    const belong =
      /\/keys\/|\/_rotate_certs_|apimodel\.json|azuredeploy\.parameters|\/backup\/|\/rotations\/|\/etcd-snapshots\/|\/steps\/[^/]*\/files$/;
    const places = [
      ...[dirname(faults.cluster.modelFile), dirname(faults.state)].flatMap((folder) =>
        filesBelow(folder, new RegExp(`${belong.source}|/kubeconfig/|\\.key$`)),
      ),
      ...faults.cluster.machines.flatMap(({ node }) =>
        ['/var/lib/keyroll', '/var/log/azure', '/tmp', '/etc/systemd']
          .map((folder) => node.path(folder))
          .filter((folder) => existsSync(folder))
          .flatMap((folder) => filesBelow(folder, belong)),
      ),
    ];
    expect(places.some((file) => file.endsWith('events.jsonl'))).toBe(true);
    const texts = new Map(places.map((file) => [file, readFileSync(file, 'utf8')]));
    for (const [index, line] of [...commandLines].entries())
      texts.set(`command line ${index}: ${line.slice(0, 80)}`, line);
    for (const [index, output] of faults.outputs.entries()) texts.set(`output ${index}`, output);
    expect(telling(texts, secrets)).toEqual([]);
  });

  it('leaves nothing of the old side after `clean`', minutes(1), async () => {
    const { rotation } = faults;
    await faults.ends(['clean'], 0);
    expect(readdirSync(join(faults.state, rotation))).toEqual(['journal.jsonl']);
    expect(existsSync(join(dirname(faults.state), '_rotate_certs_backup'))).toBe(false);
    for (const { node } of faults.cluster.machines) {
      const left = readdirSync(node.path('/var/lib/keyroll')).filter(
        (name) => !/^scripts-|\.guard$/.test(name) && statSync(node.path('/var/lib/keyroll')).isDirectory(),
      );
      expect([node.name, left]).toEqual([node.name, []]);
    }
    expect(recordsIn(faults.state)).toContain(`finished ${rotation}`);
    expect(faults.failures).toEqual([]);
  });
});
