import { createHash } from 'node:crypto';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const checkout = fileURLToPath(new URL('../../', import.meta.url));
const folder = join(checkout, 'out', 'compiled');
/** What tests load into keyroll's process. */
const ofTests = ['test/hollow/faults/kill-at.ts', 'test/hollow/faults/place.ts'];
const dayMs = 24 * 3600 * 1000;

export interface Compiled {
  /** keyroll's program. */
  readonly main: string;
  /** Ends it at a record of its journal. */
  readonly killAt: string;
}

let made: Compiled | undefined;

/**
 * keyroll as JavaScript, as users have it: compiled once for each content of the sources, without a look at types. Through
 * tsx each process of a test would spend three seconds of CPU on that.
 */
export function compiled(): Compiled {
  made ??= compile();
  return made;
}

function compile(): Compiled {
  const files = ['package.json', ...sources(), ...ofTests];
  const hash = createHash('sha256');
  for (const file of files)
    hash
      .update(`${file}\0`)
      .update(readFileSync(join(checkout, file)))
      .update('\0');
  const target = join(folder, hash.digest('hex').slice(0, 16));
  if (!existsSync(target)) {
    forgetOld();
    write(files, target);
  }
  return {
    main: join(target, 'src/cli/main.js'),
    killAt: join(target, 'test/hollow/faults/kill-at.js'),
  };
}

/** Programs and the scripts beside them, as `npm run build` takes them. */
function sources(): string[] {
  return readdirSync(join(checkout, 'src'), { recursive: true, withFileTypes: true })
    .filter(
      (entry) => entry.isFile() && !entry.name.endsWith('.test.ts') && !entry.parentPath.endsWith('testing'),
    )
    .map(({ parentPath, name }) => join(parentPath, name).slice(checkout.length))
    .sort();
}

/** Made beside its place and put there whole: test files run beside each other. */
function write(files: readonly string[], target: string): void {
  const making = `${target}.${process.pid}`;
  javascript(files, making);
  for (const file of files.filter((name) => !name.endsWith('.ts'))) {
    mkdirSync(dirname(join(making, file)), { recursive: true });
    copyFileSync(join(checkout, file), join(making, file));
  }
  try {
    renameSync(making, target);
  } catch (error) {
    if (!existsSync(target)) throw error;
    // Another process was faster, with the same content.
    rmSync(making, { recursive: true });
  }
}

interface Esbuild {
  buildSync(options: object): unknown;
}

/** By the compiler that tsx brings and uses itself; TypeScript's own takes ten times as long. */
function javascript(files: readonly string[], outdir: string): void {
  const tsx = createRequire(import.meta.url).resolve('tsx/package.json');
  const esbuild = createRequire(tsx)('esbuild') as Esbuild;
  esbuild.buildSync({
    absWorkingDir: checkout,
    entryPoints: files.filter((file) => file.endsWith('.ts')),
    ...{ outdir, outbase: '.', format: 'esm', platform: 'node', target: 'node20', logLevel: 'warning' },
  });
}

/** A run of tests is over within a day. */
function forgetOld(): void {
  if (!existsSync(folder)) return;
  for (const name of readdirSync(folder))
    if (Date.now() - statSync(join(folder, name)).mtimeMs > dayMs)
      rmSync(join(folder, name), { recursive: true, force: true });
}
