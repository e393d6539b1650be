import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { homedir } from 'node:os';
import { Command, Option } from 'commander';
import { stateRoot } from '../actions/reach.js';
import { rotate } from '../actions/rotate.js';
import type { RotateOptions } from '../actions/options.js';
import { aksEngineLinux } from '../layouts/aks-engine-linux.js';
import { phaseNames, type PhaseName } from '../model/plan.js';
import { askConsent } from './consent.js';
import { eventLog } from './event-log.js';
import { exitCodeOf, exitCodeOfError } from './exit-codes.js';
import { collect, duration, path, port } from './flags.js';
import { terminal } from './terminal.js';

interface Flags {
  apiModel: string;
  sshHost: string;
  sshPort: number;
  linuxSshPrivateKey: string;
  location?: string;
  pauseAfter?: PhaseName;
  yes: boolean;
  report?: string;
  validity?: number;
  caValidity?: number;
  waitWorkloads: number;
  leaveNode: string[];
  leaveBridge: boolean;
  strictHostKeys: boolean;
  knownHosts?: string;
  probe: boolean;
  debug: boolean;
}

/** `keyroll rotate-certs`: the flags of `aks-engine rotate-certs`, and keyroll's own. */
export function rotateCertsCommand(): Command {
  const command = new Command('rotate-certs')
    .description('Replace every CA, certificate and key of a cluster while it goes on serving')
    .requiredOption('-m, --api-model <file>', "the cluster's apimodel.json", path)
    .requiredOption('--ssh-host <host>', 'FQDN or IP of an SSH listener from which every node can be reached')
    .requiredOption('--linux-ssh-private-key <file>', 'private key of the Linux admin user', path)
    .option('--ssh-port <port>', 'port of the SSH listener', port, 22)
    .addOption(
      new Option('--pause-after <phase>', 'stop after this phase; the same command goes on').choices(
        phaseNames,
      ),
    )
    .option('-y, --yes', 'answer prompts; never overrides what forbids the start', false)
    .option('--report <file>', 'write the report there as JSON', path)
    .option(
      '--validity <time>',
      'how long new certificates last (365d, 2y); default: as long as those they replace',
      duration,
    )
    .option(
      '--ca-validity <time>',
      'how long the new CAs last; default: as long as those they replace',
      duration,
    )
    .option('--wait-workloads <time>', 'how long to wait for workloads and pods', duration, duration('30m'))
    .option('--leave-node <name>', 'leave this node out (may be given again)', collect, [])
    .option('--leave-bridge', "leave the bridge in kube-apiserver's serving chain", false)
    .option('--strict-host-keys', 'refuse unknown SSH host keys instead of recording them', false)
    .option('--known-hosts <file>', 'known_hosts file with the keys of jump host and nodes', path)
    .option('--no-probe', 'do not measure availability during the rotation')
    .option('--debug', 'show each error with its stack', false);
  for (const flag of acceptedForLater()) command.addOption(flag);
  return command.action(async (flags: Flags) => {
    process.exitCode = await run(flags);
  });
}

/** Flags of aks-engine that have no effect yet: a rolling rotation needs SSH alone. */
function acceptedForLater(): Option[] {
  const flags: [string, string][] = [
    ['-l, --location <name>', "Azure location; must be the API model's"],
    ['-s, --subscription-id <id>', 'accepted'],
    ['-g, --resource-group <name>', 'accepted'],
    ['--client-id <id>', 'accepted'],
    ['--client-secret <secret>', 'accepted'],
    ['--azure-env <name>', 'accepted'],
    ['--certificate-profile <file>', 'accepted'],
    ['--force', 'accepted'],
    ['--auth-method <method>', 'accepted'],
    ['--certificate-path <file>', 'accepted'],
    ['--private-key-path <file>', 'accepted'],
    ['--identity-system <system>', 'accepted'],
    ['--language <language>', 'accepted'],
  ];
  return flags.map(([flag, text]) => new Option(flag, text));
}

async function run(flags: Flags): Promise<number> {
  const show = terminal(process.stdout);
  const log = eventLog(join(stateRoot(flags.apiModel), 'events.jsonl'));
  try {
    const report = await rotate(
      optionsOf(flags),
      aksEngineLinux,
      (event) => {
        log(event);
        show(event);
      },
      (notes) => askConsent(notes, flags.yes),
    );
    if (flags.report !== undefined) writeFileSync(flags.report, `${JSON.stringify(report, null, 2)}\n`);
    return exitCodeOf(report);
  } catch (error) {
    console.error(`keyroll: ${error instanceof Error ? error.message : String(error)}`);
    if (flags.debug && error instanceof Error) console.error(error.stack);
    return exitCodeOfError(error);
  }
}

function optionsOf(flags: Flags): RotateOptions {
  return {
    apiModel: flags.apiModel,
    sshHost: flags.sshHost,
    sshPort: flags.sshPort,
    sshPrivateKey: flags.linuxSshPrivateKey,
    location: flags.location,
    knownHosts: flags.knownHosts,
    userKnownHosts: join(homedir(), '.ssh', 'known_hosts'),
    strictHostKeys: flags.strictHostKeys,
    pauseAfter: flags.pauseAfter,
    validity: flags.validity,
    caValidity: flags.caValidity,
    waitWorkloads: flags.waitWorkloads,
    leaveNodes: flags.leaveNode,
    leaveBridge: flags.leaveBridge,
    probe: flags.probe,
  };
}
