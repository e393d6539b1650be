import { failuresIn, type Report } from '../report/report.js';

/** The report for people, one line each. */
export function reportLines(report: Report): string[] {
  return [
    headline(report),
    ...(report.error === undefined ? [] : [`  ${report.error}`]),
    ...replaced(report),
    ...(report.phases.length === 0
      ? []
      : [`phases: ${report.phases.map(({ name, seconds }) => `${name} ${seconds} s`).join(', ')}`]),
    ...restarts(report),
    ...report.gaps.map(
      ({ node, seconds }) =>
        `GAP: nobody answered for ${seconds} s while kube-apiserver on ${node} restarted`,
    ),
    ...probe(report),
    ...report.notProbed.map((reason) => `not probed: ${reason}`),
    ...refused(report),
    ...report.hostKeys.map(
      ({ host, type, fingerprint }) => `host key recorded: ${host} ${type} ${fingerprint}`,
    ),
    ...report.addonsMissing.map((name) => `NOT BACK: ${name}`),
    ...report.leftNodes.map((node) => leftOut(node, report)),
    ...report.places.map(({ where, path, what }) => `still there: ${where}: ${path} (${what})`),
    `keyroll used ${report.memoryMb} MB at most`,
  ];
}

function leftOut(node: string, { outcome }: Report): string {
  return outcome === 'rolled-back'
    ? `LEFT OUT: node ${node} was not taken back; if it has new certificates already, restore what lies there in /var/lib/keyroll/backup and restart its kubelet`
    : `LEFT OUT: node ${node} still has the old certificates; bring it in with keyroll repair ${node}`;
}

function headline({ outcome, seconds, probe: classes, rotation }: Report): string {
  const failed = failuresIn(classes);
  const requests = Object.values(classes).reduce((sum, stats) => sum + stats.requests, 0);
  const word = {
    rotated: 'Rotated',
    paused: 'Paused',
    'pods-remain': 'Stopped before pods would be cut off',
    failed: 'Failed',
    stopped: 'Stopped at a safe place',
    'rolled-back': 'Everything is old again',
  }[outcome];
  return `${word} after ${seconds} s; ${requests} requests sent, ${failed} failed. (rotation ${rotation})`;
}

function replaced({ credentials, outcome }: Report): string[] {
  if (credentials.length === 0) return [];
  if (outcome === 'rolled-back') return asBefore(credentials);
  const same = credentials.filter(({ oldFingerprint, newFingerprint }) => oldFingerprint === newFingerprint);
  const names = [...new Set(credentials.map(({ name }) => name))];
  return [
    `replaced: ${credentials.length - same.length} of ${credentials.length} keys on the nodes: ${names.join(', ')}`,
    ...same.map(({ name, node }) => `NOT replaced: ${name} on ${node}`),
  ];
}

function asBefore(credentials: Report['credentials']): string[] {
  const other = credentials.filter(({ oldFingerprint, newFingerprint }) => oldFingerprint !== newFingerprint);
  return [
    `as before: ${credentials.length - other.length} of ${credentials.length} keys on the nodes`,
    ...other.map(({ name, node }) => `another key than before: ${name} on ${node}`),
  ];
}

function restarts({ restarts: all }: Report): string[] {
  const totals = new Map<string, number>();
  for (const { process, count } of all) totals.set(process, (totals.get(process) ?? 0) + count);
  if (totals.size === 0) return [];
  const reboots = totals.get('machine') ?? 0;
  totals.delete('machine');
  const counted = [...totals].map(([process, count]) => `${process} ${count}`).join(', ');
  return [
    `restarts: ${counted}; ${reboots === 0 ? 'no node was' : `nodes were ${reboots} times`} rebooted by keyroll`,
  ];
}

function probe({ probe: classes, probeCost }: Report): string[] {
  const rows = Object.entries(classes).map(([name, stats]) => {
    const kept = [
      stats.resent > 0 ? `${stats.resent} resent` : '',
      stoodStill(stats.stalledMs),
      stats.lost === undefined ? '' : `${stats.lost} writes lost`,
      stats.missed === undefined ? '' : `${stats.missed} events missed`,
    ].filter(Boolean);
    return `  ${name.padEnd(24)} ${String(stats.requests).padStart(7)} requests  ${String(stats.failed).padStart(4)} failed  longest gap ${ms(stats.longestGapMs)}  longest latency ${ms(stats.longestLatencyMs)}${kept.length > 0 ? `  (${kept.join(', ')})` : ''}`;
  });
  if (rows.length === 0) return [];
  const still = stoodStill(probeCost?.stalledMs);
  return [
    'availability:',
    ...rows,
    ...(probeCost
      ? [`  the probe itself took ${probeCost.cpuPercent} % of a core${still && `, and ${still}`}`]
      : []),
  ];
}

/** Who was kept from running for longer than a second did not look for as long. */
function stoodStill(stalledMs = 0): string {
  return stalledMs < 1000 ? '' : `stood still for ${(stalledMs / 1000).toFixed(1)} s`;
}

function ms(value: number): string {
  return `${(value / 1000).toFixed(1)} s`.padStart(7);
}

function refused({ refused: all, outcome }: Report): string[] {
  // On the way back what must be refused is named as new.
  if (outcome === 'rolled-back')
    return all.map(
      ({ name, refusedAfter, answer }) => `${refusedAfter ? 'refused' : 'NOT REFUSED'}: ${name} (${answer})`,
    );
  return all.map(
    ({ name, acceptedBefore, refusedAfter, answer }) =>
      `${refusedAfter ? 'refused' : 'NOT REFUSED'}: old ${name} (${answer}); before distrust it was ${acceptedBefore === undefined ? 'not tried' : acceptedBefore ? 'accepted' : 'not accepted'}`,
  );
}
