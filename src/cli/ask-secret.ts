import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';

/** Asks a person at the terminal for a secret and shows nothing of what is typed. */
export function askSecret(question: string): Promise<string> {
  process.stdout.write(question);
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() });
  const lines = createInterface({ input: process.stdin, output: silent, terminal: true });
  return new Promise((resolve, reject) => {
    lines.once('line', (line) => {
      resolve(line);
      lines.close();
    });
    lines.once('SIGINT', () => lines.close());
    lines.once('close', () => {
      process.stdout.write('\n');
      reject(new Error('nothing was entered; nothing was changed'));
    });
  });
}
