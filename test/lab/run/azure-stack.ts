import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { inNetwork } from '../../../lab/cluster/host/namespace.js';
import { stateDir, type TestLab } from '../test-lab.js';

/** A running stand-in for Azure Stack Hub. */
export interface RunningStack {
  /** Ends it. @throws Error when it was asked for something that it does not know */
  stop(): Promise<void>;
}

const program = fileURLToPath(new URL('../../../lab/azure-stack/main.ts', import.meta.url));

/** Starts the stand-in in the lab's network; resolves when it serves. */
export async function startStack(lab: TestLab, identitySystem: 'azure_ad' | 'adfs'): Promise<RunningStack> {
  const [command = '', ...args] = inNetwork(lab.plan, [
    ...[process.execPath, '--import', 'tsx', program, identitySystem],
  ]);
  const child = spawn(command, args, {
    env: { ...process.env, KEYROLL_LAB_DIR: stateDir },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const errors: string[] = [];
  child.stderr.setEncoding('utf8').on('data', (text: string) => errors.push(text));
  const ended = new Promise<number>((resolve) => child.once('close', (code) => resolve(code ?? 128)));
  const serves = new Promise<void>((resolve) =>
    createInterface(child.stdout).on('line', (line) => {
      if (line.startsWith('Azure Stack stand-in')) resolve();
    }),
  );
  const early = ended.then((code) => {
    throw new Error(`stand-in for Azure Stack Hub: ended with ${code}: ${errors.join('')}`);
  });
  await Promise.race([serves, early]);
  early.catch(() => undefined);
  return {
    async stop() {
      child.kill('SIGTERM');
      const code = await ended;
      if (code !== 0) throw new Error(`stand-in for Azure Stack Hub: ended with ${code}: ${errors.join('')}`);
    },
  };
}
