import type { Journal, JournalRecord } from '../execute/journal.js';

const id = 'rescue';

/** This record says that the rotation is a rescue. */
export function isRescueMark(record: JournalRecord): boolean {
  return record.type === 'fact' && record.id === id;
}

/** From now on the rotation is a rescue, and stays one. */
export function markRescue(journal: Journal): void {
  journal.remember(id, true);
}
