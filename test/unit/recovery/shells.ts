import type { NodeShell } from '../../../src/adapters/ssh/types.js';
import { parseCertificate } from '../../../src/pki/index.js';
import type { World, WorldNode } from './world.js';

/** What the nodes of a world answer to `inspect` and `handshake`, in the words of the real scripts. */
export function shellsOf(world: World): (node: string) => NodeShell {
  return (name) => {
    const node = world.node(name);
    const run = (script: string, args: readonly string[] = []) => {
      const lines =
        script === 'await-steps' || script === 'forget-steps'
          ? []
          : script === 'inspect'
            ? args.flatMap((question) => answer(world, node, question))
            : handshakes(world, node, args);
      return Promise.resolve({ code: 0, stderr: '', stdout: lines.map((line) => `${line}\n`).join('') });
    };
    return { run } as unknown as NodeShell;
  };
}

const base64 = (text: string): string => Buffer.from(text).toString('base64');

function answer(world: World, node: WorldNode, question: string): string[] {
  const colon = question.indexOf(':');
  const [kind, what] = [question.slice(0, colon), question.slice(colon + 1)] as const;
  const file = (path: string): string => `file ${path} 644 root:root ${base64(node.disk.get(path) ?? '')}`;
  switch (kind) {
    case 'file':
      return node.disk.has(what) ? [file(what)] : [`absent ${what}`];
    case 'folder':
      return [...node.disk.keys()].filter((path) => path.startsWith(`${what}/`)).map(file);
    case 'program':
      return processes(world, node, what);
    default:
      return [];
  }
}

function processes({ facts }: World, node: WorldNode, program: string): string[] {
  const { apiServer, controllerManager } = facts.layout;
  const running =
    program === apiServer.program
      ? node.api
      : program === controllerManager.program
        ? node.manager
        : undefined;
  return running ? [`process ${program} 1 0 ${base64(running.arguments.join('\n'))}`] : [];
}

/** etcd's memory: the CAs whose clients it accepts. */
function handshakes({ materials }: World, node: WorldNode, targets: readonly string[]): string[] {
  const names = [...node.etcd].map((side) => materials.get(side === 'new' ? 'ca.crt' : 'old-ca.crt'));
  const subjects = names.map((pem) => parseCertificate(pem, 'CA').subject);
  return targets.flatMap((target) => [
    `== ${target}`,
    'Acceptable client certificate CA names',
    ...subjects,
    '---',
  ]);
}
