import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { clusterFlags, readClusterFlags, type ClusterFlagsRead } from './cluster-flags.js';
import { applyEnvironment } from './environment.js';
import { fromGoStyle } from './pflag.js';
import { rotateOptionsOf, rotationFlags } from './rotation-flags.js';

const root = mkdtempSync(join(tmpdir(), 'keyroll-flags-'));
afterAll(() => rmSync(root, { recursive: true }));
const id = '01234567-89ab-cdef-0123-456789abcdef';
const other = '11111111-2222-3333-4444-555555555555';
const needed = [
  '--api-model',
  '_output/apimodel.json',
  '--ssh-host',
  'h',
  '--linux-ssh-private-key',
  '~/.ssh/id_rsa',
];

let environment: Record<string, string>;
let command: Command;
beforeEach(() => void (environment = { AZURE_CONFIG_DIR: join(root, 'none') }));

/** What a command line comes to, by the same steps as the program. */
function read(args: readonly string[]): ClusterFlagsRead {
  command = new Command('rotate-certs').allowExcessArguments(true).exitOverride();
  command.configureOutput({ writeErr: () => undefined });
  for (const flag of [...clusterFlags(), ...rotationFlags()]) command.addOption(flag);
  command.action(() => undefined);
  const program = new Command('keyroll').exitOverride().addCommand(command);
  program.parse(fromGoStyle(['rotate-certs', ...args], command), { from: 'user' });
  applyEnvironment(command, environment);
  return readClusterFlags(command, environment);
}
function rotation(args: readonly string[]): ReturnType<typeof rotateOptionsOf> {
  const { options } = read(args);
  return rotateOptionsOf(command, options);
}

const documented = [
  ...needed,
  ...['--location', 'West Europe', '--subscription-id', id, '--resource-group', 'rg'],
  ...['--client-id', other, '--client-secret', 'hush', '--azure-env', 'AzureStackCloud'],
];

describe('a command line of aks-engine', () => {
  it('is understood as documented, with its defaults', () => {
    const { options, warnings } = read(documented);
    expect(options).toMatchObject({
      apiModel: join(process.cwd(), '_output/apimodel.json'),
      sshHost: 'h',
      sshPort: undefined,
      sshPrivateKey: join(homedir(), '.ssh/id_rsa'),
      location: 'West Europe',
      azure: {
        environment: 'AzureStackCloud',
        subscriptionId: id,
        resourceGroup: 'rg',
        clientId: other,
        identitySystem: 'azure_ad',
        credential: { method: 'client_secret', secret: 'hush' },
      },
    });
    expect(warnings).toEqual([
      '--client-secret was given on the command line, where every user of this machine can read it; ' +
        'give it as KEYROLL_CLIENT_SECRET or in a file with --client-secret-file',
    ]);
    expect(rotation(documented)).toMatchObject({ force: false, probe: true, waitWorkloads: 1_800_000 });
  });

  it('may use the short forms, in every way that Go takes them', () => {
    const long = read(documented).options;
    const short = [
      ...[
        '-m=_output/apimodel.json',
        '--ssh-host=h',
        '--linux-ssh-private-key=~/.ssh/id_rsa',
        '-lWest Europe',
      ],
      ...['-s', id, '-g=rg', `--client-id=${other}`, '--client-secret=hush', '--azure-env=AzureStackCloud'],
    ];
    expect(read(short).options).toEqual({ ...long, sshPassphrase: undefined });
  });

  it('may say of a switch that it is true or false, before or after the command, the last one counting', () => {
    expect(rotation([...needed, '--force=true']).force).toBe(true);
    expect(rotation([...needed, '--force', '--force=F']).force).toBe(false);
    expect(rotation([...needed, '--force=0', '--force']).force).toBe(true);
    expect(() => rotation([...needed, '--force=perhaps'])).toThrow(/--force=perhaps/);
    command = new Command('rotate-certs');
    for (const flag of clusterFlags()) command.addOption(flag);
    expect(fromGoStyle(['--debug', 'rotate-certs', '-m=x', '--', '-m=y'], command)).toEqual([
      'rotate-certs',
      '--debug',
      '-m',
      'x',
      '--',
      '-m=y',
    ]);
  });

  it('may have values that look like flags, and words that belong to none', () => {
    const { options, warnings } = read([...documented, '--client-secret', '-m=x', 'true']);
    expect(options.azure?.credential).toEqual({ method: 'client_secret', secret: '-m=x' });
    expect(warnings).toContain('not understood, and left out: true');
    expect(() => read([...needed, '--unknown'])).toThrow(/unknown option '--unknown'/);
  });

  it('needs the model, the SSH host and the key, and names what is missing', () => {
    expect(() => read(['--ssh-host', 'h'])).toThrow(
      'missing: --api-model (or KEYROLL_API_MODEL), --linux-ssh-private-key (or KEYROLL_LINUX_SSH_PRIVATE_KEY); see keyroll rotate-certs --help',
    );
    expect(read(needed)).toMatchObject({ options: { azure: undefined }, warnings: [] });
  });
});

