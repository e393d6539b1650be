import { parseObject } from './kube-json.js';
import type { WriteLedger } from './ledger.js';
import type { Sender } from './sender.js';

const PAGE = 50;

/**
 * Reads all ConfigMaps of a ledger, consistently, and names the acknowledged writes that are not there.
 * The cluster may be busy: what is asked is whether they are there, not how fast, so each page is tried for
 * `patienceMs`. @throws Error when a page cannot be read
 */
export async function readBack(sender: Sender, ledger: WriteLedger, patienceMs: number): Promise<string[]> {
  const found = new Map<string, Readonly<Record<string, unknown>>>();
  let next = '';
  do {
    const path = `${ledger.listPath}&limit=${PAGE}${next === '' ? '' : `&continue=${encodeURIComponent(next)}`}`;
    const delivery = await sender.until({ method: 'GET', path }, patienceMs);
    const list = parseObject(delivery.answer?.body ?? '');
    for (const item of list.items ?? []) found.set(item.metadata?.name ?? '', item.data ?? {});
    next = list.metadata?.continue ?? '';
  } while (next !== '');
  return ledger.lostFrom(found);
}

/** Deletes all ConfigMaps of a ledger. */
export async function deleteWritten(sender: Sender, ledger: WriteLedger, patienceMs: number): Promise<void> {
  await sender.until({ method: 'DELETE', path: ledger.listPath }, patienceMs);
}
