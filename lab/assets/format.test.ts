import { describe, expect, it } from 'vitest';
import { bytes, duration, percent } from './format.js';

describe('duration', () => {
  it.each([
    [0, '0 s'],
    [3.14, '3.1 s'],
    [9.96, '10 s'],
    [59.6, '1 min'],
    [65, '1 min 05 s'],
    [3600, '60 min'],
  ])('%d seconds are %s', (seconds, text) => {
    expect(duration(seconds)).toBe(text);
  });
});

describe('percent', () => {
  it('never says 100 % before the end and stays within 0 and 100', () => {
    expect([-1, 0, 0.999, 1, 2].map(percent)).toEqual(['0 %', '0 %', '99 %', '100 %', '100 %']);
  });
});

describe('bytes', () => {
  it('chooses megabytes or gigabytes', () => {
    expect([6e9, 6.24e9, 512_300_000].map(bytes)).toEqual(['6 GB', '6.2 GB', '512 MB']);
  });
});
