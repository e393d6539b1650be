import type { StopRequest } from '../execute/stop.js';
import { exitCodes } from './exit-codes.js';

/**
 * Ctrl-C once: the step in hand is finished, then the run stops at a safe place. Twice: it stops at once, which is as safe
 * as any crash. A SIGTERM is taken as a Ctrl-C. Returns what undoes it.
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
