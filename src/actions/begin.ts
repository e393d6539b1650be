import { randomBytes } from 'node:crypto';
import type { NodeShell } from '../adapters/ssh/types.js';
import { StateFolder } from '../adapters/fs/state-folder.js';
import type { KubeClient, KubeObject } from '../adapters/kube/types.js';
import { inspectNodes } from '../inventory/inspect.js';
import type { Layout } from '../layouts/layout.js';
import { checkSet } from '../mint/check.js';
import { mintSet } from '../mint/mint.js';
import type { ApiModel } from '../model/apimodel.js';
import { byOs, masters } from '../model/cluster.js';
import { withKubeconfigCredentials } from '../model/kubeconfig-write.js';
import { fileOf, type Facts } from '../plan/facts.js';
import { backUpArtifacts } from './artifacts.js';
import { givenProfile } from './given-profile.js';
import { azureFindings, clusterFindings } from './heed-gates.js';
import { findBlockers, leftMasters } from './blockers.js';
import { serviceIpFromManifest, silentApi, withEtcdAddresses } from './dead-api.js';
import { demandEnded } from './ended.js';
import { BlockedError } from './errors.js';
import type { RotateOptions } from './options.js';
import { listNodes, modelIdentity, reachCluster, stateRoot, type Reach } from './reach.js';
import type { RunControl } from './locks.js';
import { Session } from './session.js';
import { mastersShells, orClose, shellOf, takeUp } from './take-up.js';
import { windowsBlockers } from './windows-blockers.js';

/** What a run begins with. */
export interface Beginning {
  /** A rotation that has begun and not ended. */
  readonly unfinished: StateFolder | undefined;
  /** No bridge is possible to the CA that comes, and that was accepted. */
  readonly unbridged: boolean;
}

/**
 * Opens the way to the cluster and takes up its unfinished rotation, or begins a new one: looks at all nodes and refuses
 * what would hurt. On the nodes nothing is changed but that keyroll's scripts lie in a folder of their own, and its lock.
 * @throws BlockedError when something forbids the start
 * @throws LockedError when another run works on this cluster
 */
export async function beginSession(
  options: RotateOptions,
  model: ApiModel,
  layout: Layout,
  control: RunControl,
  { unfinished, unbridged }: Beginning,
): Promise<Session> {
  control.emit({ code: 'doing', text: `reaching the cluster through ${options.sshHost}` });
  if (unfinished) return takeUp(options, model, layout, control, unfinished);
  const reach = await reachCluster(options, model, layout, []);
  return orClose(reach, control.locks, () => beginNew(options, model, layout, control, reach, unbridged));
}

async function beginNew(
  options: RotateOptions,
  model: ApiModel,
  layout: Layout,
  control: RunControl,
  reach: Reach,
  unbridged: boolean,
): Promise<Session> {
  const { emit, locks } = control;
  const kube = reach.kube(modelIdentity(model));
  const list = await listNodes(reach, kube, model, layout, emit);
  emit({ code: 'nodes', source: list.source, nodes: list.nodes.map(({ name }) => name) });
  const isDead = list.source !== 'kubernetes-api';
  if (isDead && options.force !== true) throw new BlockedError([silentApi(reach)]);
  const found = list.nodes.filter(({ name }) => !options.leaveNodes.includes(name));
  await locks.takeCluster(mastersShells(reach, found), (text) => emit({ code: 'note', text }));
  const shell = (name: string): NodeShell => shellOf(reach, found, name);
  // Its masters may be stopped, and what they show is then neither the old side nor the new one.
  const root = stateRoot(options.apiModel);
  if (isDead)
    await demandEnded(
      { unfinished: undefined, root, nodes: found, shell, emit },
      'a rescue would begin another',
    );
  emit({ code: 'doing', text: `looking at ${found.length} nodes` });
  const inventories = await inspectNodes(byOs(found).nodes, layout, model.adminUsername, shell);
  const nodes = isDead ? withEtcdAddresses(found, inventories, layout) : found;
  for (const { host, fingerprint } of reach.fleet.recordedHostKeys)
    emit({ code: 'host-key-recorded', host, fingerprint });
  const rotation = newRotationId(new Date());
  const facts: Facts = {
    ...{ rotation, layout, inventories },
    ...byOs(nodes),
    ...{ adminUsername: model.adminUsername, leaveBridge: options.leaveBridge },
    reboot: options.reboot === true,
  };
  const blockers = [
    ...leftMasters(list.nodes, options.leaveNodes),
    ...findBlockers(facts, model, new Date(), isDead || unbridged),
    ...(await windowsBlockers(byOs(nodes).windows, model, reach, rotation)),
    ...(await clusterFindings(options, emit, { facts, model, kube, shell, rescue: isDead })),
    ...(await azureFindings(options, model, nodes, emit)),
  ];
  if (blockers.length > 0) throw new BlockedError(blockers);
  const serviceIp = isDead ? serviceIpFromManifest(facts) : await serviceIpOf(kube);
  await kube.close();
  const state = new StateFolder(root, rotation);
  const startedAt = new Date().toISOString();
  const parts = {
    ...control,
    ...{ options, model, layout, reach, state, serviceIp, inventories, nodes, startedAt },
    rescue: isDead || unbridged,
    unbridged: unbridged && !isDead,
  };
  return new Session({ ...parts, materials: new Map() });
}

