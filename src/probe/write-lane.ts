/** One series of ConfigMaps that is filled one after another. */
export class WriteLane {
  /** Writes that were sent to it and have no answer yet. */
  underWay = 0;
  #object = 0;
  #used = 0;
  #next: 'absent' | 'coming' | 'ready' = 'absent';

  constructor(
    private readonly prefix: string,
    private readonly keysPerObject: number,
  ) {}

  get current(): string {
    return `${this.prefix}-${this.#object}`;
  }

  get following(): string {
    return `${this.prefix}-${this.#object + 1}`;
  }

  /** The ConfigMap for one more key. A full one goes on being used as long as its successor is not there. */
  take(): string {
    if (this.#used >= this.keysPerObject && this.#next === 'ready') {
      this.#object += 1;
      this.#used = 0;
      this.#next = 'absent';
    }
    this.#used += 1;
    return this.current;
  }

  /** True once when it is time to make the successor; `made` must follow. */
  wantsSuccessor(): boolean {
    if (this.#next !== 'absent' || this.#used * 2 < this.keysPerObject) return false;
    this.#next = 'coming';
    return true;
  }

  made(success: boolean): void {
    this.#next = success ? 'ready' : 'absent';
  }
}
