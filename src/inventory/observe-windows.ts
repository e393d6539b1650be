import pMap from 'p-map';
import type { NodeShell } from '../adapters/ssh/types.js';
import type { Materials } from '../model/materials.js';
import type { WindowsExpectation } from '../model/plan.js';
import { parseCertificate } from '../pki/index.js';
import { namesCa, parseHandshakes } from './handshake.js';

interface Seen {
  readonly observations: readonly {
    readonly node: string;
    readonly server: string;
    readonly names: readonly string[];
    readonly chain: readonly string[];
  }[];
  readonly deviations: readonly string[];
}

/** Looks once at the kubelets of Windows agents, from a master: what they accept is in their memory, not on their disk. */
export async function observeWindows(
  expected: readonly WindowsExpectation[],
  materials: Materials,
  shell: (node: string) => NodeShell,
): Promise<Seen[]> {
  return pMap(expected, (agent) => observeAgent(agent, materials, shell(agent.from)), { concurrency: 5 });
}

async function observeAgent(
  { node, target, names, namesNot }: WindowsExpectation,
  materials: Materials,
  shell: NodeShell,
): Promise<Seen> {
  const [shown] = parseHandshakes((await shell.run('handshake', [target])).stdout);
  const where = `node ${node}: kubelet (${target})`;
  if (!shown || shown.error !== undefined)
    return {
      observations: [],
      deviations: [`${where} gives no handshake: ${shown?.error ?? 'nothing was seen'}`],
    };
  const accepts = (material: string): boolean => namesCa(shown, materials.get(material));
  return {
    observations: [
      {
        node,
        server: 'kubelet',
        names: shown.acceptedCas,
        chain: shown.chain.map((pem) => parseCertificate(pem, 'handshake').publicKeyFingerprint),
      },
    ],
    deviations: [
      ...names.filter((ca) => !accepts(ca)).map((ca) => `${where} does not accept clients of ${ca}`),
      ...namesNot.filter(accepts).map((ca) => `${where} still accepts clients of ${ca}`),
    ],
  };
}
