import { NotKnownError, readOptions, type Answer, type Call } from './command.js';

/** `pgrep -f PATTERN`: ids of the processes whose command line fits, one a line; 1 when there is none. */
export function pgrep({ node, args }: Call): Answer {
  const { flags, rest } = readOptions('pgrep', args, { flags: ['-f'] });
  const [pattern = ''] = rest;
  if (!flags.has('-f') || rest.length !== 1)
    throw new NotKnownError(`pgrep: expected -f PATTERN (asked: pgrep ${args.join(' ')})`);
  const found = node.processes.find(new RegExp(pattern));
  return { code: found.length > 0 ? 0 : 1, out: found.map(({ pid }) => `${pid}\n`).join('') };
}
