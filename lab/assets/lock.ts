import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';

/** From util-linux, which Debian calls essential. */
const flock = '/usr/bin/flock';

/**
 * Runs `work` while no other process on this machine runs under the same lock file. The kernel gives the lock back
 * when this process ends, however it ends: flock(1) holds it and leaves when its stdin is closed.
 * @param onWait called once when somebody else has it
 */
export async function withLock<T>(file: string, work: () => Promise<T>, onWait?: () => void): Promise<T> {
  await mkdir(dirname(file), { recursive: true });
  const holder = spawn(flock, [file, 'sh', '-c', 'echo held; exec cat'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const waiting = setTimeout(() => onWait?.(), 1000);
  try {
    await held(holder, file);
    clearTimeout(waiting);
    return await work();
  } finally {
    clearTimeout(waiting);
    holder.stdin.end();
    if (holder.exitCode === null && holder.pid !== undefined) await once(holder, 'exit');
  }
}

async function held(holder: ReturnType<typeof spawn>, file: string): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    holder.stdout?.once('data', () => resolve());
    holder.once('error', (error) => reject(new Error(`lock ${file}: flock cannot be run: ${error.message}`)));
    holder.once('exit', (code) =>
      reject(new Error(`lock ${file}: flock ended with ${code ?? 'a signal'} before it had it`)),
    );
  });
}
