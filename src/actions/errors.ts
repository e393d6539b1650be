import type { AnyPhaseName, Finding } from '../model/plan.js';

/** Something forbids the start; nothing was changed. */
export class BlockedError extends Error {
  override readonly name = 'BlockedError';
  constructor(readonly blockers: readonly Finding[]) {
    super(blockers.map(({ where, what, next }) => `${where}: ${what}; ${next}`).join('\n'));
  }
}

/** The operator did not consent; nothing was changed. */
export class DeclinedError extends Error {
  override readonly name = 'DeclinedError';
}

/** There is nothing to take up, or no way in the direction that was asked for; nothing was changed. */
export class NoWayError extends Error {
  override readonly name = 'NoWayError';
}

/** A phase ended, but not every node is where the phase puts it. */
export class BarrierError extends Error {
  override readonly name = 'BarrierError';
  constructor(
    readonly phase: AnyPhaseName,
    readonly deviations: readonly string[],
    seconds: number,
  ) {
    const shown = deviations.slice(0, 5).join('\n  ');
    super(
      `the barrier of ${phase} does not hold after ${seconds} s, so the next phase does not begin:\n  ${shown}\nmend it, then run the same command again`,
    );
  }
}
