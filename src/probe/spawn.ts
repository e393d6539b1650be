import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';

/** A rotation's figures need little memory; small generations keep the worker's heap from growing just because it may. */
const LIMITS = { maxYoungGenerationSizeMb: 4, maxOldGenerationSizeMb: 128 };

/**
 * Starts the worker: the compiled file, or, when this file itself is TypeScript (tests, the lab), the source through
 * tsx, which Node 20 does not pass on to threads.
 */
export function spawnWorker(workerData: unknown): Worker {
  const options = { workerData, resourceLimits: LIMITS };
  if (!import.meta.url.endsWith('.ts')) return new Worker(new URL('./worker.js', import.meta.url), options);
  const source = JSON.stringify(new URL('./worker.ts', import.meta.url).href);
  const tsx = dirname(createRequire(import.meta.url).resolve('tsx/package.json'));
  const api = JSON.stringify(pathToFileURL(join(tsx, 'dist/esm/api/index.mjs')).href);
  const code = `import(${api}).then(({ tsImport }) => tsImport(${source}, ${source}))`;
  return new Worker(code, { ...options, eval: true });
}
