import { step, terminalProgress, type Progress } from '../assets/index.js';
import { run } from '../cluster/host/command.js';
import * as lab from '../cluster/index.js';

/** A cluster that runs, and a keyroll that is built. */
export interface Prepared {
  readonly fqdn: string;
  readonly paths: lab.LabPaths;
}

/** Builds keyroll and brings up the lab, one beside the other, telling how far both are. Repeatable. */
export async function prepare(): Promise<Prepared> {
  console.log(
    'builds keyroll and brings up a cluster of 3 masters and 2 agents (usually 1 min; 8 min or more the first time, when\n' +
      'Kubernetes is built from source; what is fetched and built is kept in ~/.cache/keyroll-lab)',
  );
  const progress = terminalProgress();
  try {
    const work = [buildKeyroll(progress), bringUp(progress)] as const;
    // Both end before an error is shown, so that nothing goes on behind it.
    await Promise.allSettled(work);
    const [, fqdn] = await Promise.all(work);
    return { fqdn, paths: await lab.paths() };
  } finally {
    progress.close();
  }
}

function buildKeyroll(progress: Progress): Promise<string> {
  return step(progress, 'keyroll: build into dist/', 15, () =>
    run(['npm', 'run', '-s', 'build'], { timeoutMs: 30 * 60_000 }),
  );
}

/** A lab that is well is taken as it is, with whatever options it has; else the default one is brought up. */
async function bringUp(progress: Progress): Promise<string> {
  const found = await lab.status();
  if (!found.healthy) return (await lab.up(progress)).fqdn;
  progress.note(
    `  lab ${found.name} is up and well: it is taken as it is (make lab-down makes room for a new one)`,
  );
  return `${found.name}.${lab.network.location}.${lab.network.dnsSuffix}`;
}
