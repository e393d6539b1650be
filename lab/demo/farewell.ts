import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { LabPaths } from '../cluster/index.js';
import { reportFile } from './rotate-command.js';
import type { Serving } from './serving.js';

/** What the last lines speak of. */
export interface Ending {
  readonly before: Serving | undefined;
  readonly after: Serving | undefined;
  /** keyroll's exit code. */
  readonly code: number;
  readonly paths: LabPaths;
}

/** The last lines: what the API serves now, where the report is, how to look around, how to take it all down. */
export function farewell({ before, after, code, paths }: Ending): string[] {
  const kubeconfig = join(paths.clusterDir, 'kubeconfig', 'kubeconfig.local.json');
  const lab = `${environment()}npm run -s lab --`;
  const kubectl = `${join(paths.binaries, 'kubectl')} --kubeconfig=${kubeconfig}`;
  return [
    '',
    `API server before: ${described(before)}`,
    `API server now:    ${described(after)}`,
    '',
    ...(code === 0 ? [] : [`keyroll ended with exit code ${code}; README.md says what that means`]),
    existsSync(reportFile)
      ? `The report:       ${reportFile}`
      : 'keyroll left no report: it ended before the first change',
    `Look around:      ${lab} exec -- ${kubectl} get pods -A -o wide`,
    `                  ${lab} ssh master-0 'sudo ls -l /etc/kubernetes/certs'`,
    `                  ${lab} exec -- bash   (a shell in the cluster's network)`,
    `Rotate it again:  ${environment()}make demo-real`,
    `Take it down:     ${environment()}make lab-down`,
  ];
}

const described = (serving: Serving | undefined): string =>
  serving === undefined
    ? 'nothing answers'
    : `issued by ${serving.issuer}, until ${serving.until}, SHA-256 ${serving.fingerprint.slice(0, 23)}…`;

/** A lab that was named must be named again. */
function environment(): string {
  const folder = process.env['KEYROLL_LAB_DIR'];
  return folder === undefined ? '' : `KEYROLL_LAB_DIR=${folder} `;
}
