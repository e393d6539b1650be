import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { LabPaths } from '../cluster/index.js';

const checkout = fileURLToPath(new URL('../../', import.meta.url));

/** Where the demonstration leaves keyroll's report. */
export const reportFile = join(checkout, 'out', 'demo-real-report.json');

/** The command line with which an operator rotates the lab's cluster. The consent is given here: nobody is asked. */
export function rotateCommand(fqdn: string, { clusterDir, sshKey }: LabPaths): string[] {
  return [
    'node',
    join(checkout, 'dist', 'cli', 'main.js'),
    'rotate-certs',
    '--api-model',
    join(clusterDir, 'apimodel.json'),
    '--ssh-host',
    fqdn,
    '--linux-ssh-private-key',
    sshKey,
    '--report',
    reportFile,
    '--yes',
  ];
}
