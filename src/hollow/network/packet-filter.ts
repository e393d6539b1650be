import { parseRule, RuleError, type Packet, type Rule, type Target } from './rule.js';

export type TableName = 'filter' | 'nat';
type Chains = Map<string, Rule[]>;

const builtIn: Readonly<Record<TableName, readonly string[]>> = {
  filter: ['INPUT', 'FORWARD', 'OUTPUT'],
  nat: ['PREROUTING', 'INPUT', 'OUTPUT', 'POSTROUTING'],
};

/** A machine's iptables: tables, chains and rules, and what they decide about a packet. */
export class PacketFilter {
  readonly #tables = new Map<TableName, Chains>();
  readonly #onChange: () => void;

  /** @param onChange called after each change of rules */
  constructor(onChange: () => void = () => undefined) {
    for (const name of ['filter', 'nat'] as const) this.#tables.set(name, emptyTable(name));
    this.#onChange = onChange;
  }

  /**
   * Does what one `iptables` command asks, words behind the table's name: `-I INPUT 1 -p tcp … -j DROP`.
   * @throws RuleError in iptables' words
   */
  apply(table: string, words: readonly string[]): void {
    change(this.#table(table), words);
    this.#onChange();
  }

  /** Whether `-C CHAIN …` finds its rule. */
  has(table: string, words: readonly string[]): boolean {
    const chains = this.#table(table);
    const [chain = '', ...rest] = words;
    const { text } = parseRule(rest, (name) => chains.has(name));
    return chainOf(chains, chain).some((rule) => rule.text === text);
  }

  /**
   * Input of `iptables-restore -n`: each table changes as a whole, in its order, or not at all.
   * @throws RuleError with the number of the line; tables before it stay changed
   */
  restore(text: string): void {
    let open: { name: TableName; chains: Chains } | undefined;
    for (const [index, line] of text.split('\n').entries()) {
      const words = line.trim().split(/\s+/);
      if (line.trim() === '' || line.startsWith('#')) continue;
      try {
        if (line.startsWith('*'))
          open = { name: tableName(line.slice(1)), chains: copyOf(this.#table(line.slice(1))) };
        else if (!open) throw new RuleError(`"${line}" outside a table`);
        else if (line === 'COMMIT') {
          this.#tables.set(open.name, open.chains);
          open = undefined;
          this.#onChange();
        } else if (line.startsWith(':')) open.chains.set((words[0] ?? '').slice(1), []);
        else change(open.chains, words);
      } catch (error) {
        if (!(error instanceof RuleError)) throw error;
        throw new RuleError(`line ${index + 1} failed: ${error.message}`);
      }
    }
    if (open) throw new RuleError('COMMIT expected at the end');
  }

  /**
   * The first target that decides about a packet in a built-in chain; undefined: its policy, which accepts.
   * @param count whether rules count it: it is a packet, not a look at what would become of one
   */
  decide(table: TableName, chain: string, packet: Packet, count = true): Target | undefined {
    const chains = this.#table(table);
    for (const rule of chainOf(chains, chain)) {
      if (!rule.matches(packet)) continue;
      if (count) rule.packets += 1;
      if (rule.target.kind === 'return') return undefined;
      if (rule.target.kind !== 'jump') return rule.target;
      const found = this.decide(table, rule.target.chain, packet, count);
      if (found) return found;
    }
    return undefined;
  }

  /** All rules of a table, one a line, for people and tests. */
  list(table: TableName): string[] {
    return [...this.#table(table)].flatMap(([chain, rules]) =>
      rules.map(({ text }) => `-A ${chain} ${text}`),
    );
  }

  /** What `iptables -nvxL CHAIN` prints: packets, bytes (not counted here), target, protocol, …, source, destination. */
  counts(table: string, chain: string): string[] {
    return chainOf(this.#table(table), chain).map(({ text, packets }) => {
      const value = (option: string): string | undefined =>
        new RegExp(`(?:^| )${option} (\\S+)`).exec(text)?.[1];
      const anywhere = '0.0.0.0/0';
      const fields = [packets, 0, value('-j') ?? '', 'tcp', '--', '*', '*'];
      return [...fields, value('-s') ?? anywhere, value('-d') ?? anywhere, text].join(' ');
    });
  }

  /** As after a boot. */
  clear(): void {
    for (const name of ['filter', 'nat'] as const) this.#tables.set(name, emptyTable(name));
    this.#onChange();
  }

  #table(name: string): Chains {
    const table = this.#tables.get(tableName(name));
    if (!table) throw new RuleError(`can't initialize iptables table \`${name}'`);
    return table;
  }
}

function emptyTable(name: TableName): Chains {
  return new Map(builtIn[name].map((chain) => [chain, []]));
}

function tableName(name: string): TableName {
  if (name !== 'filter' && name !== 'nat') throw new RuleError(`can't initialize iptables table \`${name}'`);
  return name;
}

function copyOf(chains: Chains): Chains {
  return new Map([...chains].map(([name, rules]) => [name, [...rules]]));
}

function chainOf(chains: Chains, name: string): Rule[] {
  const rules = chains.get(name);
  if (!rules) throw new RuleError('No chain/target/match by that name.');
  return rules;
}

function change(chains: Chains, [verb = '', chain = '', ...rest]: readonly string[]): void {
  const rules = verb === '-N' ? [] : chainOf(chains, chain);
  if (verb === '-N') chains.set(chain, rules);
  else if (verb === '-F') rules.length = 0;
  else if (verb === '-X') {
    if (rules.length > 0) throw new RuleError(`chain ${chain} is not empty`);
    chains.delete(chain);
  } else changeRule(chains, rules, verb, rest);
}

function changeRule(chains: Chains, rules: Rule[], verb: string, words: readonly string[]): void {
  const place = verb === '-I' && /^\d+$/.test(words[0] ?? '') ? Number(words[0]) : 1;
  const spec = verb === '-I' && /^\d+$/.test(words[0] ?? '') ? words.slice(1) : words;
  const rule = parseRule(spec, (name) => chains.has(name));
  if (verb === '-A') rules.push(rule);
  else if (verb === '-I') rules.splice(place - 1, 0, rule);
  else if (verb === '-D') {
    const at = rules.findIndex(({ text }) => text === rule.text);
    if (at < 0) throw new RuleError('Bad rule (does a matching rule exist in that chain?).');
    rules.splice(at, 1);
  } else throw new RuleError(`unknown option "${verb}"`);
}