/** `20260131-101500-3fa9c1`: sorts by time, and is fit for file and unit names. */
function newRotationId(now: Date): string {
  const time = now.toISOString().slice(0, 19).replaceAll('-', '').replaceAll(':', '').replace('T', '-');
  return `${time}-${randomBytes(3).toString('hex')}`;
}

async function serviceIpOf(kube: KubeClient): Promise<string> {
  const service = await kube.get<KubeObject & { spec?: { clusterIP?: string } }>(
    '/api/v1/namespaces/default/services/kubernetes',
  );
  if (service.spec?.clusterIP === undefined)
    throw new Error(
      'Service default/kubernetes has no cluster IP; expected the address by which pods reach the API',
    );
  return service.spec.clusterIP;
}

/**
 * Mints the new set, once, and puts everything that the rotation must remember on the disk before the first change.
 * Does nothing for a rotation that was taken up.
 */
export async function mintOnce(session: Session): Promise<void> {
  if (session.materials.names.length > 0) return;
  const { model, options, state } = session;
  session.emit({ code: 'doing', text: 'making the new keys and certificates' });
  const profile = model.certificateProfile;
  const given = await givenProfile(options, model);
  const texts = await mintSet({
    facts: session.facts(),
    oldCaKey: profile.caPrivateKey ?? '',
    oldServiceAccountKey: profile.apiServerPrivateKey,
    now: new Date(),
    bridgeless: session.rescue,
    ...(given === undefined ? {} : { profile: given }),
    ...(options.validity === undefined ? {} : { leafLifetime: options.validity }),
    ...(options.caValidity === undefined ? {} : { caLifetime: options.caValidity }),
    extraApiServerSans: model.extraSans,
  });
  const problems = checkSet(session.facts(), texts, new Date(), given !== undefined);
  if (problems.length > 0)
    throw new Error(`the new set is not fit for use, and nothing was changed: ${problems.join('; ')}`);
  addAdminKubeconfigs(session.facts(), texts);
  texts.set('old-kubectlClient.key', profile.kubeConfigPrivateKey);
  texts.set('old-client.key', profile.clientPrivateKey);
  await backUpArtifacts(session);
  state.writeMaterials(texts);
  rememberBeginning(session);
  session.setMaterials(texts);
  await session.become(session.oldIdentity);
}

/** Writes down how the nodes were found. The admin's kubeconfigs are left out: they hold a key, and are needed only once. */
export function rememberBeginning(session: Session): void {
  const path = session.layout.adminKubeconfig(session.model.adminUsername);
  const withoutSecrets = [...session.inventories.values()].map((inventory) => ({
    ...inventory,
    files: new Map(
      [...inventory.files].map(([name, file]) => [name, name === path ? { ...file, content: '' } : file]),
    ),
  }));
  session.state.writeBeginning({
    rotation: session.rotation,
    startedAt: session.startedAt,
    serviceIp: session.serviceIp,
    nodes: session.nodes,
    inventories: withoutSecrets,
    choices: { leaveBridge: session.options.leaveBridge, leaveNodes: session.options.leaveNodes },
  });
}

function addAdminKubeconfigs(facts: Facts, texts: Map<string, string>): void {
  const credentials = {
    ca: texts.get('ca.crt') ?? '',
    certificate: texts.get('kubectlClient.crt') ?? '',
    key: texts.get('kubectlClient.key') ?? '',
  };
  for (const { name } of masters(facts.nodes)) {
    const path = facts.layout.adminKubeconfig(facts.adminUsername);
    texts.set(
      `admin-kubeconfig@${name}`,
      withKubeconfigCredentials(fileOf(facts, name, path).content, credentials, `node ${name}: ${path}`),
    );
  }
}
