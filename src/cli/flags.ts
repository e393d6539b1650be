import { homedir } from 'node:os';
import { resolve } from 'node:path';
import { InvalidArgumentError } from 'commander';
import { gateNames, unknownGates } from '../actions/gates/index.js';

const unitsMs = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000, y: 365 * 86_400_000 } as const;

/** `90s`, `30m`, `12h`, `365d`, `2y` as ms. @throws InvalidArgumentError */
export function duration(text: string): number {
  const match = /^(\d+(?:\.\d+)?)([smhdy])$/.exec(text);
  const amount = Number(match?.[1]);
  if (!match || amount === 0) throw new InvalidArgumentError('expected a time like 30m, 12h, 365d or 2y.');
  return amount * unitsMs[match[2] as keyof typeof unitsMs];
}

/** Ms as `duration` reads them, in seconds. */
export function durationText(ms: number): string {
  return `${ms / 1000}s`;
}

/** A path with a leading `~` expanded: quoted examples do not let the shell do it. An empty one stays empty. */
export function path(text: string): string {
  if (text === '') return '';
  return resolve(text === '~' || text.startsWith('~/') ? `${homedir()}${text.slice(1)}` : text);
}

/** @throws InvalidArgumentError */
export function port(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1 || value > 65_535)
    throw new InvalidArgumentError('expected a port from 1 to 65535.');
  return value;
}

/** Names of a flag that may be given again, each perhaps several with commas between. */
export function collect(value: string, before: readonly string[]): string[] {
  return [...before, ...value.split(',').flatMap((name) => name.trim() || [])];
}

/** @throws InvalidArgumentError for a name that no gate has */
export function gate(value: string, before: readonly string[]): string[] {
  if (unknownGates([value]).length > 0)
    throw new InvalidArgumentError(`expected one of ${gateNames.join(', ')}.`);
  return collect(value, before);
}
