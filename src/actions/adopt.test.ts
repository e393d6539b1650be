import { describe, expect, it } from 'vitest';
import { openAmong, type Kept } from './adopt.js';

function kept(node: string, rotation: string, ended: boolean): Kept {
  return { node, rotation, ended, archive: Buffer.alloc(0) };
}

describe('the rotation that masters keep as begun and not ended', () => {
  it('is the latest one', () => {
    const all = [kept('m0', 'r2', false), kept('m1', 'r2', false), kept('m0', 'r1', false)];
    expect(openAmong(all)).toBe(all[0]);
  });

  it('is none that has ended by the word of any master: one that was away keeps it as it was', () => {
    const all = [kept('m0', 'r2', true), kept('m1', 'r2', false)];
    expect(openAmong(all)).toBeUndefined();
    expect(openAmong([kept('m0', 'r3', false), ...all])?.rotation).toBe('r3');
  });

  it('is none that was given up: a later one has ended, on the masters or by a folder here', () => {
    expect(openAmong([kept('m0', 'r2', true), kept('m0', 'r1', false)])).toBeUndefined();
    expect(openAmong([kept('m0', 'r1', false)], ['r1', 'r0'])).toBeUndefined();
    expect(openAmong([kept('m0', 'r1', false)], ['r2'])).toBeUndefined();
    expect(openAmong([kept('m0', 'r1', false)], ['r0'])?.rotation).toBe('r1');
  });
});
