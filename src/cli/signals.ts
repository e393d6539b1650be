import type { StopRequest } from '../execute/stop.js';
import { exitCodes } from './exit-codes.js';

/**
 * The first SIGINT (Ctrl-C) or SIGTERM: the step in hand is finished, then the run stops at a safe place. The second: the
 * process ends at once; what it had begun is found again from the journal and the nodes, as after any crash.
 * The returned function gives both signals back their former effect.
 */
export function stopOnSignals(stop: StopRequest, say: (text: string) => void): () => void {
  const onSignal = (): void => {
    if (stop.requested) {
      say('stopped at once; what was begun is taken up by the same command');
      process.exit(exitCodes.stopped);
    }
    stop.request('stopped on request');
    say('finishing the step in hand, then stopping at a safe place; once more stops at once');
  };
  const signals = ['SIGINT', 'SIGTERM'] as const;
  for (const signal of signals) process.on(signal, onSignal);
  return () => {
    for (const signal of signals) process.off(signal, onSignal);
  };
}
