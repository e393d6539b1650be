import { readFileSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { TestLab } from '../test-lab.js';

/** What was seen while a rotation ran. */
export interface Watched {
  readonly rounds: number;
  /** Every command line of this machine, the nodes' included, arguments joined by blanks. */
  readonly commandLines: ReadonlySet<string>;
  /** Private keys whose mode let others than their owner at them at some moment, and that were not so before: `path mode`. */
  readonly openKeys: ReadonlySet<string>;
  /** How many different files with private keys were looked at. */
  readonly keyFiles: number;
}

const everyMs = 400;
/** A private key in PEM, or the beginning of one (PKCS#8, PKCS#1, SEC1) in base64. */
const privateKey =
  /PRIVATE KEY-----|LS0tLS1CRUdJTiB(?:QUklWQVRFIEtFW|SU0EgUFJJVkFURSBLRV|FQyBQUklWQVRFIEtFW)/;

/** Looks at command lines and at the modes of private keys of a lab until it is told to stop. */
export function watchSecrets(lab: TestLab): { stop(): Watched } {
  return watchFolders([
    lab.clusterDir,
    ...lab.nodes.flatMap(({ root, kubelet }) => [
      join(root, 'etc/kubernetes'),
      join(root, 'var/lib/keyroll'),
      join(root, 'home'),
      join(root, 'tmp'),
      join(kubelet, 'pki'),
    ]),
  ]);
}

/** The same for any folders, with all that is in them. */
export function watchFolders(folders: readonly string[]): { stop(): Watched } {
  const commandLines = new Set<string>();
  const keys = new KeyFiles();
  const openBefore = new Set<string>();
  let rounds = 0;
  const look = (): void => {
    rounds += 1;
    for (const text of commandLinesNow()) commandLines.add(text);
    for (const folder of folders) keys.look(folder);
  };
  look();
  for (const file of keys.open) openBefore.add(file);
  const timer = setInterval(look, everyMs);
  return {
    stop() {
      clearInterval(timer);
      look();
      const openKeys = new Set([...keys.open].filter((file) => !openBefore.has(file)));
      return { rounds, commandLines, openKeys, keyFiles: keys.found.size };
    },
  };
}

/** Processes and files may go while they are looked at. */
function unlessGone<T>(read: () => T, instead: T): T {
  try {
    return read();
  } catch (error) {
    const gone = ['ENOENT', 'ESRCH', 'ENOTDIR', 'ESTALE'];
    if (gone.includes((error as NodeJS.ErrnoException).code ?? '')) return instead;
    throw error;
  }
}

function commandLinesNow(): string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((pid) => unlessGone(() => readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' '), ''));
}

/** Files that hold private keys, found by what is in them; each version of a file is read once. */
class KeyFiles {
  readonly found = new Set<string>();
  readonly open = new Set<string>();
  readonly #known = new Map<string, boolean>();

  look(folder: string): void {
    const entries = unlessGone(() => readdirSync(folder, { withFileTypes: true }), []);
    for (const entry of entries) {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) this.look(path);
      else if (entry.isFile()) unlessGone(() => this.#file(path), undefined);
    }
  }

  #file(path: string): void {
    const { mode, ino, mtimeMs, size } = statSync(path);
    if (size > 1_000_000 || !this.#holdsKey(path, `${path} ${ino} ${mtimeMs} ${size}`)) return;
    this.found.add(path);
    if ((mode & 0o077) !== 0) this.open.add(`${path} ${(mode & 0o777).toString(8)}`);
  }

  #holdsKey(path: string, version: string): boolean {
    const known = this.#known.get(version);
    if (known !== undefined) return known;
    const holds = privateKey.test(readFileSync(path, 'utf8'));
    this.#known.set(version, holds);
    return holds;
  }
}
