import { setTimeout as sleep } from 'node:timers/promises';
import type { TestLab } from '../test-lab.js';
import { lastLine, type Fault } from './faults.js';
import { startKeyroll, type Running } from './keyroll.js';

/** What a fault does to a lab that nothing else happens to. */
export async function breakAlone(lab: TestLab, fault: Fault): Promise<void> {
  const mend = await fault.befall(lab);
  await sleep(Math.min(fault.seconds, 60) * 1000);
  await mend();
}

/** Mends what a fault broke; called again it does nothing. */
type Mend = () => Promise<unknown>;

function once(mend: Mend | undefined): Mend {
  let left = mend;
  return async () => {
    const mending = left;
    left = undefined;
    await mending?.();
  };
}

/**
 * Lets it befall a command, and tells that to stop at a safe place; resolves to how it ended. What it broke is mended in
 * any case, also when its place never came.
 */
export async function befallen(lab: TestLab, fault: Fault, args: readonly string[]): Promise<string> {
  const undo = once(await fault.prepare?.(lab));
  let mend = once(undefined);
  try {
    if (fault.place === undefined) mend = once(await fault.befall(lab));
    const place = fault.place?.(lab);
    const keyroll = await startKeyroll(lab, args);
    if (place !== undefined) {
      const id = await keyroll.until(place);
      mend = once(await fault.befall(lab, keyroll, id.split('/').at(-1)));
    }
    if (fault.goesOn !== true) keyroll.signal('SIGINT');
    await Promise.race([keyroll.end, sleep(fault.seconds * 1000)]);
    const also = keyroll.gone() ? await fault.meanwhile?.(lab) : undefined;
    await mend();
    const wentOn = !keyroll.gone();
    if (fault.goesOn === true) keyroll.signal('SIGINT');
    const how = told(await keyroll.end, wentOn || fault.goesOn !== true);
    return also === undefined ? how : `${how}; ${also}`;
  } finally {
    await mend();
    await undo();
  }
}

/** How a run ended, in words; one that was told to stop went on or had stopped by itself. */
function told({ code, stdout, stderr }: Awaited<Running['end']>, wentOn: boolean): string {
  if (code === 128) return 'killed';
  if (code === 130) return wentOn ? 'went on' : 'stopped';
  const why = /^Failed after.*\n\s*(.+)$/m.exec(stdout)?.[1] ?? lastLine(stderr);
  return `ended with ${code}: ${why}`;
}
