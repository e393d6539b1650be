import { KubeError } from '../adapters/kube/error.js';
import { LoginError, RemoteError } from '../adapters/ssh/error.js';
import { HostKeyError } from '../adapters/ssh/known-hosts.js';
import { BlockedError, DeclinedError, NoWayError } from '../actions/errors.js';
import { LockedError } from '../adapters/fs/folder-lock.js';
import { ModelError } from '../model/apimodel-error.js';
import { failuresIn, type Report } from '../report/report.js';
import { UsageError } from './usage-error.js';

/** What scripts can rely on; documented in README.md. */
export const exitCodes = {
  /** Done, or paused where it was asked to. */
  ok: 0,
  /** Something that should not happen. */
  unexpected: 1,
  /** Arguments or the API model are wrong; nothing was touched. */
  usage: 2,
  /** Something forbids the start, or nobody consented; nothing was changed. */
  blocked: 3,
  /** A host key changed, is revoked, or is unknown and strictness was asked for. */
  hostKey: 4,
  /** Pods with the old trust remain; stopped before distrust. */
  podsRemain: 5,
  /** A step or a barrier failed; the same command goes on. */
  failed: 6,
  /** Rotated, but requests failed on the way. */
  requestsFailed: 7,
  /** The jump host, a node or the API cannot be reached; nothing was changed. */
  unreachable: 8,
  /** A rotation failed and was taken back: everything is old again. */
  rolledBack: 9,
  /** Another run works on this cluster; nothing was changed. */
  locked: 10,
  /** Stopped on request (Ctrl-C) at a safe place. */
  stopped: 130,
  /** Rotated, but workloads of kube-system that worked before do not work after. */
  addonsMissing: 11,
  /** Rotated (or taken back), but nodes that were left out are as they were before: `keyroll repair NODE`. */
  nodesLeft: 12,
} as const;

export function exitCodeOf(report: Report): number {
  if (report.outcome === 'pods-remain') return exitCodes.podsRemain;
  if (report.outcome === 'failed') return exitCodes.failed;
  if (report.outcome === 'stopped') return exitCodes.stopped;
  if (report.outcome === 'rolled-back' && report.error !== undefined) return exitCodes.rolledBack;
  if (report.addonsMissing.length > 0) return exitCodes.addonsMissing;
  if (failuresIn(report.probe) > 0) return exitCodes.requestsFailed;
  const isOver = report.outcome === 'rotated' || report.outcome === 'rolled-back';
  return isOver && report.leftNodes.length > 0 ? exitCodes.nodesLeft : exitCodes.ok;
}

/** For errors that are thrown: nothing was changed yet. */
export function exitCodeOfError(error: unknown): number {
  if (error instanceof HostKeyError) return exitCodes.hostKey;
  if (error instanceof BlockedError || error instanceof DeclinedError || error instanceof NoWayError)
    return exitCodes.blocked;
  if (error instanceof LockedError) return exitCodes.locked;
  if ([ModelError, UsageError, LoginError].some((kind) => error instanceof kind)) return exitCodes.usage;
  if (error instanceof RemoteError || error instanceof KubeError) return exitCodes.unreachable;
  return exitCodes.unexpected;
}
