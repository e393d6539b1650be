import type { Layout } from '../../layouts/layout.js';
import type { ClusterNode } from '../../model/cluster.js';
import type { Finding } from '../../model/plan.js';
import { fileOf, inventoryOf, mastersOf, originalArguments, type Facts } from '../../plan/facts.js';
import { gateFinding, type GateContext } from './gate.js';

interface Flagged {
  readonly where: string;
  readonly arguments: readonly string[];
  /** The credential that it serves with. */
  readonly serves?: string;
}

/** Flags that name a file of the rotation, with the file that the layout has for it. */
function wantedFlags(layout: Layout): ReadonlyMap<string, string> {
  const specs = new Map(layout.credentials(1).map((spec) => [spec.name, spec]));
  const of = (name: string, part: 'certificate' | 'key'): string => specs.get(name)?.[part] ?? '';
  return new Map([
    ['--client-ca-file', layout.ca],
    ['--etcd-cafile', layout.ca],
    ['--root-ca-file', layout.ca],
    ['--trusted-ca-file', layout.ca],
    ['--peer-trusted-ca-file', layout.ca],
    ['--cluster-signing-cert-file', layout.ca],
    ['--cluster-signing-key-file', layout.caKey],
    ['--requestheader-client-ca-file', layout.frontProxyCa],
    ['--service-account-signing-key-file', of('apiserver', 'key')],
    ['--service-account-key-file', of('apiserver', 'key')],
    ['--service-account-private-key-file', of('apiserver', 'key')],
    ['--etcd-certfile', of('etcdclient', 'certificate')],
    ['--etcd-keyfile', of('etcdclient', 'key')],
    ['--kubelet-client-certificate', of('client', 'certificate')],
    ['--kubelet-client-key', of('client', 'key')],
    ['--proxy-client-cert-file', of('proxy', 'certificate')],
    ['--proxy-client-key-file', of('proxy', 'key')],
  ]);
}

/** A server that reads its certificates elsewhere would not be rotated, and nobody would see it before it is too late. */
export function flagsGate({ facts }: GateContext): Finding[] {
  const all = [
    ...mastersOf(facts).flatMap((node) => ofMaster(facts, node)),
    ...facts.nodes.flatMap((node) => ofKubelet(facts, node)),
  ];
  const wanted = wantedFlags(facts.layout);
  return all.flatMap(({ where, arguments: flags, serves }) => {
    const spec = facts.layout.credentials(1).find(({ name }) => name === serves);
    const own = spec
      ? new Map([...wanted, ['--tls-cert-file', spec.certificate], ['--tls-private-key-file', spec.key]])
      : wanted;
    return flags.flatMap((flag) => elsewhere(flag, own, where));
  });
}

function elsewhere(text: string, wanted: ReadonlyMap<string, string>, where: string): Finding[] {
  const [, flag = '', value = ''] = /^(--[a-z-]+)=(.*)$/.exec(text) ?? [];
  const expected = wanted.get(flag);
  if (expected === undefined || value === '' || value === expected) return [];
  return [
    gateFinding(
      'flags',
      where,
      `has ${flag}=${value}; expected ${expected}`,
      'that file would not be rotated: let the flag point where the layout has it',
    ),
  ];
}

function ofMaster(facts: Facts, node: ClusterNode): Flagged[] {
  const { layout } = facts;
  const { content } = fileOf(facts, node.name, layout.etcdDefaults);
  const where = (program: string): string => `node ${node.name}: ${program}`;
  const { apiServer, controllerManager } = layout;
  return [
    {
      where: where(apiServer.program),
      arguments: originalArguments(facts, node.name, apiServer.manifest),
      serves: 'apiserver',
    },
    {
      where: where(controllerManager.program),
      arguments: originalArguments(facts, node.name, controllerManager.manifest),
    },
    { where: where('etcd'), arguments: content.split(/[\s"']+|(?<==)(?=--)/) },
  ];
}

function ofKubelet(facts: Facts, node: ClusterNode): Flagged[] {
  return inventoryOf(facts, node.name)
    .processes.filter(({ program }) => program === 'kubelet')
    .map((process) => ({
      where: `node ${node.name}: kubelet`,
      arguments: process.arguments,
      serves: 'kubeletserver',
    }));
}
