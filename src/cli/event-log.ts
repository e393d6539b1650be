import { appendFileSync, existsSync, mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { messageOf } from '../actions/reach.js';
import type { Emit } from '../report/events.js';

/**
 * Keeps every event but the running figures of the probe, one JSON object a line, readable by its owner alone. One that
 * cannot be written is no reason to leave a cluster half rotated: `tell` hears of the first.
 */
export function eventLog(file: string, tell: (text: string) => void): Emit {
  const folder = dirname(file);
  let told = false;
  const missed = (error: unknown): void => {
    if (!told) tell(`${file}: events cannot be written, and will be missing there (${messageOf(error)})`);
    told = true;
  };
  return (event) => {
    if (event.code === 'probe') return;
    try {
      // Not the folders above: where the API model is gone, nothing is left behind.
      if (!existsSync(folder)) mkdirSync(folder, { mode: 0o700 });
      appendFileSync(file, `${JSON.stringify({ at: new Date().toISOString(), ...event })}\n`, {
        mode: 0o600,
      });
    } catch (error) {
      missed(error);
    }
  };
}
