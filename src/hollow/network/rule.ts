/** A TCP connection as a packet filter looks at it: its first packet, and later ones of the same direction. */
export interface Packet {
  /** `lo` for what the machine sends itself. */
  readonly from: 'lo' | 'eth0' | 'pod';
  readonly source: string;
  readonly target: string;
  readonly targetPort: number;
  readonly sourcePort?: number;
  /** The target is an address of the machine that looks. */
  readonly local: boolean;
  /** Its target was translated on the way. */
  readonly translated: boolean;
  /** The target before that; left out: the same. */
  readonly original?: string;
}

export type Target =
  | { readonly kind: 'accept' | 'drop' | 'reject' | 'masquerade' | 'return' }
  | { readonly kind: 'jump'; readonly chain: string }
  | { readonly kind: 'dnat'; readonly address: string; readonly port: number }
  | { readonly kind: 'redirect'; readonly port: number };

export interface Rule {
  /** The options in one order: two rules with the same text are the same rule. */
  readonly text: string;
  readonly matches: (packet: Packet) => boolean;
  readonly target: Target;
  /** How many packets it has matched. */
  packets: number;
}

/** What iptables says when it is asked for what it does not know; here also for what this stand-in does not know. */
export class RuleError extends Error {}

type Match = (packet: Packet) => boolean;
type Option = (value: string) => Match | undefined;

/**
 * In this network machines have addresses of 127.0.0.0/8, since everybody may use those. What rules call 127.0.0.0/8,
 * the network of the loopback interface, is 127.0.0.0/16 here.
 */
const loopbackRange = '127.0.0.0/8';

export function isLoopback(address: string): boolean {
  return address.startsWith('127.0.');
}

function addressMatch(range: string): (address: string) => boolean {
  if (range === loopbackRange) return isLoopback;
  const [base = '', bits = '32'] = range.split('/');
  const mask = bits === '0' ? 0 : (~0 << (32 - Number(bits))) >>> 0;
  const wanted = (number(base) & mask) >>> 0;
  return (address) => (number(address) & mask) >>> 0 === wanted;
}

function number(address: string): number {
  const parts = address.split('.').map(Number);
  if (parts.length !== 4 || parts.some((part) => !(part >= 0 && part <= 255)))
    throw new RuleError(`host/network "${address}" not found`);
  return parts.reduce((sum, part) => (sum * 256 + part) >>> 0, 0);
}

const ignored: Option = () => () => true;

/** Options with one value that this stand-in knows, each as the test that it makes. */
const options: Readonly<Record<string, Option>> = {
  '-p': (value) => {
    if (value !== 'tcp') throw new RuleError(`protocol "${value}" is not known to this packet filter`);
    return () => true;
  },
  '-s': (value) => {
    const inside = addressMatch(value);
    return ({ source }) => inside(source);
  },
  '-d': (value) => {
    const inside = addressMatch(value);
    return ({ target }) => inside(target);
  },
  '-i': (value) => {
    if (value !== 'lo' && value !== 'eth0') throw new RuleError(`interface "${value}" is not known here`);
    return ({ from }) => from === value;
  },
  '--dport':
    (value) =>
    ({ targetPort }) =>
      targetPort === Number(value),
  '--sport':
    (value) =>
    ({ sourcePort }) =>
      sourcePort === Number(value),
  '--dports': (value) => {
    const ports = value.split(',').map(Number);
    return ({ targetPort }) => ports.includes(targetPort);
  },
  '--dst-type': (value) => {
    if (value !== 'LOCAL') throw new RuleError(`address type "${value}" is not known here`);
    return ({ local }) => local;
  },
  '--ctstate': (value) => {
    if (value !== 'DNAT') throw new RuleError(`connection state "${value}" is not known here`);
    return ({ translated }) => translated;
  },
  '--ctorigdst': (value) => {
    const inside = addressMatch(value);
    return ({ target, original = target }) => inside(original);
  },
  '--comment': ignored,
};

const modules = new Set(['tcp', 'multiport', 'addrtype', 'conntrack', 'comment']);

/** Reads the words of one rule behind its chain's name. @throws RuleError naming the word that is not known */
export function parseRule(words: readonly string[], chains: (name: string) => boolean): Rule {
  const parts: string[] = [];
  const matches: Match[] = [];
  let target: Target | undefined;
  for (let at = 0; at < words.length;) {
    const negated = words[at] === '!';
    if (negated) at += 1;
    const [word = '', value = ''] = words.slice(at, at + 2);
    at += 2;
    parts.push(`${negated ? '! ' : ''}${word} ${value}`);
    if (word === '-m') {
      if (!modules.has(value)) throw new RuleError(`Couldn't load match \`${value}'`);
    } else if (word === '-j') {
      target = targetOf(value, words.slice(at), chains);
      parts.push(...words.slice(at));
      break;
    } else {
      const match = options[word]?.(value);
      if (match === undefined) throw new RuleError(`unknown option "${word}"`);
      matches.push(negated ? (packet) => !match(packet) : match);
    }
  }
  if (target === undefined) throw new RuleError(`a rule without -j: ${words.join(' ')}`);
  const all = (packet: Packet): boolean => matches.every((match) => match(packet));
  return { text: parts.join(' '), matches: all, target, packets: 0 };
}

const plainTargets: Readonly<Record<string, Target>> = {
  ACCEPT: { kind: 'accept' },
  DROP: { kind: 'drop' },
  RETURN: { kind: 'return' },
  MASQUERADE: { kind: 'masquerade' },
};

function targetOf(name: string, rest: readonly string[], chains: (name: string) => boolean): Target {
  const [option, value = ''] = rest;
  if (name === 'DNAT' && option === '--to-destination') {
    const [address = '', port] = value.split(':');
    number(address);
    return { kind: 'dnat', address, port: Number(port) };
  }
  if (name === 'REDIRECT' && (option === '--to-port' || option === '--to-ports'))
    return { kind: 'redirect', port: Number(value) };
  if (name === 'REJECT' && rest.join(' ') === '--reject-with tcp-reset') return { kind: 'reject' };
  if (rest.length > 0) throw new RuleError(`unknown option "${rest.join(' ')}" of target ${name}`);
  const plain = plainTargets[name];
  if (plain) return plain;
  if (!chains(name)) throw new RuleError(`Couldn't load target \`${name}'`);
  return { kind: 'jump', chain: name };
}
