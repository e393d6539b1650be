import { execFileSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { quote } from './quote.js';

/** What `/bin/sh` makes of a command line: its words, told apart by NUL. */
function words(line: string): string[] {
  const out = execFileSync('/bin/sh', ['-c', `printf '%s\\0' ${line}`], { encoding: 'utf8' });
  return out.split('\0').slice(0, -1);
}

describe('quote', () => {
  it('leaves plain words readable', () => {
    expect(quote(['sudo', '-n', '/bin/sh'])).toBe('sudo -n /bin/sh');
  });

  it.each([
    [['']],
    [["it's"]],
    [['a b', '$HOME', '`id`', '$(id)', '\\', '"', '~', '#', '*']],
    [['line\nbreak\n']],
  ])('passes %j unchanged', (args) => {
    expect(words(quote(args))).toEqual(args);
  });

  it('rejects a NUL byte', () => {
    expect(() => quote(['a\0b'])).toThrow('NUL');
  });

  it('passes any words through a shell unchanged', () => {
    const word = fc.string({ unit: 'binary', maxLength: 40 }).filter((text) => !text.includes('\0'));
    // Many words for each shell: starting one is slow on a busy machine.
    fc.assert(
      fc.property(fc.array(word, { minLength: 50, maxLength: 200 }), (args) => {
        expect(words(quote(args))).toEqual(args);
      }),
      { numRuns: 15 },
    );
  });
});
