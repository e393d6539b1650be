import { homedir } from 'node:os';
import { join } from 'node:path';
import { Option, type Command } from 'commander';
import type { ClusterOptions } from '../actions/options.js';
import { azureCliFolder, selectedSubscription } from '../adapters/fs/azure-cli-folder.js';
import { azureFlags, azureOptionsOf, type AzureFlags } from './azure-flags.js';
import { askSecret } from './ask-secret.js';
import { variableOf } from './environment.js';
import { path, port } from './flags.js';
import { secretFile, secretOf, secretWarnings } from './secrets.js';
import { UsageError } from './usage-error.js';

type Environment = Readonly<Record<string, string | undefined>>;

/** Flags by which every command reaches a cluster: aks-engine's, and ours beside them. */
export function clusterFlags(): Option[] {
  return [
    new Option('-m, --api-model <file>', "the cluster's apimodel.json").argParser(path),
    new Option('--ssh-host <host>', 'FQDN or IP of an SSH listener from which every node can be reached'),
    new Option('--linux-ssh-private-key <file>', 'private key of the Linux admin user').argParser(path),
    new Option(
      '--ssh-port <port>',
      'port of the SSH listener; default: 22, or 50001 for a scale set',
    ).argParser(port),
    new Option('--ssh-passphrase-file <file>', "file with the private key's passphrase").argParser(path),
    new Option('--ssh-agent', 'let the SSH agent (SSH_AUTH_SOCK) sign').default(false),
    new Option('-l, --location <name>', "Azure location; must be the API model's, if it names one"),
    ...azureFlags(),
    new Option('--strict-host-keys', 'refuse unknown SSH host keys instead of recording them').default(false),
    new Option('--known-hosts <file>', 'known_hosts file with the keys of jump host and nodes').argParser(
      path,
    ),
    new Option('--debug', 'show each error with its stack').default(false),
  ];
}

interface Flags extends AzureFlags {
  readonly apiModel?: string;
  readonly sshHost?: string;
  readonly linuxSshPrivateKey?: string;
  readonly sshPort?: number;
  readonly sshPassphraseFile?: string;
  readonly sshAgent: boolean;
  readonly location?: string;
  readonly strictHostKeys: boolean;
  readonly knownHosts?: string;
}

/** How to reach the cluster, and what the operator should know about how that was given. */
export interface ClusterFlagsRead {
  readonly options: ClusterOptions;
  readonly warnings: readonly string[];
}

/**
 * Reads the flags of `clusterFlags` after `applyEnvironment`.
 * @throws UsageError naming all that is missing
 */
export function readClusterFlags(command: Command, environment: Environment): ClusterFlagsRead {
  const flags: Flags = command.opts();
  demand(command, flags);
  const { azure, notes } = azureOptionsOf({ ...flags, clientSecret: secretOf(command, 'clientSecret') }, () =>
    selectedSubscription(azureCliFolder(environment)),
  );
  const options: ClusterOptions = {
    apiModel: flags.apiModel ?? '',
    sshHost: flags.sshHost ?? '',
    sshPort: flags.sshPort,
    sshPrivateKey: flags.linuxSshPrivateKey || undefined,
    sshPassphrase: passphraseSource(flags.sshPassphraseFile, flags.linuxSshPrivateKey ?? ''),
    sshAgent: flags.sshAgent ? agentSocket(environment) : undefined,
    location: flags.location || undefined,
    knownHosts: flags.knownHosts || undefined,
    userKnownHosts: join(homedir(), '.ssh', 'known_hosts'),
    strictHostKeys: flags.strictHostKeys,
    azure,
  };
  return { options, warnings: [...secretWarnings(command), ...unused(command), ...notes] };
}

/** What no command can do without. */
function demand(command: Command, flags: Flags): void {
  const needed = ['apiModel', 'sshHost', ...(flags.sshAgent ? [] : ['linuxSshPrivateKey'])] as const;
  const missing = command.options.filter((option) => {
    const key = option.attributeName();
    return (needed as readonly string[]).includes(key) && !command.getOptionValue(key);
  });
  if (missing.length === 0) return;
  const names = missing.map((option) => `${option.long ?? ''} (or ${variableOf(option)})`);
  throw new UsageError(`missing: ${names.join(', ')}; see keyroll ${command.name()} --help`);
}

/** From the file; else a person at a terminal is asked. */
function passphraseSource(file: string | undefined, key: string): (() => Promise<string>) | undefined {
  if (file !== undefined && file !== '')
    return () => Promise.resolve(secretFile(file, '--ssh-passphrase-file'));
  if (!process.stdin.isTTY) return undefined;
  return () => askSecret(`Passphrase of ${key}: `);
}

function agentSocket(environment: Environment): string {
  const socket = environment['SSH_AUTH_SOCK'];
  if (socket === undefined || socket === '')
    throw new UsageError(
      '--ssh-agent: SSH_AUTH_SOCK is not set; start ssh-agent, or give a key file instead',
    );
  return socket;
}

/** aks-engine takes words that belong to no flag without complaint, so they are no error here. */
function unused({ args, registeredArguments }: Command): string[] {
  const left = args.slice(registeredArguments.length);
  return left.length === 0 ? [] : [`not understood, and left out: ${left.join(' ')}`];
}
