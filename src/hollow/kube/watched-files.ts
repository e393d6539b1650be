import { readFileSync } from 'node:fs';
import type { Machine } from '../contracts.js';

/**
 * What some files of a machine hold, looked at again and again, as Kubernetes does for what it notices without a restart.
 * A text that cannot be used is logged, and what was held before stays: so does half of a pair.
 */
export class WatchedFiles<T> {
  #texts: readonly string[];
  #value: T;
  #timer: NodeJS.Timeout | undefined;
  #said = '';
  /** Called after each change. */
  onChange: (value: T) => void = () => undefined;

  /** @throws Error when a file is missing or cannot be used */
  constructor(
    private readonly machine: Machine,
    private readonly files: readonly string[],
    private readonly parse: (texts: readonly string[]) => T,
  ) {
    this.#texts = this.#read();
    this.#value = parse(this.#texts);
  }

  get value(): T {
    return this.#value;
  }

  /** Looks again every `periodMs`, until `stop`. */
  follow(periodMs: number): void {
    this.#timer = setInterval(() => this.look(), periodMs);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  look(): void {
    try {
      const texts = this.#read();
      if (texts.every((text, index) => text === this.#texts[index])) return;
      this.#value = this.parse(texts);
      this.#texts = texts;
    } catch (error) {
      this.#say((error as Error).message);
      return;
    }
    this.#said = '';
    this.machine.log(`read ${this.files.join(', ')} again: changed`);
    this.onChange(this.#value);
  }

  #read(): string[] {
    return this.files.map((file) => {
      const text = readFileSync(this.machine.path(file), 'utf8');
      if (text.trim() === '') throw new Error(`${file}: is empty`);
      return text;
    });
  }

  /** Each reason once. */
  #say(why: string): void {
    if (this.#said !== why)
      this.machine.log(`${this.files.join(', ')}: ${why}; going on with what was there`);
    this.#said = why;
  }
}
