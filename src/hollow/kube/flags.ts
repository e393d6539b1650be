/** The flags of one program: `--name=value`, the last one counts unless all are asked for. */
export class Flags {
  readonly #values = new Map<string, string[]>();

  /**
   * @param known names without dashes
   * @throws Error for a flag that is not known or has no value
   */
  constructor(argv: readonly string[], known: readonly string[]) {
    for (const argument of argv.slice(1)) {
      const [, name = '', value] = /^--([a-z0-9-]+)(?:=(.*))?$/s.exec(argument) ?? [];
      if (!known.includes(name)) throw new Error(`unknown flag: ${argument}`);
      if (value === undefined) throw new Error(`flag --${name}: found no value; expected --${name}=VALUE`);
      this.#values.set(name, [...(this.#values.get(name) ?? []), value]);
    }
  }

  all(name: string): readonly string[] {
    return this.#values.get(name) ?? [];
  }

  optional(name: string): string | undefined {
    return this.#values.get(name)?.at(-1);
  }

  /** @throws Error when it was not given */
  one(name: string): string {
    const value = this.optional(name);
    if (value === undefined) throw new Error(`flag --${name} is missing`);
    return value;
  }

  /** Of a list such as `--feature-gates=A=true,B=false`: whether this one is switched on. */
  gate(name: string): boolean {
    return (this.optional('feature-gates') ?? '').split(',').includes(`${name}=true`);
  }
}
