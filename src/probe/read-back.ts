import { parseObject } from './kube-json.js';
import type { WriteLedger } from './ledger.js';
import type { Sender } from './sender.js';

const PAGE = 50;
/** The cluster may be busy at the end; what is asked here is whether writes are there, not how fast. */
const PATIENCE_MS = 30_000;

/** Reads all ConfigMaps of a ledger, consistently, and names the acknowledged writes that are not there. */
export async function readBack(sender: Sender, ledger: WriteLedger): Promise<string[]> {
  const found = new Map<string, Readonly<Record<string, unknown>>>();
  let next = '';
  do {
    const path = `${ledger.listPath}&limit=${PAGE}${next === '' ? '' : `&continue=${encodeURIComponent(next)}`}`;
    const delivery = await sender.until({ method: 'GET', path }, PATIENCE_MS);
    const list = parseObject(delivery.answer?.body ?? '');
    for (const item of list.items ?? []) found.set(item.metadata?.name ?? '', item.data ?? {});
    next = list.metadata?.continue ?? '';
  } while (next !== '');
  return ledger.lostFrom(found);
}

/** Deletes all ConfigMaps of a ledger. */
export async function deleteWritten(sender: Sender, ledger: WriteLedger): Promise<void> {
  await sender.until({ method: 'DELETE', path: ledger.listPath }, PATIENCE_MS);
}
