import { type AddressInfo, connect as connectTcp } from 'node:net';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import ssh2, { type Connection as ServerConnection, type Server, type Session } from 'ssh2';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openFleet } from './fleet.js';
import { HostKeys } from './known-hosts.js';
import { loadScripts } from './scripts.js';
import { newKeyPair } from './testing/key-pair.js';
import type { Fleet, WindowsShell } from './types.js';

const { OPEN_MODE, STATUS_CODE } = ssh2.utils.sftp;
const root = mkdtempSync(join(tmpdir(), 'keyroll-windows-'));
const admin = newKeyPair();
const hostKey = newKeyPair().private;
const password = 'Lab-only-Passw0rd!';
const temp = 'C:\\Users\\WINADM~1\\AppData\\Local\\Temp';
const folder = 'keyroll-20260131-101500-3fa9c1';
const scriptPath = `/C:/Users/WINADM~1/AppData/Local/Temp/${folder}/rotate-agent.ps1`;

/** What a command does: what it prints, and how it ends. */
interface Reaction {
  readonly stdout?: string;
  readonly stderr?: string;
  readonly code?: number;
  readonly cut?: boolean;
}

/** A Windows machine with OpenSSH, and a jump host: one server that tells them apart by the user. */
class Windows {
  readonly commands: string[] = [];
  readonly inputs: string[] = [];
  /** Files and folders by SFTP's path. */
  readonly files = new Map<string, Buffer>();
  readonly folders = new Set<string>();
  readonly methods: string[] = [];
  readonly #reactions: Reaction[] = [];
  readonly #clients = new Set<ServerConnection>();
  readonly #server: Server;
  port = 0;
  temp = temp;
  refuse: 'mkdir' | 'write' | 'remove' | undefined;

  constructor() {
    this.#server = new ssh2.Server({ hostKeys: [hostKey] }, (client) => this.#accept(client));
  }

  start(): Promise<void> {
    return new Promise((resolve) =>
      this.#server.listen(0, '127.0.0.1', () => {
        this.port = (this.#server.address() as AddressInfo).port;
        resolve();
      }),
    );
  }

  stop(): Promise<void> {
    for (const client of this.#clients) client.end();
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }

  /** The next commands of the script react so, one each; then they answer `{}`. */
  react(...reactions: Reaction[]): void {
    this.#reactions.push(...reactions);
  }

  #accept(client: ServerConnection): void {
    this.#clients.add(client);
    client.on('error', () => undefined);
    client.on('close', () => this.#clients.delete(client));
    client.on('authentication', (context) => {
      this.methods.push(`${context.username} ${context.method}`);
      const allowed =
        context.method === 'password'
          ? context.username === 'winadmin' && context.password === password
          : context.method === 'publickey' && context.username === 'azureuser';
      if (allowed) context.accept();
      else context.reject();
    });
    client.on('tcpip', (accept, reject, info) => {
      const socket = connectTcp({ port: info.destPort, host: info.destIP });
      socket.once('error', reject);
      socket.once('connect', () => {
        const channel = accept();
        channel.on('error', () => socket.destroy()).on('close', () => socket.destroy());
        socket.on('error', () => channel.close());
        socket.pipe(channel).pipe(socket);
      });
    });
    client.on('session', (accept) => {
      const session = accept();
      this.#serveCommands(client, session);
      this.#serveFiles(session);
    });
  }

  #serveCommands(client: ServerConnection, session: Session): void {
    session.on('exec', (accept, _reject, { command }) => {
      this.commands.push(command);
      const channel = accept();
      let input = '';
      channel.on('data', (bytes: Buffer) => (input += bytes.toString()));
      channel.on('end', () => {
        if (command.startsWith('cmd.exe')) {
          channel.write(`${this.temp}\r\n`);
          channel.exit(0);
          channel.end();
          return;
        }
        this.inputs.push(input);
        const { stdout = '{}', stderr = '', code = 0, cut = false } = this.#reactions.shift() ?? {};
        if (cut) {
          client.end();
          return;
        }
        channel.stderr.write(stderr);
        channel.write(`${stdout}\r\n`);
        channel.exit(code);
        channel.end();
      });
      channel.resume();
    });
  }

  #serveFiles(session: Session): void {
    session.on('sftp', (accept) => {
      const sftp = accept();
      const handles = new Map<string, string>();
      const say = (id: number, ok: boolean, otherwise = STATUS_CODE.FAILURE): unknown =>
        sftp.status(id, ok ? STATUS_CODE.OK : otherwise);
      sftp.on('MKDIR', (id, path) => {
        const fresh = this.refuse !== 'mkdir' && !this.folders.has(path);
        if (fresh) this.folders.add(path);
        say(id, fresh);
      });
      sftp.on('OPEN', (id, path, flags) => {
        const inFolder = this.folders.has(path.slice(0, path.lastIndexOf('/')));
        if (this.refuse === 'write' || !inFolder || !(flags & OPEN_MODE.WRITE)) {
          say(id, false, STATUS_CODE.PERMISSION_DENIED);
          return;
        }
        this.files.set(path, Buffer.alloc(0));
        handles.set(String(id), path);
        sftp.handle(id, Buffer.from(String(id)));
      });
      sftp.on('WRITE', (id, handle, offset, bytes) => {
        const path = handles.get(handle.toString()) ?? '';
        const before = this.files.get(path) ?? Buffer.alloc(0);
        this.files.set(path, Buffer.concat([before.subarray(0, offset), bytes]));
        say(id, true);
      });
      sftp.on('FSETSTAT', (id) => say(id, true));
      sftp.on('CLOSE', (id) => say(id, true));
      sftp.on('REMOVE', (id, path) => {
        if (this.refuse === 'remove') say(id, false, STATUS_CODE.PERMISSION_DENIED);
        else say(id, this.files.delete(path), STATUS_CODE.NO_SUCH_FILE);
      });
      sftp.on('RMDIR', (id, path) => {
        const full = [...this.files.keys()].some((file) => file.startsWith(`${path}/`));
        say(id, !full && this.folders.delete(path), full ? STATUS_CODE.FAILURE : STATUS_CODE.NO_SUCH_FILE);
      });
    });
  }
}

