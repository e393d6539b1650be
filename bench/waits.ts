/** What the bench reads of a journal's record. */
export interface TimedRecord {
  readonly at: string;
  readonly type: string;
  readonly id: string;
  readonly details?: { readonly log?: readonly string[] };
}

/** For each step how long it took; for a step that ran as a unit on a node also the times between the marks of its log. */
export function waits(records: readonly TimedRecord[]): string[] {
  return records
    .filter(({ type }) => type === 'intent')
    .flatMap((intent) => {
      const done = records.find(({ type, id }) => type === 'done' && id === intent.id);
      if (!done) return [`${intent.id}: was not finished`];
      const took = (Date.parse(done.at) - Date.parse(intent.at)) / 1000;
      return [`${took.toFixed(1).padStart(6)} s  ${intent.id}${marks(done.details?.log ?? [])}`];
    });
}

/** `redirect 0.0, hold 0.7, …`: seconds since the first mark. */
function marks(log: readonly string[]): string {
  const timed = log.flatMap((line) => {
    const match = /^(\d{13}) (.*)$/.exec(line);
    return match?.[1] === undefined ? [] : [{ at: Number(match[1]), what: match[2] ?? '' }];
  });
  const [first] = timed;
  if (!first) return '';
  return `  (${timed.map(({ at, what }) => `${what} ${((at - first.at) / 1000).toFixed(1)}`).join(', ')})`;
}
