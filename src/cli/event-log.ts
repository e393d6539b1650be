import { closeSync, constants, existsSync, mkdirSync, openSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { messageOf } from '../actions/reach.js';
import type { Emit } from '../report/events.js';

/**
 * Keeps every event but the running figures of the probe, one JSON object a line, readable by its owner alone. A link
 * in its place is not followed: what it leads to is not keyroll's. One that cannot be written is no reason to leave a
 * cluster half rotated: `tell` hears of the first.
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
      append(file, `${JSON.stringify({ at: new Date().toISOString(), ...event })}\n`);
    } catch (error) {
      missed(error);
    }
  };
}

// Where a system has no O_NOFOLLOW, it is undefined and adds nothing.
const appending = constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_NOFOLLOW;

function append(file: string, line: string): void {
  const handle = openSync(file, appending, 0o600);
  try {
    writeFileSync(handle, line);
  } finally {
    closeSync(handle);
  }
}
