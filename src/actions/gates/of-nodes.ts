import type { Finding } from '../../model/plan.js';
import { gateFinding, type NodeFacts } from './gate.js';

const fullPercent = 95;
const freeMb = 256;
const apartMs = 60_000;

/** A node without room cannot take files, backups and snapshots. */
export function diskGate(nodes: readonly NodeFacts[]): Finding[] {
  return nodes.flatMap(({ node, lines }) =>
    lines
      .filter(([kind, , percent, free]) => kind === 'disk' && isFull(Number(percent), Number(free)))
      .map(([, folder, percent, free]) =>
        gateFinding(
          'disk',
          `node ${node.name}: ${folder ?? ''}`,
          `its file system is ${percent ?? '?'} % full, ${free ?? '?'} MB are free; expected less than ${fullPercent} % and at least ${freeMb} MB`,
          'make room',
        ),
      ),
  );
}

function isFull(percent: number, free: number): boolean {
  return percent >= fullPercent || free < freeMb;
}

/** Certificates begin ten minutes back; a clock that is farther off would refuse them. Compared with this machine's clock. */
export function clockGate(nodes: readonly NodeFacts[]): Finding[] {
  return nodes.flatMap((facts) => {
    const off = offsetMs(facts);
    if (Math.abs(off) <= apartMs) return [];
    const how = `${Math.round(Math.abs(off) / 1000)} s ${off > 0 ? 'ahead of' : 'behind'}`;
    return [
      gateFinding(
        'clock',
        `node ${facts.node.name}`,
        `its clock is ${how} this machine's; expected a minute at most`,
        'let both take their time from the same source',
      ),
    ];
  });
}

/** At least so far off: the node looked at its clock at some moment between question and answer. */
function offsetMs({ lines, askedAt, receivedAt }: NodeFacts): number {
  const clock = Number(lines.find(([kind]) => kind === 'clock')?.[1]);
  if (clock > receivedAt) return clock - receivedAt;
  return clock < askedAt ? clock - askedAt : 0;
}

/** Another tool's rotation, or one by keyroll whose folder is not here. */
export function otherRotationGate(nodes: readonly NodeFacts[]): Finding[] {
  return nodes.flatMap(({ node, lines }) =>
    lines
      .filter(([kind]) => kind === 'leftover')
      .map(([, path = '']) =>
        gateFinding(
          'other-rotation',
          `node ${node.name}: ${path}`,
          path.endsWith('/keyroll')
            ? 'is there: a rotation by keyroll is under way whose folder is not beside this API model'
            : 'is there: a rotation by another tool has begun here and left it',
          path.endsWith('/keyroll')
            ? 'bring its _keyroll folder, or rebuild it with keyroll adopt'
            : 'end that rotation, or see that its certificates are not in use, and remove it',
        ),
      ),
  );
}

/** A rescue stops all masters: not while one of them still serves, which somebody may be using. */
export function apiGate(nodes: readonly NodeFacts[]): Finding[] {
  return nodes
    .filter(({ lines }) => lines.some(([kind, said]) => kind === 'readyz' && said === 'ok'))
    .map(({ node }) =>
      gateFinding(
        'api',
        `node ${node.name}: kube-apiserver`,
        'its /readyz says ok, so it serves those who reach it, and a rescue would stop it; expected none to answer, since the API does not answer here',
        'mend the way to it (load balancer, FQDN, admin certificate of the API model), and rotate without a gap',
      ),
    );
}

/** A master whose API server is not ready: the others would have to do without a second one. */
export function masterGate(nodes: readonly NodeFacts[]): Finding[] {
  return nodes
    .filter(({ node }) => node.role === 'master')
    .map(({ node, lines }) => ({ node, said: lines.find(([kind]) => kind === 'readyz')?.[1] ?? 'nothing' }))
    .filter(({ said }) => said !== 'ok')
    .map(({ node, said }) =>
      gateFinding(
        'master',
        `node ${node.name}: kube-apiserver`,
        `its /readyz says ${said.slice(0, 80) || 'nothing'}; expected ok`,
        'mend it, and wait until /readyz says ok',
      ),
    );
}