let machine: Windows;
let fleet: Fleet;
let shell: WindowsShell;
const notes: string[] = [];
const note = (text: string): unknown => notes.push(text);
const { ps1 } = { ps1: (await loadScripts()).windows };

async function open(secret = password): Promise<void> {
  fleet = openFleet({
    jump: { host: '127.0.0.1', port: machine.port },
    username: 'azureuser',
    identity: { key: { text: admin.private } },
    hostKeys: new HostKeys({ own: join(root, `known-${machine.port}`) }),
    scripts: await loadScripts(),
    nodePort: machine.port,
    windows: { username: 'winadmin', password: secret },
    reconnectMs: 2000,
  });
  shell = fleet.windows({ name: '1234k8s000', address: '127.0.0.1' }, folder);
}

beforeEach(async () => {
  notes.length = 0;
  machine = new Windows();
  await machine.start();
  await open();
});

afterEach(async () => {
  await fleet.close();
  await machine.stop();
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

const message = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => 'no error',
    (error: unknown) => String(error),
  );

describe('a talk with a Windows node', () => {
  it('uploads the script once, runs it, and takes it away', async () => {
    machine.react({ stdout: '{"state":"running"}' }, { stdout: 'noise\r\n{"state":"done"}' });
    let uploaded: Buffer | undefined;
    const answers = await shell.talk(async (talk) => {
      const first = await talk.run('Begin', { rotation: 'r', key: 'geheim' });
      uploaded = machine.files.get(scriptPath);
      return [first, await talk.run('Result')];
    }, note);
    expect(answers).toEqual([{ state: 'running' }, { state: 'done' }]);
    expect(uploaded).toEqual(ps1);
    const run = `powershell.exe -NoLogo -NoProfile -NonInteractive -OutputFormat Text -ExecutionPolicy Bypass -File "${temp}\\${folder}\\rotate-agent.ps1"`;
    expect(machine.commands).toEqual(['cmd.exe /d /c echo %TEMP%', `${run} Begin`, `${run} Result`]);
    expect(machine.inputs).toEqual(['{"rotation":"r","key":"geheim"}', '{}']);
    expect([machine.files.size, machine.folders.size, notes]).toEqual([0, 0, []]);
    expect(machine.methods).toContain('winadmin password');
  });

  it('has nothing secret on a command line, and only ASCII on standard input', async () => {
    await shell.talk((talk) => talk.run('Begin', { key: 'gehéim\u2028' }), note);
    expect(machine.commands.join()).not.toContain('geh');
    expect(machine.inputs).toEqual(['{"key":"geh\\u00e9im\\u2028"}']);
  });

  it('says what the script said when it fails, and cleans up all the same', async () => {
    machine.react({ stdout: '', stderr: 'Begin: c:\\k\\windowsnodereset.ps1 is missing\r\n', code: 1 });
    const said = await message(shell.talk((talk) => talk.run('Begin'), note));
    expect(said).toContain(
      'node 1234k8s000: Begin failed (exit 1): Begin: c:\\k\\windowsnodereset.ps1 is missing',
    );
    expect([machine.files.size, machine.folders.size]).toEqual([0, 0]);
  });

  it('says what came instead of JSON', async () => {
    machine.react({ stdout: 'Windows PowerShell' });
    expect(await message(shell.talk((talk) => talk.run('Inspect'), note))).toContain(
      'Inspect answered "Windows PowerShell"; expected one line of JSON',
    );
  });

  it('says that a command may have run when the connection broke, and goes on with a new one', async () => {
    machine.react({ cut: true }, { stdout: '{"state":"done"}' });
    const answers = await shell.talk(async (talk) => {
      const broken = await message(talk.run('Begin'));
      return [broken, await talk.run('Result')];
    }, note);
    expect(answers[0]).toContain('the connection broke while Begin ran');
    expect(answers[1]).toEqual({ state: 'done' });
    expect([machine.files.size, machine.folders.size]).toEqual([0, 0]);
  });

  it('uses and removes what an earlier run left behind', async () => {
    machine.folders.add(scriptPath.slice(0, scriptPath.lastIndexOf('/')));
    machine.files.set(scriptPath, Buffer.from('old'));
    await shell.talk((talk) => talk.run('Inspect'), note);
    expect([machine.files.size, machine.folders.size]).toEqual([0, 0]);
  });

  it('notes what it could not remove', async () => {
    machine.refuse = 'remove';
    await shell.talk((talk) => talk.run('Inspect'), note);
    expect(notes).toHaveLength(1);
    expect(notes[0]).toContain(`node 1234k8s000: ${folder} could not be removed from its temporary folder`);
  });

  it('says that its files are refused', async () => {
    machine.refuse = 'write';
    const said = await message(shell.talk((talk) => talk.run('Inspect'), note));
    expect(said).toMatch(/node 1234k8s000: Inspect: SFTP said .*see the rights on its temporary folder/);
  });

  it('does not trust any text as the temporary folder', async () => {
    machine.temp = '%TEMP%';
    expect(await message(shell.talk((talk) => talk.run('Inspect'), note))).toContain(
      '%TEMP% is "%TEMP%"; expected a folder on a drive',
    );
  });

  it('names the fields of the model when the password is refused, and never the password', async () => {
    await fleet.close();
    await open('Wrong-Passw0rd');
    const said = await message(shell.talk((talk) => talk.run('Inspect'), note));
    expect(said).toContain('the login as "winadmin" with the API model\'s password was refused');
    expect(said).not.toContain('Wrong-Passw0rd');
  });
});

it('knows no Windows node where no administrator is known', async () => {
  await fleet.close();
  const plain = openFleet({
    jump: { host: '127.0.0.1', port: machine.port },
    username: 'azureuser',
    identity: { key: { text: admin.private } },
    hostKeys: new HostKeys({ own: join(root, 'known-plain') }),
    scripts: await loadScripts(),
  });
  expect(() => plain.windows({ name: 'w', address: '127.0.0.1' }, folder)).toThrow(
    'node w: no administrator of Windows nodes is known',
  );
});
