import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';

/**
 * Outlives the cluster's process: when the pipe to it breaks, whatever ended that process, it ends what still has the
 * cluster's mark in its environment, and removes the folder. By the mark, since a process that was just begun when the
 * cluster was killed is known to nobody; more than once, since what is found may have begun another one.
 */
const program = `
trap '' INT TERM HUP
while read -r _; do :; done
left() { grep -lsF -e "HOLLOW=$1/" /proc/[0-9]*/environ | tr -cd '0-9\\n'; }
tries=0
until [ "$tries" -ge 50 ]; do
  pids=$(left "$1")
  [ -z "$pids" ] || kill -s KILL $pids
  [ -n "$pids" ] || { rm -rf "$1" && [ -z "$(left "$1")" ] && exit; }
  tries=$((tries + 1)); sleep 0.1
done
`;

/** Sees to it that nothing of a cluster is left behind, even after `kill -9`. */
export class Guardian {
  readonly #child: ChildProcess;

  /** @param folder removed in the end, when no process is left whose HOLLOW (see `markOf`) lies in it */
  constructor(folder: string) {
    this.#child = spawn('/bin/sh', ['-c', program, 'keyroll-hollow-guardian', folder], {
      detached: true,
      stdio: ['pipe', 'ignore', 'ignore'],
    });
    this.#child.stdin?.on('error', () => undefined);
    this.#child.unref();
  }

  /** Ends what is left and removes the folder; resolves when both is done. */
  async finish(): Promise<void> {
    if (this.#child.exitCode !== null) return;
    const gone = once(this.#child, 'exit');
    // Whoever waits for its end must not end before.
    this.#child.ref();
    this.#child.stdin?.end();
    await gone;
  }
}

/** What a process has in its environment that must not outlive the cluster. @param folder below the cluster's */
export function markOf(folder: string): { readonly HOLLOW: string } {
  return { HOLLOW: folder };
}
