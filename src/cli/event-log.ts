import { appendFileSync, mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Emit } from '../report/events.js';

/** Keeps every event but the running figures of the probe, one JSON object a line, readable by its owner alone. */
export function eventLog(file: string): Emit {
  return (event) => {
    if (event.code === 'probe') return;
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    appendFileSync(file, `${JSON.stringify({ at: new Date().toISOString(), ...event })}\n`, { mode: 0o600 });
  };
}
