import { network } from '../../../lab/cluster/plan.js';
import type { TestLab } from '../test-lab.js';
import { startChild } from './child.js';

/** A time without any answer from a server that nothing is done to. ms since 1970. */
export interface Stall {
  readonly from: number;
  readonly to: number;
}

export interface ControlResult {
  readonly requests: number;
  readonly failed: number;
  readonly longestMs: number;
  readonly stalls: readonly Stall[];
}

/** Starts a client and a server in the lab's network that have nothing to do with the cluster. */
export async function startControl(
  lab: TestLab,
): Promise<{ finish(): Promise<ControlResult>; kill(): void }> {
  const server = await startChild(lab, 'control-server', network.gateway);
  const client = await startChild(lab, 'control-client', network.gateway, server.ready);
  return {
    async finish() {
      const result = JSON.parse(await client.finish()) as ControlResult;
      await server.finish();
      return result;
    },
    kill() {
      client.kill();
      server.kill();
    },
  };
}

/** A failure that only time caused: nothing refused, reset or answered wrongly. */
const timeouts = /no answer in|timed? ?out|deadline exceeded|no event of an acknowledged write in/i;

interface Failure {
  readonly at: string;
  readonly error: string;
  readonly latencyMs: number;
}

/**
 * Why a run says nothing about the cluster: requests timed out while this machine did not even let two processes of its
 * own talk. Undefined when none did, and when there is any failure that a stall cannot explain.
 */
export function disturbance(failures: readonly Failure[], stalls: readonly Stall[]): string | undefined {
  const excused = failures.filter(
    (failure) => timeouts.test(failure.error) && stalls.some((stall) => overlaps(failure, stall)),
  );
  if (excused.length === 0 || excused.length < failures.length) return undefined;
  const longest = Math.max(...stalls.map(({ from, to }) => to - from));
  return `${excused.length} requests timed out while the control client was stalled for up to ${longest} ms`;
}

function overlaps({ at, latencyMs }: Failure, { from, to }: Stall): boolean {
  const sent = Date.parse(at);
  return sent <= to && sent + latencyMs >= from;
}
