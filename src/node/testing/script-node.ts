import { spawn, spawnSync, type ChildProcess, type ChildProcessWithoutNullStreams } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

/** What a node has and a test does not: each does the least that the scripts look at. */
const commands: Readonly<Record<string, string>> = {
  // The API answers here while a process runs that has a manifest, and always on other masters.
  curl: `case "$*" in *127.0.0.1*) [ -n "$(pgrep)" ] && echo ok ;; *) echo ok ;; esac`,
  'iptables-restore': `cat >>"$KEYROLL_ROOT/rules"`,
  iptables: `echo "$*" >>"$KEYROLL_ROOT/rules"; case "$*" in *-C*) exit 1 ;; esac`,
  systemctl: `echo "$*" >>"$KEYROLL_ROOT/units"; case "$1" in is-active) echo inactive; exit 3 ;; esac`,
  pgrep: `for pid in $(cat "$KEYROLL_ROOT/pids" 2>/dev/null); do kill -0 "$pid" 2>/dev/null && echo "$pid"; done; exit 0`,
  // There is nothing to forget; never this machine's own.
  conntrack: 'exit 1',
  sleep: `exec /bin/sleep 0.01`,
};

/** A kubelet: starts a process for each manifest whose name came since it last looked. */
const kubelet = `
cd "$KEYROLL_ROOT/etc/kubernetes/manifests"
running=' '
while [ -e "$KEYROLL_ROOT/etc" ]; do
  kept=' '
  for name in *.yaml; do
    [ -e "$name" ] || continue
    kept="$kept$name "
    case $running in *" $name "*) continue ;; esac
    /bin/sleep 60 & pid=$!
    mkdir -p "$KEYROLL_ROOT/proc/$pid"
    tr '\\n' '\\000' <"$name" >"$KEYROLL_ROOT/proc/$pid/cmdline"
    echo $pid >>"$KEYROLL_ROOT/pids"
  done
  running=$kept
  /bin/sleep 0.02
done`;

/** A script's exit code (null: a signal ended it) and all that it said. */
interface ScriptEnd {
  readonly code: number | null;
  readonly out: string;
}

/** A script that runs and listens. */
export interface ScriptTalk {
  readonly process: ChildProcessWithoutNullStreams;
  readonly ended: Promise<ScriptEnd>;
  /** What it has said so far. */
  readonly said: () => string;
}

/** A node of files, on which the real scripts run; manifests of its one static pod hold the arguments, one a line. */
export class ScriptNode {
  readonly root = mkdtempSync(join(tmpdir(), 'keyroll-node-'));
  readonly #environment: NodeJS.ProcessEnv;
  readonly #kubelet: ChildProcess;

  constructor() {
    for (const folder of ['commands', 'etc/kubernetes/manifests', 'etc/certs', 'var/lib/keyroll/steps/s'])
      mkdirSync(join(this.root, folder), { recursive: true });
    for (const [name, text] of Object.entries(commands))
      writeFileSync(join(this.root, 'commands', name), `#!/bin/sh\n${text}\n`, { mode: 0o755 });
    const path = `${join(this.root, 'commands')}${delimiter}${process.env.PATH ?? ''}`;
    this.#environment = { ...process.env, KEYROLL_ROOT: this.root, PATH: path };
    // A group of its own: what it has just forked ends with it, and writes nothing any more.
    const how = { env: this.#environment, stdio: 'ignore', detached: true } as const;
    this.#kubelet = spawn('/bin/sh', ['-c', kubelet], how);
  }

  at(path: string): string {
    return join(this.root, path);
  }

  write(path: string, text: string): void {
    mkdirSync(join(this.at(path), '..'), { recursive: true });
    // Whole from the first moment: kubelet reads a manifest as soon as it sees its name.
    writeFileSync(this.at(`${path}.new`), text);
    renameSync(this.at(`${path}.new`), this.at(path));
  }

  read(path: string): string {
    return existsSync(this.at(path)) ? readFileSync(this.at(path), 'utf8') : '';
  }

  /** Resolves when kubelet has started a process for each manifest that was written. */
  async started(): Promise<void> {
    const processes = (): number => this.read('pids').split('\n').filter(Boolean).length;
    while (processes() < this.manifests.length) await setTimeout(10);
  }

  get manifests(): string[] {
    return readdirSync(this.at('etc/kubernetes/manifests')).sort();
  }

  /** Runs a script to its end. */
  run(script: string, args: readonly string[], input = ''): ScriptEnd {
    return this.exec(['/bin/sh', scriptPath(script), ...args], input);
  }

  /** Runs a command line to its end, as systemd would one that it was given. */
  exec([program = '', ...args]: readonly string[], input = ''): ScriptEnd {
    const { status, stdout, stderr } = spawnSync(program, args, {
      input,
      encoding: 'utf8',
      env: this.#environment,
    });
    return { code: status, out: stdout + stderr };
  }

  /** Starts a script; resolves to its exit code and what it said. */
  start(script: string, args: readonly string[]): Promise<ScriptEnd> {
    const talk = this.converse(script, args);
    talk.process.stdin.end();
    return talk.ended;
  }

  /** Starts a script that reads its input line by line. */
  converse(script: string, args: readonly string[]): ScriptTalk {
    const process = spawn('/bin/sh', [scriptPath(script), ...args], { env: this.#environment });
    let out = '';
    for (const stream of [process.stdout, process.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => (out += text));
    const ended = new Promise<ScriptEnd>((resolve) =>
      process.once('close', (code) => resolve({ code, out })),
    );
    return { process, ended, said: () => out };
  }

  /** A command of this node, instead of the one it had. */
  command(name: string, text: string): void {
    writeFileSync(this.at(`commands/${name}`), `#!/bin/sh\n${text}\n`);
    chmodSync(this.at(`commands/${name}`), 0o755);
  }

  /** A command that ends its caller as a crash would, whenever its arguments match a pattern of the shell. */
  crashAt(command: string, pattern: string): void {
    const real = spawnSync('sh', ['-c', `command -v ${command}`], { encoding: 'utf8' }).stdout.trim();
    const text = `#!/bin/sh\ncase "$*" in ${pattern}) kill -KILL $PPID; exit 1 ;; esac\nexec ${real} "$@"\n`;
    writeFileSync(this.at(`commands/${command}`), text, { mode: 0o755 });
  }

  recover(command: string): void {
    rmSync(this.at(`commands/${command}`));
  }

  /** Ends what runs and removes the files. */
  remove(): void {
    const { pid: leader } = this.#kubelet;
    if (leader !== undefined) end(-leader);
    for (const pid of this.read('pids').split('\n').filter(Boolean)) end(Number(pid));
    removeFolder(this.root);
  }
}

/** Kills a process, or with a negative number a group. */
function end(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    // It has ended, by itself or because a script ended it.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** What was just killed may end a moment later. `rmSync` tries again, but not what came meanwhile. */
function removeFolder(folder: string): void {
  for (let tries = 1; ; tries += 1) {
    try {
      rmSync(folder, { recursive: true, force: true });
      return;
    } catch (error) {
      if (tries === 20) throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 50);
    }
  }
}

function scriptPath(name: string): string {
  return fileURLToPath(new URL(`../${name}.sh`, import.meta.url));
}
