import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';

/**
 * Outlives the cluster's process: when the pipe to it breaks, whatever ended that process, it ends the scripts that are
 * left (told as `+PID` and `-PID` of their process groups) and removes the folder.
 */
const program = `
trap '' INT TERM HUP
left=' '
while read -r sign pid; do
  case $sign in
    +) left="$left$pid " ;;
    -) case $left in *" $pid "*) left="\${left%%" $pid "*} \${left#*" $pid "}" ;; esac ;;
  esac
done
for pid in $left; do kill -9 -- "-$pid"; done
tries=0
until rm -rf "$1" || [ "$tries" -ge 50 ]; do tries=$((tries + 1)); sleep 0.1; done
`;

/** Sees to it that nothing of a cluster is left behind, even after \`kill -9\`. */
export class Guardian {
  readonly #child: ChildProcess;

  /** @param folder removed in the end */
  constructor(folder: string) {
    this.#child = spawn('/bin/sh', ['-c', program, 'keyroll-hollow-guardian', folder], {
      detached: true,
      stdio: ['pipe', 'ignore', 'ignore'],
    });
    this.#child.stdin?.on('error', () => undefined);
    this.#child.unref();
  }

  /** @param pid leader of a process group */
  watch(pid: number): void {
    this.#child.stdin?.write(`+ ${pid}\n`);
  }

  release(pid: number): void {
    this.#child.stdin?.write(`- ${pid}\n`);
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
