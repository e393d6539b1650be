/**
 * What a rotation brings and what it replaces, by name: PEM texts and kubeconfigs.
 * `ca.crt`, `ca.key`, `bridge.crt`, `ca.bundle` (new + old), `<credential>.crt`, `.chain` (leaf + bridge), `.key`;
 * per node `<credential>@<node>.crt`; the old ones with `old-` before their name.
 */
export class Materials {
  readonly #texts: Map<string, string>;

  constructor(texts: ReadonlyMap<string, string>) {
    this.#texts = new Map(texts);
  }

  /** @throws Error when there is none of this name */
  get(name: string): string {
    const text = this.#texts.get(name);
    if (text === undefined)
      throw new Error(`the rotation's key folder holds no ${name}; restore the folder from a copy`);
    return text;
  }

  has(name: string): boolean {
    return this.#texts.has(name);
  }

  get names(): string[] {
    return [...this.#texts.keys()];
  }
}
