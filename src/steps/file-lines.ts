import { printfEscaped } from '../adapters/ssh/printf.js';
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
  return `${path} ${mode} ${owner} ${printfEscaped(text)}\n`;
}

/** What a file held at the start lies on its own node: its content is not sent. */
function encoded(content: Content, materials: Materials): string {
  if (!('original' in content)) return printfEscaped(materials.textOf(content) ?? '');
  return content.append === undefined
    ? '@original'
    : `@original+${printfEscaped(materials.get(content.append))}`;
}
