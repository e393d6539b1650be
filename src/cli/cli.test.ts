import { describe, expect, it } from 'vitest';
import { BlockedError } from '../actions/errors.js';
import { HostKeyError } from '../adapters/ssh/known-hosts.js';
import type { Report } from '../report/report.js';
import { exitCodeOf, exitCodeOfError, exitCodes } from './exit-codes.js';
import { duration, path, port } from './flags.js';
import { reportLines } from './report-text.js';
import { rotateCertsCommand } from './rotate-certs.js';

const stats = {
  running: false,
  seconds: 1,
  requests: 10,
  failed: 0,
  resent: 1,
  skipped: 0,
  longestGapMs: 100,
  longestLatencyMs: 50,
  failures: [],
};
const report: Report = {
  outcome: 'rotated',
  rotation: 'r',
  canGoBack: false,
  startedAt: '2026-01-01T00:00:00Z',
  seconds: 180,
  memoryMb: 120,
  probe: { write: { ...stats, lost: 0 } },
  notProbed: [],
  phases: [{ name: 'trust', seconds: 40 }],
  credentials: [{ name: 'ca', node: 'm0', oldFingerprint: 'a', newFingerprint: 'b' }],
  restarts: [{ process: 'etcd', node: 'm0', count: 1 }],
  gaps: [],
  refused: [{ name: 'admin kubeconfig', acceptedBefore: true, refusedAfter: true, answer: 'status 401' }],
  observed: [],
  leadershipMoves: [],
  hostKeys: [],
  notes: [],
  leftNodes: [],
  addonsMissing: [],
  places: [],
};

describe('exit codes', () => {
  it('tell scripts how it ended', () => {
    expect(exitCodeOf(report)).toBe(exitCodes.ok);
    expect(exitCodeOf({ ...report, outcome: 'pods-remain' })).toBe(exitCodes.podsRemain);
    expect(exitCodeOf({ ...report, outcome: 'failed' })).toBe(exitCodes.failed);
    expect(exitCodeOf({ ...report, probe: { write: { ...stats, lost: 1 } } })).toBe(exitCodes.requestsFailed);
    expect(exitCodeOf({ ...report, addonsMissing: ['Deployment kube-system/coredns: 0 of 1'] })).toBe(
      exitCodes.addonsMissing,
    );
    expect(exitCodeOfError(new BlockedError([]))).toBe(exitCodes.blocked);
    expect(exitCodeOfError(new HostKeyError('changed', 'h', 'changed'))).toBe(exitCodes.hostKey);
    expect(exitCodeOfError(new Error('x'))).toBe(exitCodes.unexpected);
  });
});

describe('flags', () => {
  it('read times and ports, and refuse what is none', () => {
    expect([duration('90s'), duration('30m'), duration('2y')]).toEqual([90_000, 1_800_000, 63_072_000_000]);
    expect(() => duration('30')).toThrow('expected a time');
    expect(() => duration('0m')).toThrow('expected a time');
    expect(port('22')).toBe(22);
    expect(() => port('65536')).toThrow('expected a port');
  });
  it('expand a leading ~, which a quoted argument keeps', () => {
    expect(path('~/x')).toBe(`${process.env.HOME ?? ''}/x`);
    expect(path('/a/~/x')).toBe('/a/~/x');
  });
  it('take every flag of aks-engine rotate-certs', () => {
    const known = new Set(rotateCertsCommand().options.flatMap(({ long, short }) => [long, short]));
    const theirs =
      '--api-model -m --ssh-host --linux-ssh-private-key --location -l --subscription-id -s --resource-group -g --client-id --client-secret --azure-env --certificate-profile --force --auth-method --certificate-path --private-key-path --identity-system --language --debug';
    expect(theirs.split(' ').filter((flag) => !known.has(flag))).toEqual([]);
  });
});

describe('reportLines', () => {
  it('says first whether it worked and how many requests failed', () => {
    expect(reportLines(report)[0]).toBe('Rotated after 180 s; 10 requests sent, 0 failed. (rotation r)');
  });
  it('names each gap and how long it was', () => {
    expect(reportLines({ ...report, gaps: [{ node: 'm0', seconds: 9.8 }] })).toContain(
      'GAP: nobody answered for 9.8 s while kube-apiserver on m0 restarted',
    );
  });
  it('names what was not replaced or not refused', () => {
    const bad = reportLines({
      ...report,
      credentials: [{ name: 'ca', node: 'm0', oldFingerprint: 'a', newFingerprint: 'a' }],
      refused: [{ name: 'token', acceptedBefore: true, refusedAfter: false, answer: 'status 200' }],
    }).join('\n');
    expect(bad).toContain('NOT replaced: ca on m0');
    expect(reportLines({ ...report, addonsMissing: ['Deployment a/b: 0 of 1'] })).toContain(
      'NOT BACK: Deployment a/b: 0 of 1',
    );
    expect(bad).toContain('NOT REFUSED: old token');
  });
});
