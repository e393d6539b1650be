import { generateKeyPairSync, sign } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { inject } from 'vitest';
import type { TestProject } from 'vitest/node';
import { say } from '../say.js';

/*
 * A rotation of the lab is five nodes, three kube-apiservers and a probe on one machine; each of the probe's new
 * connections costs a server an RSA signature. On two cores that make 190 RSA 4096 signatures a second each, requests
 * wait for more than 5 s whoever rotates (docs/figures.md), and a test of requests would be a test of the machine.
 */

/** RSA 4096 signatures a second of one core for the lab's default keys, and for RSA 2048, as old clusters have them. */
const wanted = { 4096: 250, 2048: 220 } as const;
/** How long a machine may take to be as fast as that: other machines on its host come and go. */
const patienceMs = 240_000;

export interface Speed {
  readonly signaturesPerSecond: number;
  /** Undefined: the machine is too slow now for a rotation under observation. */
  readonly keyBits: 2048 | 4096 | undefined;
}

declare module 'vitest' {
  interface ProvidedContext {
    readonly machineSpeed: Speed;
  }
}

/** vitest's global setup: asked once, before there is a lab that would slow the answer. Waits a while for a fast machine. */
export default async function setup({ provide }: TestProject): Promise<void> {
  provide('machineSpeed', await measure());
}

/** RSA bits that the lab's keys have here. */
export function labKeyBits(): 2048 | 4096 {
  return inject('machineSpeed').keyBits ?? 2048;
}

async function measure(): Promise<Speed> {
  const until = Date.now() + patienceMs;
  let best = signaturesPerSecond();
  while (best < wanted[4096] && Date.now() < until) {
    await sleep(10_000);
    best = signaturesPerSecond();
  }
  const keyBits = best >= wanted[4096] ? 4096 : best >= wanted[2048] ? 2048 : undefined;
  say(`this machine makes ${best.toFixed(0)} RSA 4096 signatures a second on a core: ${told(keyBits)}`);
  return { signaturesPerSecond: best, keyBits };
}

function told(keyBits: Speed['keyBits']): string {
  if (keyBits === 4096) return "the lab's keys are RSA 4096";
  if (keyBits === 2048) return "slow; the lab's keys are RSA 2048";
  return `too slow for a rotation under observation, which wants ${wanted[2048]}`;
}

/** Why no rotation is tried here; undefined: it is. */
export function reasonForNoRotation(): string | undefined {
  const { keyBits, signaturesPerSecond } = inject('machineSpeed');
  if (keyBits !== undefined) return undefined;
  const found = signaturesPerSecond.toFixed(0);
  return `this machine is too slow now: ${found} RSA 4096 signatures a second on a core, expected ${wanted[2048]}`;
}

/** The best of some tries: what else runs for a moment says nothing of the machine. */
function signaturesPerSecond(): number {
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
  return Math.max(once(), once(), once());
}
