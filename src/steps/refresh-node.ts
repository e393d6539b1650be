import type { StepRunner } from './context.js';
import { fileLines } from './file-lines.js';

/**
 * Trust and certificates of one side for one node; its kubelet restarts once and has a client certificate of that side.
 * The node stays in the guard until it is Ready again (`await-ready`), since its pods may count as not ready meanwhile.
 */
export const refreshNode: StepRunner<'refresh-node'> = async (step, context) => {
  const { layout, rotation, materials, guard } = context;
  const shell = context.shell(step.node);
  await guard.enter(step.node);
  try {
    const { stdout } = await shell.run(
      'refresh-kubelet',
      [rotation, step.side, layout.ca, ...layout.kubeletWatchdogs],
      { stdin: fileLines(step.files, materials), timeoutMs: 300_000 },
    );
    const started = startOf(stdout, step.node);
    const restarts = step.restartPods.map((program) =>
      shell.run('restart-pod', [program, String(started)], { timeoutMs: 240_000 }),
    );
    // All have ended before an error is told, so that nothing goes on behind it.
    await Promise.allSettled(restarts);
    await Promise.all(restarts);
    // The kubelet of before may have reported within the same second.
    return { node: step.node, since: started + 1, processes: ['kubelet', ...step.restartPods] };
  } catch (error) {
    guard.leave(step.node);
    throw error;
  }
};

/** When the kubelet that runs was started, by the node's clock, s since 1970: what the script says last. */
function startOf(stdout: string, node: string): number {
  const since = /^since (\d+)$/m.exec(stdout)?.[1];
  if (since === undefined)
    throw new Error(
      `node ${node}: refresh-kubelet said "${stdout.trim()}", expected a line "since SECONDS"; run the same command again`,
    );
  return Number(since);
}
