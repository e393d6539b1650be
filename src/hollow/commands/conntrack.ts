import { NotKnownError, type Answer, type Call } from './command.js';

/**
 * `conntrack -D …`: connections here are not remembered once they have ended, so there is never one to forget. Without it
 * the scripts would find this computer's own.
 */
export function conntrack({ args }: Call): Answer {
  if (args[0] !== '-D')
    throw new NotKnownError(`conntrack: expected -D (asked: conntrack ${args.join(' ')})`);
  return { code: 1, err: '0 flow entries have been deleted.\n' };
}
