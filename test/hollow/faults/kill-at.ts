/**
 * Loaded into keyroll's process before keyroll itself (`node --import`): kills it, as `kill -9` would, before or after it
 * writes a chosen record of its journal. The product knows nothing of it.
 */
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { nameOf, readRecord, unfinishedRecordsIn, whenKilled, type Place } from './place.js';

const wanted = JSON.parse(process.env['KEYROLL_TEST_KILL'] ?? 'null') as (Place & { state: string }) | null;

if (wanted) {
  const append = fs.appendFileSync;
  const known = unfinishedRecordsIn(wanted.state);
  const replacement: typeof fs.appendFileSync = (file, data, options) => {
    const record = typeof file === 'number' && typeof data === 'string' ? readRecord(data) : undefined;
    const when = record && whenKilled(wanted, record, known);
    if (record && when === 'before') die(`before ${nameOf(record)}`);
    append(file, data, options);
    if (record && when === 'after') die(`after ${nameOf(record)}`);
  };
  fs.appendFileSync = replacement;
  syncBuiltinESMExports();
}

/** Nothing of this process happens any more, not even what other threads of it are about to do. */
function die(where: string): never {
  fs.writeSync(2, `killed ${where}\n`);
  process.kill(process.pid, 'SIGKILL');
  throw new Error('the kernel has not ended this process');
}
