import type { StateFolder } from '../adapters/fs/state-folder.js';
import { byOs } from '../model/cluster.js';
import { NoWayError } from './errors.js';
import { distrustSeen } from './found.js';
import { isRescueMark } from './rescue-mark.js';

/** @throws NoWayError where there is no way back (any more), with the way forward */
export function demandReturn(state: StateFolder): void {
  const reason = whyNoReturn(state);
  if (reason !== undefined)
    throw new NoWayError(`rotation ${state.rotation}: ${reason}; the way forward is keyroll resume`);
}

/** Why `keyroll rollback` is refused; undefined: it is not. */
export function whyNoReturn(state: StateFolder): string | undefined {
  const { records } = state.journal;
  if (records.some(isRescueMark))
    return 'stops all masters and makes them new together (a rescue, or a CA without a bridge), which is not taken back';
  const distrusts = records.some(
    ({ type, id }) =>
      (type === 'intent' && id.startsWith('distrust/')) || (type === 'fact' && id === distrustSeen),
  );
  if (distrusts)
    return 'distrust has begun, and after it there is no way back: masters may accept the new side alone';
  if (!state.readMaterials().has('bridge-back.crt'))
    return 'keeps the present CA and renews leaves alone, which this version cannot take back';
  const windows = byOs(state.readBeginning().nodes)
    .windows.map(({ name }) => name)
    .filter((name) => state.journal.has('intent', `refresh/node/${name}`));
  if (windows.length > 0)
    return `${windows.join(', ')}: a Windows node that was refreshed cannot be taken back by this version`;
  return undefined;
}
