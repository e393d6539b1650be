import { RuleError } from '../network/rule.js';
import { NotKnownError, type Answer, type Call } from './command.js';

/** `iptables [-w N] [-t TABLE] -I|-A|-D|-C|-F|-X|-N|-S|-nvxL CHAIN …` */
export function iptables({ node, args }: Call): Answer {
  let table = 'filter';
  let words = [...args];
  for (;;) {
    if (words[0] === '-w') words = words.slice(/^\d+$/.test(words[1] ?? '') ? 2 : 1);
    else if (words[0] === '-t') [table, words] = [words[1] ?? '', words.slice(2)];
    else break;
  }
  const { filter } = node.network;
  return inItsWords('iptables', () => {
    const [verb = '', ...rest] = words;
    if (verb === '-C') return { code: filter.has(table, rest) ? 0 : 1 };
    if (verb === '-S')
      return {
        code: 0,
        out: filter
          .list(table as 'filter' | 'nat')
          .map((line) => `${line}\n`)
          .join(''),
      };
    if (verb === '-nvxL') return { code: 0, out: `${filter.counts(table, rest[0] ?? '').join('\n')}\n` };
    filter.apply(table, words);
    return { code: 0 };
  });
}

/** `iptables-restore [-w N] -n`, rules on standard input. */
export function iptablesRestore({ node, args, stdin }: Call): Answer {
  const known = args.filter((word, at) => word !== '-w' && word !== '-n' && args[at - 1] !== '-w');
  if (known.length > 0 || !args.includes('-n'))
    throw new NotKnownError(`iptables-restore: expected -n alone (asked: ${args.join(' ')})`);
  return inItsWords('iptables-restore', () => {
    node.network.filter.restore(stdin);
    return { code: 0 };
  });
}

function inItsWords(command: string, run: () => Answer): Answer {
  try {
    return run();
  } catch (error) {
    if (error instanceof RuleError) return { code: 1, err: `${command}: ${error.message}\n` };
    throw error;
  }
}
