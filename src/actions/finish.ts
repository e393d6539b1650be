import { setTimeout as sleep } from 'node:timers/promises';
import { parseHandshakes } from '../inventory/handshake.js';
import { inspectNodes } from '../inventory/inspect.js';
import { masters } from '../model/cluster.js';
import type { SeenFile } from '../model/inventory.js';
import { parseCertificate, parseCertificates } from '../pki/index.js';
import { fileLine } from '../steps/file-lines.js';
import { demandEnded } from './ended.js';
import { withCluster, type CommandInput, type OpenCluster } from './open-cluster.js';

/** kube-apiserver before 1.23 looks at its certificate's file once a minute. */
const patienceMs = 150_000;

/**
 * Takes the bridge out of kube-apiserver's serving chain, which `--leave-bridge` left there for clients that trusted the
 * old CA alone; nothing is restarted. Master after master, each seen in a handshake. Returns the masters that had it.
 * @throws NoWayError while a rotation has not ended
 */
export function finish(input: CommandInput): Promise<string[]> {
  return withCluster('finish', input, async (cluster) => {
    await demandEnded(cluster, 'it needs the bridge');
    const found = await bridged(cluster);
    for (const { name, file, leaf } of found) {
      await takeOut(cluster, name, file, leaf);
      cluster.emit({ code: 'note', text: `node ${name}: kube-apiserver serves its leaf alone` });
    }
    if (found.length === 0) cluster.emit({ code: 'note', text: 'no kube-apiserver serves a bridge' });
    return found.map(({ name }) => name);
  });
}

interface Bridged {
  readonly name: string;
  readonly file: SeenFile;
  readonly leaf: string;
}

async function bridged({ nodes, layout, model, shell }: OpenCluster): Promise<Bridged[]> {
  const all = masters(nodes);
  const path = layout.credentials(1).find(({ name }) => name === 'apiserver')?.certificate ?? '';
  const seen = await inspectNodes(all, layout, model.adminUsername, shell);
  return all.flatMap(({ name }) => {
    const file = seen.get(name)?.files.get(path);
    if (!file) return [];
    const [leaf, ...rest] = parseCertificates(file.content, `node ${name}: ${path}`);
    return leaf && rest.length > 0 ? [{ name, file, leaf: leaf.pem }] : [];
  });
}

async function takeOut(
  { shell, layout, stop }: OpenCluster,
  node: string,
  { path, mode, owner }: SeenFile,
  leaf: string,
): Promise<void> {
  stop.check();
  const line = fileLine(path, mode, owner, leaf);
  await shell(node).run('install-files', ['finish'], { stdin: line });
  const wanted = parseCertificate(leaf, path).fingerprint;
  const target = `127.0.0.1:${layout.apiPorts.port}`;
  const until = Date.now() + patienceMs;
  for (;;) {
    const [shown] = parseHandshakes((await shell(node).run('handshake', [target])).stdout);
    const chain = (shown?.chain ?? []).map((pem) => parseCertificate(pem, target).fingerprint);
    if (chain.join() === wanted) return;
    if (Date.now() >= until)
      throw new Error(
        `node ${node}: kube-apiserver serves ${chain.length} certificates ${patienceMs / 1000} s after ${path} has its leaf alone; look at its log, then run keyroll finish again`,
      );
    await sleep(1000);
  }
}
