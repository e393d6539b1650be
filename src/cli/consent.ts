import { createInterface } from 'node:readline/promises';
import type { Finding } from '../model/plan.js';

/**
 * One question, after everything was shown. Without a terminal the command line is the consent, as it is for scripts
 * that were written for aks-engine.
 * @param takenUp the rotation that was begun before, and that the run goes on with
 */
export function askConsent(notes: readonly Finding[], yes: boolean, takenUp?: string): Promise<boolean> {
  if (notes.some(({ code }) => code === 'rescue-gap'))
    return ask('Stop all masters, and start them with new certificates? There is no way back. [y/N] ', yes);
  if (notes.some(({ code }) => code === 'unbridged-gap'))
    return ask(
      'Stop all masters at once, and let all requests fail until they and their nodes have the new certificates? There is no way back. [y/N] ',
      yes,
    );
  if (takenUp !== undefined) return ask(`Go on with rotation ${takenUp}? [y/N] `, yes);
  return ask('Rotate this cluster? After the phase distrust begins there is no way back. [y/N] ', yes);
}

/** Asks on a terminal; `yes`, or no terminal: the answer is yes. */
export async function ask(text: string, yes: boolean): Promise<boolean> {
  if (yes || !process.stdin.isTTY || !process.stdout.isTTY) return true;
  const question = createInterface({ input: process.stdin, output: process.stdout });
  try {
    const answer = await question.question(text);
    return /^y(es)?$/i.test(answer.trim());
  } finally {
    question.close();
  }
}
