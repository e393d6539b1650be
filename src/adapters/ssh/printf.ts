/**
 * Bytes as a shell's `printf %b` reads them, on one line: so a shell writes a file without starting a program. Plain ASCII
 * stays as it is; of all other bytes, of backslashes, of `@` and of a blank at either end the value follows in octal digits.
 */
export function printfEscaped(content: string | Buffer): string {
  return Buffer.from(content)
    .toString('latin1')
    .replace(/^ | $|[^ -?A-[\]-~]/g, (character) =>
      character === '\n' ? '\\n' : `\\0${character.charCodeAt(0).toString(8).padStart(3, '0')}`,
    );
}
