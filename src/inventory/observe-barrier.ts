import pMap from 'p-map';
import type { NodeShell } from '../adapters/ssh/types.js';
import type { Handshake, NodeInventory } from '../model/inventory.js';
import type { Materials } from '../model/materials.js';
import type { Barrier, NodeExpectation, PlannedFile, ServerExpectation } from '../model/plan.js';
import { parseCertificate, parseCertificates } from '../pki/index.js';
import type { Facts } from '../plan/facts.js';
import { namesCa, parseHandshakes } from './handshake.js';
import { parseInspection } from './inspect.js';
import { observeWindows } from './observe-windows.js';

/** What one server showed at a barrier. */
export interface Observation {
  readonly node: string;
  readonly server: string;
  readonly names: readonly string[];
  /** SHA-256 of the public keys of its chain, leaf first. */
  readonly chain: readonly string[];
}

export interface BarrierResult {
  readonly observations: readonly Observation[];
  /** What is not as the barrier wants it; empty: the barrier holds. */
  readonly deviations: readonly string[];
}

/** Looks once at every node of a barrier: files and their modes, live handshakes, arguments of running processes. */
export async function observeBarrier(
  barrier: Barrier,
  materials: Materials,
  shell: (node: string) => NodeShell,
): Promise<BarrierResult> {
  const results = await pMap(barrier.nodes, (node) => observeNode(node, materials, shell(node.node)), {
    concurrency: 5,
  });
  results.push(...(await observeWindows(barrier.windows ?? [], materials, shell)));
  return {
    observations: results.flatMap((result) => result.observations),
    deviations: results.flatMap((result) => result.deviations),
  };
}

async function observeNode(
  expected: NodeExpectation,
  materials: Materials,
  shell: NodeShell,
): Promise<BarrierResult> {
  const questions = [
    ...expected.files.map(({ path }) => (path.endsWith('.key') ? `key:${path}` : `file:${path}`)),
    ...expected.processes.map(({ program }) => `program:${program}`),
  ];
  const targets = expected.servers.map(({ target }) => target);
  const [inspected, shaken] = await Promise.all([
    shell.run('inspect', questions),
    shell.run('handshake', targets),
  ]);
  const inventory = parseInspection(expected.node, inspected.stdout);
  const handshakes = parseHandshakes(shaken.stdout);
  const deviations = [
    ...expected.files.flatMap((file) => fileDeviations(expected.node, file, inventory, materials)),
    ...expected.processes.flatMap(({ program, arguments: wanted }) =>
      processDeviations(expected.node, program, wanted, inventory),
    ),
    ...expected.servers.flatMap((server, index) =>
      serverDeviations(expected.node, server, handshakes[index], materials),
    ),
  ];
  return {
    observations: expected.servers.map((server, index) =>
      observation(expected.node, server, handshakes[index]),
    ),
    deviations,
  };
}

function fileDeviations(
  node: string,
  file: PlannedFile,
  inventory: NodeInventory,
  materials: Materials,
): string[] {
  const where = `node ${node}: ${file.path}`;
  const key = inventory.keys.get(file.path);
  const seen = key ?? inventory.files.get(file.path);
  if (!seen) return [`${where} is missing`];
  const problems: string[] = [];
  if (seen.mode !== file.mode) problems.push(`${where} has mode ${seen.mode}, expected ${file.mode}`);
  if (seen.owner !== file.owner) problems.push(`${where} belongs to ${seen.owner}, expected ${file.owner}`);
  if ('content' in seen && (materials.textOf(file.content) ?? seen.content) !== seen.content)
    problems.push(`${where} does not hold what this phase puts there`);
  if (key && key.fingerprint !== wantedKey(file, materials))
    problems.push(`${where} is not the key that this phase puts there`);
  return problems;
}

/** A key is known by the fingerprint of its public half: its certificate's, or what was seen at the start. */
function wantedKey({ content }: PlannedFile, materials: Materials): string {
  if ('original' in content) return content.original;
  if ('text' in content) return '';
  const name = content.material.replace(/\.key$/, '.crt');
  return parseCertificate(materials.get(name), name).publicKeyFingerprint;
}

function processDeviations(
  node: string,
  program: string,
  wanted: readonly string[],
  inventory: NodeInventory,
): string[] {
  const running = inventory.processes.filter((process) => process.program === program);
  const [only] = running;
  if (!only || running.length > 1)
    return [`node ${node}: found ${running.length} processes ${program}, expected one`];
  const missing = wanted.filter((argument) => !only.arguments.includes(argument));
  return missing.map((argument) => `node ${node}: ${program} runs without ${argument}`);
}

function serverDeviations(
  node: string,
  expected: ServerExpectation,
  shown: Handshake | undefined,
  materials: Materials,
): string[] {
  const where = `node ${node}: ${expected.server} (${expected.target})`;
  if (!shown || shown.error !== undefined)
    return [`${where} gives no handshake: ${shown?.error ?? 'nothing was seen'}`];
  const accepts = (material: string): boolean => namesCa(shown, materials.get(material));
  const { name, chain } = expectedChain(expected, materials);
  return [
    ...expected.names
      .filter((ca) => !accepts(ca))
      .map(
        (ca) =>
          `${where} does not accept clients of ${ca}; it names ${shown.acceptedCas.join('; ') || 'no CA'}`,
      ),
    ...expected.namesNot.filter(accepts).map((ca) => `${where} still accepts clients of ${ca}`),
    ...(shown.chain.map((pem) => parseCertificate(pem, 'handshake').fingerprint).join() === chain.join()
      ? []
      : [`${where} does not serve ${name}`]),
  ];
}

function observation(node: string, { server }: ServerExpectation, shown: Handshake | undefined): Observation {
  return { node, server, names: shown?.acceptedCas ?? [], chain: shown ? chainOf(shown) : [] };
}

function chainOf({ chain }: Handshake): string[] {
  return chain.map((pem) => parseCertificate(pem, 'handshake').publicKeyFingerprint);
}

function expectedChain(
  { chain }: ServerExpectation,
  materials: Materials,
): { name: string; chain: readonly string[] } {
  const name = typeof chain === 'string' ? chain : 'what it served at the start';
  const pem = typeof chain === 'string' ? materials.get(chain) : (materials.textOf(chain) ?? '');
  return { name, chain: parseCertificates(pem, name).map(({ fingerprint }) => fingerprint) };
}

/** What all servers show before anything has changed. */
export async function inspectHandshakes(
  facts: Facts,
  shell: (node: string) => NodeShell,
): Promise<Observation[]> {
  const { apiPorts, etcdPorts, kubeletPort, apiServer } = facts.layout;
  const seen = await pMap(
    facts.nodes,
    async ({ name, address, role }) => {
      const ofMaster = [
        { server: apiServer.program, target: `127.0.0.1:${apiPorts.port}` },
        { server: 'etcd', target: `127.0.0.1:${etcdPorts.client}` },
        { server: 'etcd peer', target: `${address}:${etcdPorts.peer}` },
      ];
      const servers = [
        ...(role === 'master' ? ofMaster : []),
        { server: 'kubelet', target: `127.0.0.1:${kubeletPort}` },
      ];
      const shown = parseHandshakes(
        (
          await shell(name).run(
            'handshake',
            servers.map(({ target }) => target),
          )
        ).stdout,
      );
      return servers.map(({ server }, index) => ({
        node: name,
        server,
        names: shown[index]?.acceptedCas ?? [],
        chain: shown[index] ? chainOf(shown[index]) : [],
      }));
    },
    { concurrency: 5 },
  );
  return seen.flat();
}
