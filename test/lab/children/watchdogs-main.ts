/**
 * Rotates as `keyroll rotate-certs` does, but leaves every watchdog running: `watchdogs-main MODEL SSH-HOST SSH-KEY`.
 * Prints the report. For a test only: no flag of keyroll does this.
 */
import { StopRequest } from '../../../src/execute/stop.js';
import { rotate } from '../../../src/actions/rotate.js';
import { aksEngineLinux } from '../../../src/layouts/aks-engine-linux.js';

const [apiModel = '', sshHost = '', sshPrivateKey = ''] = process.argv.slice(2);
const report = await rotate({
  options: {
    ...{ apiModel, sshHost, sshPrivateKey, sshPort: 22, strictHostKeys: false, waitWorkloads: 1_800_000 },
    ...{ leaveNodes: [], leaveBridge: false, probe: true },
  },
  layout: { ...aksEngineLinux, watchdogs: [], kubeletWatchdogs: [] },
  emit: () => undefined,
  consent: () => Promise.resolve(true),
  stop: new StopRequest(),
  command: 'rotate-certs',
});
process.stdout.write(`${JSON.stringify(report)}\n`);
