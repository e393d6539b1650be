import type { End } from './collect.js';
import { type Connection, NotSent } from './connection.js';
import { RemoteError, exitError, timeoutError } from './error.js';
import { printfEscaped } from './printf.js';
import { quote } from './quote.js';
import type { ScriptPack } from './scripts.js';

const script = 'install-scripts';
const timeoutMs = 60_000;

/**
 * Sees to it that the pack lies complete on the node; sends it only when it does not. Repeatable.
 * @throws NotSent when the connection was lost, since nothing is spoiled by trying again
 * @throws RemoteError when sudo refuses, the script fails or does not end in time
 */
export async function installScripts(connection: Connection, node: string, pack: ScriptPack): Promise<void> {
  const command = quote(['sudo', '-n', '/bin/sh', '-c', pack.installer, script, pack.folder]);
  const { channel, collector, release } = await connection.session(command);
  let answer = '';
  collector.read((bytes) => {
    const wasWhole = answer.includes('\n');
    answer += bytes.toString('latin1');
    if (!wasWhole && answer.includes('\n')) channel.end(answer === 'send\n' ? framed(pack) : '');
  });
  const end = await collector.endWithin(timeoutMs);
  release();
  check(end, answer, collector.stderr, node);
}

/** One line a file, and a last one by which the other side sees that nothing is missing. */
function framed(pack: ScriptPack): string {
  const lines = [...pack.files].map(([name, content]) => `${name} ${printfEscaped(content)}\n`);
  return `${lines.join('')}end ${pack.files.size}\n`;
}

function check(end: End | undefined, answer: string, stderr: string, node: string): void {
  if (end === undefined) throw timeoutError(node, script, 'did not end', timeoutMs, stderr);
  if (end.code === undefined) throw new NotSent(`the connection was lost (${end.reason.message})`);
  if (answer !== '' && answer !== 'send\n' && answer !== 'present\n') throw noiseError(answer, stderr, node);
  if (end.code !== 0) throw exitError(node, script, end.code, stderr);
}

function noiseError(answer: string, stderr: string, node: string): RemoteError {
  const found = JSON.stringify(answer.slice(0, 200));
  const next = 'see that the login shell of the SSH user prints nothing when a command is run';
  const what = `${script} should have answered "send" or "present", but what came was ${found}`;
  return new RemoteError('protocol', `node ${node}: ${what}; ${next}`, { node, script, stderr });
}