describe('Azure flags', () => {
  const azure = (...more: string[]): ClusterFlagsRead => read([...documented, ...more]);

  it.each([
    ['AzureCloud', 'AzurePublicCloud'],
    ['azurechinacloud', 'AzureChinaCloud'],
    ['AzureGermanCloud', 'AzureGermanCloud'],
    ['AzureUSGovernmentCloud', 'AzureUSGovernmentCloud'],
    ['AZURESTACKCLOUD', 'AzureStackCloud'],
  ])('take the cloud %s', (name, cloud) => {
    expect(azure('--azure-env', name).options.azure?.environment).toBe(cloud);
  });

  it('refuse a cloud that nobody knows', () => {
    expect(() => azure('--azure-env', 'Moon')).toThrow(
      '--azure-env: found "Moon"; expected AzureCloud, AzurePublicCloud, AzureChinaCloud, AzureGermanCloud, AzureUSGovernmentCloud, AzureStackCloud',
    );
  });

  it('take a certificate and ADFS', () => {
    const [certificate, key] = [join(root, 'sp.crt'), join(root, 'sp.key')];
    writeFileSync(certificate, 'C');
    writeFileSync(key, 'K');
    const method = [
      '--auth-method',
      'client_certificate',
      '--certificate-path',
      certificate,
      '--private-key-path',
      key,
    ];
    expect(azure(...method, '--identity-system', 'adfs').options.azure).toMatchObject({
      identitySystem: 'adfs',
      credential: { method: 'client_certificate', certificate: 'C', key: 'K' },
    });
    expect(() => azure(...method, '--private-key-path', join(root, 'no'))).toThrow(
      /^--private-key-path: .*no: cannot be read \(ENOENT/,
    );
  });

  it('that are not complete leave Azure alone, and say so', () => {
    const { options, warnings } = read([...needed, '--client-id', 'me', '--auth-method', 'cli']);
    expect(options.azure).toBeUndefined();
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toMatch(/^Azure's API is not asked: missing or unknown are /);
    expect(warnings[0]).toMatch(/--subscription-id.*--resource-group.*--client-id/);
    expect(warnings[0]).toMatch(/--auth-method \("cli"; client_secret and client_certificate are known\)/);
  });

  it("take the Azure CLI's subscription when none, or no UUID, is given", () => {
    environment['AZURE_CONFIG_DIR'] = root;
    writeFileSync(join(root, 'clouds.config'), `[AzureCloud]\nsubscription = ${other}\n`);
    const { options, warnings } = azure('--subscription-id', 'nonsense');
    expect(options.azure?.subscriptionId).toBe(other);
    expect(warnings).toContain(`the subscription is the Azure CLI's selected one, ${other}`);
    rmSync(join(root, 'clouds.config'));
    expect(azure('-s', `{${id.replaceAll('-', '').toUpperCase()}}`).options.azure?.subscriptionId).toBe(id);
  });
});

describe('the environment', () => {
  it('gives any flag that the command line does not', () => {
    environment = {
      ...environment,
      KEYROLL_API_MODEL: '~/m.json',
      KEYROLL_SSH_HOST: 'from-environment',
      KEYROLL_LINUX_SSH_PRIVATE_KEY: 'k',
      KEYROLL_SSH_PORT: '2222',
      KEYROLL_FORCE: 'true',
      KEYROLL_NO_PROBE: '1',
      KEYROLL_LEAVE_NODE: 'a, b',
      KEYROLL_REPORT: '',
    };
    expect(rotation(['--ssh-host', 'from-line'])).toMatchObject({
      apiModel: join(homedir(), 'm.json'),
      sshHost: 'from-line',
      sshPort: 2222,
      force: true,
      probe: false,
      leaveNodes: ['a', 'b'],
    });
  });

  it.each([
    [
      'KEYROLL_FORCE',
      'perhaps',
      'environment variable KEYROLL_FORCE: found "perhaps"; expected true or false.',
    ],
    [
      'KEYROLL_SSH_PORT',
      'x',
      'environment variable KEYROLL_SSH_PORT: found "x"; expected a port from 1 to 65535.',
    ],
    ['KEYROLL_PAUSE_AFTER', 'x', 'environment variable KEYROLL_PAUSE_AFTER: found "x"; Allowed choices are'],
  ])('is named when %s is not fit', (name, value, message) => {
    environment[name] = value;
    expect(() => read(needed)).toThrow(message);
  });
});

describe('a secret', () => {
  const file = join(root, 'secret');
  const without = documented.filter((word) => !['--client-secret', 'hush'].includes(word));
  const secret = (args: readonly string[]): unknown => read(args).options.azure?.credential;

  it('comes from the environment or a file without a warning', () => {
    writeFileSync(file, 'from file\n', { mode: 0o600 });
    expect(secret([...without, '--client-secret-file', file])).toMatchObject({ secret: 'from file' });
    expect(read([...without, '--client-secret-file', file]).warnings).toEqual([]);
    environment['KEYROLL_CLIENT_SECRET_FILE'] = file;
    expect(secret(without)).toMatchObject({ secret: 'from file' });
    expect(secret(documented)).toMatchObject({ secret: 'hush' });
    environment = {
      ...environment,
      KEYROLL_CLIENT_SECRET_FILE: '',
      KEYROLL_CLIENT_SECRET: 'from environment',
    };
    expect(secret(without)).toMatchObject({ secret: 'from environment' });
    expect(read(without).warnings).toEqual([]);
  });

  it('in a file that others can read is used with a warning', () => {
    chmodSync(file, 0o644);
    expect(read([...without, '--client-secret-file', file]).warnings).toEqual([
      `--client-secret-file: ${file} can be read by others (mode 644); chmod 600 ${file}`,
    ]);
  });

  it('is refused when its file is empty or it is given twice', () => {
    writeFileSync(file, '\n');
    expect(() => read([...without, '--client-secret-file', file])).toThrow(
      /found an empty file; expected the secret/,
    );
    expect(() => read([...documented, '--client-secret-file', file])).toThrow(
      'found both --client-secret and --client-secret-file; give one of them',
    );
  });
});

describe('the SSH agent', () => {
  it('stands in for a key, and must be there', () => {
    environment['SSH_AUTH_SOCK'] = '/run/agent';
    const { options } = read(['--api-model', 'm', '--ssh-host', 'h', '--ssh-agent']);
    expect(options).toMatchObject({ sshAgent: '/run/agent', sshPrivateKey: undefined });
    environment['SSH_AUTH_SOCK'] = '';
    expect(() => read([...needed, '--ssh-agent'])).toThrow(/^--ssh-agent: SSH_AUTH_SOCK is not set/);
  });
  it('a passphrase comes from its file', async () => {
    const file = join(root, 'passphrase');
    writeFileSync(file, 'open\n', { mode: 0o600 });
    expect(await read([...needed, '--ssh-passphrase-file', file]).options.sshPassphrase?.()).toBe('open');
  });
});
