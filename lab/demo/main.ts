import { rm, mkdir } from 'node:fs/promises';
import { dirname, relative } from 'node:path';
import { preflight, printPreflight } from '../assets/index.js';
import * as lab from '../cluster/index.js';
import { farewell } from './farewell.js';
import { prepare } from './prepare.js';
import { rotateCommand, reportFile } from './rotate-command.js';
import { servingCertificate } from './serving.js';

/** keyroll's own exit codes (src/cli/exit-codes.ts) for what goes wrong before keyroll runs. */
const unexpected = 1;
const blocked = 3;

/**
 * The demonstration on a real cluster:
 * 1. see whether this machine can run it;
 * 2. build keyroll, bring up the lab (or take the one that runs);
 * 3. rotate it as its operator would, the availability probe running: keyroll shows the certificates, then each step,
 *    then its report;
 * 4. show what the API server serves now, and how to look around.
 *
 * Resolves to keyroll's exit code.
 */
async function demo(): Promise<number> {
  const checks = await preflight();
  if (!checks.every(({ ok }) => ok)) {
    printPreflight(checks);
    console.error('This machine cannot run the lab; nothing was changed.');
    return blocked;
  }
  const { fqdn, paths } = await prepare();
  const before = await servingCertificate(fqdn);
  const code = await rotate(fqdn, paths);
  const after = await servingCertificate(fqdn);
  for (const line of farewell({ before, after, code, paths })) console.log(line);
  return code;
}

/** Runs the built keyroll in the lab's network; resolves to its exit code. */
async function rotate(fqdn: string, paths: lab.LabPaths): Promise<number> {
  await mkdir(dirname(reportFile), { recursive: true });
  // What an earlier run left must not pass for this one's.
  await rm(reportFile, { force: true });
  const command = rotateCommand(fqdn, paths);
  console.log(
    '\nrotates every CA, certificate and key of this cluster, as its operator would (usually 4 min):',
  );
  console.log(`  npm run -s lab -- exec -- ${command.map(relativePath).join(' ')}\n`);
  return lab.execInteractive(command);
}

const relativePath = (word: string): string => {
  const short = relative(process.cwd(), word);
  return word.startsWith('/') && !short.startsWith('..') ? short : word;
};

try {
  process.exitCode = await demo();
} catch (error) {
  console.error(`demo: ${error instanceof Error ? error.message : String(error)}`);
  console.error('What was finished is kept: `make demo-real` goes on from there, `make lab-down` cleans up.');
  process.exitCode = unexpected;
}
