import { statSync } from 'node:fs';

/** Owner of what nobody gave away: everything on a machine runs as root. */
const byDefault = 'root:root';

/**
 * Who owns which file of a machine. An ordinary user cannot give files away, so that is kept here, by the file itself:
 * it follows a file through renames and ends with it.
 */
export class Owners {
  readonly #given = new Map<string, string>();

  /** @param file absolute path on this computer; @param owner `user:group` */
  give(file: string, owner: string): void {
    this.#given.set(identity(file), owner);
  }

  /** @throws Error when there is no such file */
  of(file: string): string {
    return this.#given.get(identity(file)) ?? byDefault;
  }
}

/** The number of a file may be used again when it is gone; the moment of its birth tells the two apart. */
function identity(file: string): string {
  const { dev, ino, birthtimeNs } = statSync(file, { bigint: true });
  return `${dev}:${ino}:${birthtimeNs}`;
}
