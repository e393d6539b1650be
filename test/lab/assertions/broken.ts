import { join } from 'node:path';
import { expect, it } from 'vitest';
import { childCommand } from '../run/child.js';
import type { Rotation } from '../run/rotation.js';

/** What the barrier of `distrust` says about the lab at this moment. */
async function deviations({ lab, report }: Rotation): Promise<string[]> {
  const model = join(lab.clusterDir, 'apimodel.json');
  const args = [model, lab.plan.fqdn, lab.sshKey, report.rotation, 'distrust'];
  const { code, stdout, stderr } = await lab.exec(childCommand('barrier-main', args));
  if (code !== 0) throw new Error(`barrier-main: ended with ${code}: ${stderr.slice(-2000)}`);
  return JSON.parse(stdout) as string[];
}

/** Breaks one thing on a node, asks, and mends it whatever the answer. */
async function whileBroken(rotation: Rotation, breaking: string, mending: string): Promise<string[]> {
  const node = rotation.lab.masters[1]?.name ?? '';
  await rotation.lab.onNode(node, breaking);
  try {
    return await deviations(rotation);
  } finally {
    await rotation.lab.onNode(node, mending);
  }
}

/** What an operator is told when a node is not as `distrust` leaves it. */
export function itSeesWhatIsBroken(of: () => Rotation): void {
  const master = (): string => of().lab.masters[1]?.name ?? '';

  it('holds the barrier of distrust, looked at once more', async () => {
    expect(await deviations(of())).toEqual([]);
  });

  it('names a private key that others can read', async () => {
    const key = '/etc/kubernetes/certs/etcdserver.key';
    const told = await whileBroken(of(), `chmod 0644 ${key}`, `chmod 0600 ${key}`);
    expect(told).toEqual([`node ${master()}: ${key} has mode 644, expected 600`]);
  });

  it('names a unit file that is not what it was', async () => {
    const defaults = '/etc/default/etcd';
    const told = await whileBroken(
      of(),
      `cp -a ${defaults} /root/etcd; echo >>${defaults}`,
      `mv /root/etcd ${defaults}`,
    );
    expect(told).toEqual([`node ${master()}: ${defaults} does not hold what this phase puts there`]);
  });
}
