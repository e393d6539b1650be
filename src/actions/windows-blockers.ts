import pMap from 'p-map';
import { z } from 'zod';
import { RemoteError } from '../adapters/ssh/error.js';
import type { ApiModel } from '../model/apimodel.js';
import type { ClusterNode } from '../model/cluster.js';
import type { Finding } from '../model/plan.js';
import { windowsProfileOf } from '../model/windows-profile.js';
import { parseCertificate } from '../pki/index.js';
import type { Reach } from './reach.js';

const inspection = z.looseObject({
  ca: z.string(),
  configCa: z.string(),
  kubelet: z.string(),
  resetScript: z.boolean(),
});

/** What forbids the start on Windows agents: no way to them, another CA than the model's, or no script that resets them. */
export async function windowsBlockers(
  nodes: readonly ClusterNode[],
  model: ApiModel,
  reach: Pick<Reach, 'windows'>,
  rotation: string,
): Promise<Finding[]> {
  if (nodes.length === 0) return [];
  const profile = windowsProfileOf(model);
  const missing = missingIn(profile, model);
  if (missing) return [missing];
  const found = await pMap(nodes, (node) => inspected(node, model, reach, rotation), { concurrency: 5 });
  return found.flat();
}

function missingIn(profile: ReturnType<typeof windowsProfileOf>, { file }: ApiModel): Finding | undefined {
  const field = (name: string, what: string, next: string): Finding => ({
    code: 'windows-access',
    where: `${file}: properties.windowsProfile${name}`,
    what,
    next: `${next}, or leave each Windows node out with --leave-node; it will not reach the API after distrust`,
  });
  if (!profile)
    return field('', 'found nothing, but the cluster has Windows nodes', 'use the API model of this cluster');
  if (!profile.sshEnabled)
    return field(
      '.sshEnabled',
      'found false; expected true',
      'enable SSH on the Windows nodes and say so here',
    );
  if (profile.username === '')
    return field('.adminUsername', 'found nothing; expected the name of the administrator', 'give it');
  if (profile.password === undefined)
    return field(
      '.adminPassword',
      'found no text; expected the password itself',
      'give it in a copy of the model',
    );
  return undefined;
}

async function inspected(
  node: ClusterNode,
  model: ApiModel,
  reach: Pick<Reach, 'windows'>,
  rotation: string,
): Promise<Finding[]> {
  const leave = `leave the node out with --leave-node ${node.name}; it will not reach the API after distrust`;
  const finding = (code: string, place: string, what: string, next: string): Finding => ({
    code,
    where: `node ${node.name}${place}`,
    what,
    next: `${next}, or ${leave}`,
  });
  const leftovers: Finding[] = [];
  try {
    const answer = await reach.windows(node, rotation).talk(
      (talk) => talk.run('Inspect'),
      (text) => leftovers.push(finding('windows-leftover', '', text, 'remove it by hand')),
    );
    const parsed = inspection.safeParse(answer);
    if (!parsed.success)
      return [
        finding('windows-unreachable', '', 'the inspection gave another answer than expected', 'mend that'),
      ];
    const seen = parsed.data;
    const { caCertificate } = model.certificateProfile;
    const wanted = parseCertificate(caCertificate, `${model.file}: caCertificate`);
    const differs = [
      { place: ': c:\\k\\ca.crt', text: seen.ca },
      { place: ': c:\\k\\config', text: seen.configCa },
    ].filter(({ place, text }) => fingerprint(text, `node ${node.name}${place}`) !== wanted.fingerprint);
    return [
      ...leftovers,
      ...differs.map(({ place }) =>
        finding(
          'ca-differs',
          place,
          `holds another CA than the API model, whose CA is ${wanted.subject} (${wanted.fingerprint.slice(0, 16)}…)`,
          'use the API model of this cluster as the last rotation left it; if a rotation was begun and its _keyroll folder is lost, rebuild that with keyroll adopt',
        ),
      ),
      ...(seen.resetScript
        ? []
        : [finding('file-missing', ': c:\\k\\windowsnodereset.ps1', 'is missing', 'restore it')]),
    ];
  } catch (error) {
    if (!(error instanceof RemoteError)) throw error;
    return [finding('windows-unreachable', '', error.message, 'mend that')];
  }
}

/** Undefined for a text that is no certificate: it then differs from any. */
function fingerprint(pem: string, where: string): string | undefined {
  try {
    return parseCertificate(pem, where).fingerprint;
  } catch {
    return undefined;
  }
}
