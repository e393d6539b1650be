import { fileURLToPath } from 'node:url';
import { Command, InvalidArgumentError } from 'commander';
import { terminalProgress } from './assets/index.js';
import * as lab from './cluster/index.js';
import type { Progress } from './assets/index.js';
import { probe, type ProbeFlags } from './probe/probe.js';

const keyBits = (text: string): 2048 | 4096 => {
  if (text === '2048') return 2048;
  if (text === '4096') return 4096;
  throw new InvalidArgumentError('must be 2048 or 4096.');
};

const number = (text: string): number => {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 0) throw new InvalidArgumentError('expected a whole number');
  return value;
};

/** Runs work that reports its steps, and ends the report whatever happens. */
async function reporting<T>(work: (progress: Progress) => Promise<T>): Promise<T> {
  const progress = terminalProgress();
  try {
    return await work(progress);
  } finally {
    progress.close();
  }
}

interface UpFlags {
  masters: number;
  agents: number;
  kubernetes?: string;
  projectedTokens?: true;
  aksPeriods?: true;
  watchdogDelay: number;
  freshPki?: true;
  certificateSeconds?: number;
  keyBits: 2048 | 4096;
}

async function up(flags: UpFlags): Promise<void> {
  const { defaultOptions } = lab;
  const options = { ...defaultOptions, freshPki: false, ...flags };
  const plan = await reporting((progress) => lab.up(progress, options));
  const { clusterDir } = await lab.paths();
  console.log(
    `lab ${plan.name} is up: https://${plan.fqdn}, SSH host ${plan.fqdn}; the operator's files: ${clusterDir}`,
  );
}

async function showStatus(): Promise<void> {
  const found = await lab.status();
  console.log(
    `lab ${found.name}: ${found.phase}${found.version === undefined ? '' : `, Kubernetes ${found.version}`}`,
  );
  for (const node of found.nodes) {
    console.log(
      `  ${node.name}  ${node.ip.padEnd(14)} ${node.pid === undefined ? 'down' : `up, process ${node.pid}`}`,
    );
  }
  for (const problem of found.problems) console.log(`  ! ${problem}`);
  if (found.healthy) console.log('  all nodes and pods are Ready');
  process.exitCode = found.healthy ? 0 : 1;
}

const program = new Command('lab')
  .description('A real Kubernetes cluster in the layout of AKS Engine, in a network namespace of its own')
  .enablePositionalOptions();

program
  .command('up')
  .description('bring it up, or what of it does not run')
  .option('--masters <count>', '1, 3 or 5', number, lab.defaultOptions.masters)
  .option('--agents <count>', '1 or more', number, lab.defaultOptions.agents)
  .option('--kubernetes <folder>', 'Kubernetes binaries of another version (1.20 to 1.36)')
  .option('--projected-tokens', 'bound, projected service-account tokens, also on 1.20')
  .option('--aks-periods', "AKS Engine's own kubelet status and sync periods (1 minute)")
  .option(
    '--watchdog-delay <seconds>',
    'when watchdogs begin (300 on AKS Engine)',
    number,
    lab.defaultOptions.watchdogDelay,
  )
  .option('--certificate-seconds <seconds>', 'let every certificate expire so soon', number)
  .option(
    '--key-bits <bits>',
    "of the cluster's RSA keys: 2048 spares a slow machine much work",
    keyBits,
    lab.defaultOptions.keyBits,
  )
  .option('--fresh-pki', 'new keys instead of those of the last time')
  .action(up);
program
  .command('down')
  .description('take it down; nothing but its keys is left')
  .action(() => lab.down());
program.command('status').description('what runs, and whether it is well').action(showStatus);
program
  .command('exec')
  .description("run a command in the lab's network")
  .passThroughOptions()
  .argument('<command...>')
  .action(async (command: string[]) => {
    process.exitCode = await lab.execInteractive(command);
  });
program
  .command('probe')
  .description('ask the API of every master and of the balancer, and count what fails, until Ctrl-C')
  .option('--reads <rate>', 'reads a second', number, 20)
  .option('--writes <rate>', 'writes a second', number, 10)
  .option('--seconds <count>', 'end after so many seconds', number, 0)
  .action(async (flags: ProbeFlags) => {
    process.exitCode = await probe(flags);
  });
program
  .command('ssh')
  .description('run a command on a node, or open a shell')
  .passThroughOptions()
  .argument('<node>')
  .argument('[command...]')
  .action(async (node: string, command: string[]) => {
    process.exitCode = await lab.sshInteractive(node, command);
  });
program
  .command('azure-stack')
  .description('the stand-in for Azure Stack Hub, until it is interrupted')
  .option('--identity-system <system>', 'azure_ad or adfs', 'azure_ad')
  .action(async ({ identitySystem }: { identitySystem: string }) => {
    const server = fileURLToPath(new URL('./azure-stack/main.ts', import.meta.url));
    const command = [process.execPath, '--import', 'tsx', server, identitySystem];
    process.exitCode = await lab.serveInNetwork(command);
  });
program
  .command('reboot')
  .description('reboot a node')
  .argument('<node>')
  .action((node: string) => lab.reboot(node));
program
  .command('snapshot')
  .description('keep the lab as it is now')
  .argument('<name>')
  .action((name: string) => reporting((progress) => lab.snapshot(name, progress)));
program
  .command('restore')
  .description('put a snapshot back')
  .argument('<name>')
  .action((name: string) => reporting((progress) => lab.restore(name, progress)));

try {
  await program.parseAsync();
} catch (error) {
  console.error(`lab: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
}
