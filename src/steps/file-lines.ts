import type { Materials } from '../model/materials.js';
import type { Content, PlannedFile } from '../model/plan.js';

/** Files as the lines that `install-files.sh` reads. */
export function fileLines(files: readonly PlannedFile[], materials: Materials): string {
  return files
    .map(({ path, mode, owner, content }) => `${path} ${mode} ${owner} ${encoded(content, materials)}\n`)
    .join('');
}

/** One file of which the text is at hand. */
export function fileLine(path: string, mode: string, owner: string, text: string): string {
  return `${path} ${mode} ${owner} ${escaped(text)}\n`;
}

/** What a file held at the start lies on its own node: its content is not sent. */
function encoded(content: Content, materials: Materials): string {
  if (!('original' in content)) return escaped(materials.textOf(content) ?? '');
  return content.append === undefined ? '@original' : `@original+${escaped(materials.get(content.append))}`;
}

/**
 * As a shell's `printf %b` reads it, without a line end: a shell writes a file so without starting a program. Plain
 * ASCII stays as it is; of all other bytes, of backslashes and of `@` the value follows in octal digits.
 */
function escaped(text: string): string {
  return Buffer.from(text)
    .toString('latin1')
    .replace(/[^ -?A-[\]-~]/g, (character) =>
      character === '\n' ? '\\n' : `\\0${character.charCodeAt(0).toString(8).padStart(3, '0')}`,
    );
}
