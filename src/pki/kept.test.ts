import { describe, expect, it } from 'vitest';
import { kept } from './kept.js';

describe('what is kept', () => {
  it('is made once, and again when too much else came between', () => {
    const made: string[] = [];
    const length = kept(2, (text) => {
      made.push(text);
      return text.length;
    });
    expect(['a', 'a', 'bb', 'a', 'ccc', 'bb', 'a'].map(length)).toEqual([1, 1, 2, 1, 3, 2, 1]);
    expect(made).toEqual(['a', 'bb', 'ccc', 'a']);
  });

  it('is not what failed', () => {
    let tries = 0;
    const half = kept(2, () => {
      tries += 1;
      if (tries === 1) throw new Error('half a file');
      return tries;
    });
    expect(() => half('x')).toThrow('half a file');
    expect(half('x')).toBe(2);
  });
});
