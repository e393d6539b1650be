import type { Content } from './plan.js';

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

  /** What a file with this content holds. Of an original key nothing is known but its fingerprint: then undefined. */
  textOf(content: Content): string | undefined {
    if ('text' in content) return content.text;
    if ('material' in content) return this.get(content.material);
    if (!content.original.includes('\n')) return undefined;
    const { original, append } = content;
    return append === undefined
      ? original
      : `${original}${original.endsWith('\n') ? '' : '\n'}${this.get(append)}`;
  }

  has(name: string): boolean {
    return this.#texts.has(name);
  }

  get names(): string[] {
    return [...this.#texts.keys()];
  }
}
