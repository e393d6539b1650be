import { generateKeyPairSync, sign } from 'node:crypto';

/**
 * RSA 4096 signatures a second that one core must make for the lab's default keys: each of the rotation's new connections
 * costs a server one, some 35 a second in all. On a machine that made 160 they left the five nodes too little of two cores
 * (docs/figures.md); one that made 300 had a third to spare.
 */
const enough = 220;

/** How strong the lab's keys may be here: as AKS Engine's, or, on a machine that is slow now, as those of its old versions. */
export function affordableKeys(): { readonly keyBits: 2048 | 4096; readonly signaturesPerSecond: number } {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 4096 });
  const once = (): number => {
    const begun = process.hrtime.bigint();
    let signatures = 0;
    while (process.hrtime.bigint() - begun < 500_000_000n) {
      sign('sha256', Buffer.from(String(signatures)), privateKey);
      signatures += 1;
    }
    return (signatures * 1e9) / Number(process.hrtime.bigint() - begun);
  };
  // The best of some tries: what else runs for a moment says nothing of the machine.
  const signaturesPerSecond = Math.max(once(), once(), once());
  return { keyBits: signaturesPerSecond >= enough ? 4096 : 2048, signaturesPerSecond };
}
