import { chmod, copyFile, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { exists } from './store.js';

const marker = '# keyroll-lab: no package starts a service while it is being installed';

/**
 * Forbids packages to start services while they are installed (Debian's policy-rc.d; haproxy would start), and puts
 * back what was there. May be interrupted at any point: `restore` then repairs it, and does nothing otherwise.
 */
export class ServicePolicy {
  private readonly kept: string;

  /** @param file another one in tests */
  constructor(private readonly file = '/usr/sbin/policy-rc.d') {
    this.kept = `${file}.before-keyroll-lab`;
  }

  /** Keeps a copy of the machine's own policy first, then replaces it. */
  async forbid(): Promise<void> {
    await this.restore();
    if (await exists(this.file)) {
      await copyFile(this.file, `${this.kept}.new`);
      await rename(`${this.kept}.new`, this.kept);
    }
    await writeFile(`${this.file}.new`, `#!/bin/sh\n${marker}\nexit 101\n`);
    await chmod(`${this.file}.new`, 0o755);
    await rename(`${this.file}.new`, this.file);
  }

  /** The machine's own policy again, or none when it had none. */
  async restore(): Promise<void> {
    if (await exists(this.kept)) await rename(this.kept, this.file);
    else if (await this.isOurs()) await rm(this.file);
  }

  private async isOurs(): Promise<boolean> {
    return (await exists(this.file)) && (await readFile(this.file, 'utf8')).includes(marker);
  }
}
