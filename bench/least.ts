import { setTimeout as sleep } from 'node:timers/promises';
import { openFleet } from '../src/adapters/ssh/fleet.js';
import { readPrivateKey } from '../src/adapters/ssh/key.js';
import { HostKeys } from '../src/adapters/ssh/known-hosts.js';
import { loadScripts } from '../src/adapters/ssh/scripts.js';
import { shortenedTimings, startCluster, type HollowCluster } from '../src/hollow/index.js';
import { used } from './used.js';

const restMs = 20_000;
const calls = 250;

/**
 * What a hollow cluster of 3 masters and 2 agents takes when nobody does anything, and what the shortest script of a node
 * takes that is called over SSH (this process is both sides): the least that a rotation of so many seconds and calls can
 * take. Prints figures and judges nothing.
 */
export async function least(): Promise<number> {
  const cluster = await startCluster({
    ...{ masters: 3, agents: 2, timings: shortenedTimings, projectedTokens: false },
    keys: { type: 'ec', curve: 'prime256v1' },
    watchdogDelayMs: 5_000,
  });
  try {
    await sleep(5_000);
    const before = used();
    await sleep(restMs);
    const after = used();
    const rest = (after.own - before.own) / (after.at - before.at);
    console.log(`at rest: ${rest.toFixed(3)} s of CPU a second`);
    const call = await oneCall(cluster, rest);
    console.log(`a call: ${ms(call.here)} of this process, ${ms(call.programs)} of its programs`);
    return 0;
  } finally {
    await cluster.stop();
  }
}

/** One of many calls, s of CPU; what goes by anyhow meanwhile, `rest` a second, is not of the call. */
async function oneCall(
  { ssh, machines }: HollowCluster,
  rest: number,
): Promise<{ here: number; programs: number }> {
  const [master] = machines;
  if (!master) throw new Error('the cluster has no machine');
  const fleet = openFleet({
    jump: ssh,
    username: 'azureuser',
    identity: { key: await readPrivateKey(ssh.keyFile) },
    hostKeys: new HostKeys({ extra: ssh.knownHosts, own: `${ssh.knownHosts}.bench` }),
    scripts: await loadScripts(),
  });
  const shell = fleet.shell({ name: master.node.name, address: master.node.address });
  await shell.run('clock');
  const before = used();
  for (let call = 0; call < calls; call += 1) await shell.run('clock');
  const after = used();
  await fleet.close();
  const here = after.own - before.own - rest * (after.at - before.at);
  return { here: here / calls, programs: (after.children - before.children) / calls };
}

function ms(seconds: number): string {
  return `${(seconds * 1000).toFixed(1)} ms`;
}
