import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

/** What only certain files may hold: a line from the middle of each private key, as it is and in base64, and each token. */
export function secretsOf(keysFolder: string): string[] {
  return readdirSync(keysFolder).flatMap((name) => {
    const text = readFileSync(join(keysFolder, name), 'utf8');
    if (name.includes('token')) return [text.trim()];
    if (!/^-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(text)) return [];
    const line = text.split('\n')[1] ?? '';
    // Whole groups of three bytes from within, so that base64 of the file has the same characters wherever they lie.
    const base64 = Buffer.from(text).toString('base64');
    return [line, base64.slice(64, 120)];
  });
}

/** Files below a folder, but for those whose path fits `passOver`. */
export function filesBelow(folder: string, passOver: RegExp): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (passOver.test(path)) return [];
    if (entry.isDirectory()) return filesBelow(path, passOver);
    return entry.isFile() ? [path] : [];
  });
}

/** Which of the texts hold one of the secrets; the names alone. */
export function telling(texts: ReadonlyMap<string, string>, secrets: readonly string[]): string[] {
  return [...texts]
    .filter(([, text]) => secrets.some((secret) => text.includes(secret)))
    .map(([name]) => name);
}
