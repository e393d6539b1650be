import { setTimeout as sleep } from 'node:timers/promises';
import { join } from 'node:path';
import { reboot } from '../../../lab/cluster/index.js';
import { run } from '../../../lab/cluster/host/command.js';
import { bringUp, stateDir, type TestLab } from '../test-lab.js';
import { readEtcd } from './cluster-state.js';
import { openRecords, runKeyroll, type Place, type Running } from './keyroll.js';

/** Something that befalls the lab, or the operator's machine, while keyroll works. */
export interface Fault {
  readonly name: string;
  /** Left out: before keyroll starts. */
  readonly place?: (lab: TestLab) => Place;
  /** How long it lasts if keyroll does not end before, s. */
  readonly seconds: number;
  /** How the command that it befalls ends, in the words of `told`: a fault that nothing shows of did not happen. */
  readonly ends: RegExp;
  /** When that command has ended, before it is mended; resolves to what was seen, in words. */
  readonly meanwhile?: (lab: TestLab) => Promise<string>;
  /** keyroll is not told to stop at a safe place until it is over. */
  readonly goesOn?: boolean;
  /** What it does to requests is not keyroll's doing: a run without keyroll comes first, to compare. */
  readonly harms?: boolean;
  /** How often it befalls, with keyroll and without, where it is chance whom it hits; sums are compared. Default: 1 */
  readonly times?: number;
  /**
   * What it takes away itself, whoever asks: all ways through the balancer, or the one connection through it that leads
   * to the machine that goes down (whether there is one is chance). What fails there is told and not compared.
   */
  readonly takes?: 'balancer' | 'connection';
  /** The machine that goes down: its own address answers nobody, so it is asked through the balancer alone. */
  readonly down?: (lab: TestLab) => string;
  /** Before keyroll starts; resolves to what undoes it when keyroll has ended. */
  readonly prepare?: (lab: TestLab) => Promise<() => Promise<unknown>>;
  /** Breaks it; resolves to what mends it. `at`: the master whose step it befalls. */
  readonly befall: (lab: TestLab, keyroll?: Running, at?: string) => Promise<() => Promise<unknown>>;
}

const master = (lab: TestLab, index: number): string => lab.masters[index]?.name ?? '';
const agent = (lab: TestLab, index: number): string =>
  lab.nodes.filter(({ role }) => role === 'agent')[index]?.name ?? '';
const nothing = (): Promise<void> => Promise.resolve();
const intent =
  (id: RegExp, afterMs = 0) =>
  (): Place => ({ type: 'intent', id, afterMs });

/** A master that has not begun its step of `present`, best not the jump host. */
function next(lab: TestLab): string {
  const begun = openRecords(lab).filter(({ type }) => type === 'intent');
  const name = lab.masters
    .map((each) => each.name)
    .findLast((each) => !begun.some(({ id }) => id === `present/apiserver/${each}`));
  return name ?? master(lab, 2);
}

/** Lays a small file system of its own over a folder, with what the folder has. */
const apart = `set -eu
folder=$1 own=$(mktemp -d)
mount -t tmpfs -o size=$(( $(du -sk "$folder" | cut -f1) + 512 ))k,mode=0700 tmpfs "$own"
cp -a "$folder/." "$own/"
mount --bind "$own" "$folder"
umount "$own"; rmdir "$own"`;

/** Takes it away, and leaves what was written meanwhile. */
const together = `set -eu
folder=$1 kept=$(mktemp -d)
cp -a "$folder/." "$kept/"
umount "$folder"
find "$folder" -mindepth 1 -delete
cp -a "$kept/." "$folder/"
rm -rf "$kept"`;

const fill = 'cat /dev/zero >"$1/full" 2>/dev/null || [ -s "$1/full" ]';
const empty = 'rm "$1/full"';
const nodeFolder = '/var/lib/keyroll';

/** A folder gets a small disk of its own, which fills up. `there` runs a script whose $1 is the folder. */
function full(
  name: string,
  place: () => Place,
  there: (lab: TestLab, script: string) => Promise<unknown>,
): Fault {
  return {
    ...{
      name,
      place,
      seconds: 120,
      goesOn: true,
      ends: /^ended with 6: .*([Nn]o space left on device|KB are free; make room)/,
    },
    async prepare(lab) {
      await there(lab, apart);
      return () => there(lab, together);
    },
    async befall(lab) {
      await there(lab, fill);
      return () => there(lab, empty);
    },
  };
}

/** Big packets to this node's sshd get lost, so that a file stops in its middle; then its connections end. */
const cutInAFile = `set -eu
rule="INPUT -p tcp --dport 22 -m length --length 1000: -j DROP"
iptables -I $rule
round=0
until pgrep -f '/with-input.sh ' >/dev/null; do
  round=$((round + 1)); [ "$round" -lt 900 ] || { iptables -D $rule; echo 'no file came' >&2; exit 1; }
  sleep 0.1
done
sleep 1
pgrep -x cat -P "$(pgrep -d, -f '/with-input.sh ')" >/dev/null || { echo 'the file was not held back' >&2; exit 1; }
pkill -9 -u azureuser sshd
iptables -D $rule`;

/** A node's side of the bridge. */
const loss = '-i host0 -m statistic --mode random --probability 0.3 -j DROP';
const silence = '-p tcp --dport 22 -j DROP';

const withoutProbe = ['rotate-certs', '--no-probe'];

/** Waits until etcd is in a later term: a member that was killed and led is missed. @throws Error after 30 s */
async function elected(lab: TestLab, term: number): Promise<void> {
  for (let look = 0; look < 30; look++) {
    const now = await readEtcd(lab).catch(() => undefined);
    if (now !== undefined && now.term > term) return;
    await sleep(1000);
  }
  throw new Error(`etcd is still in term ${term}: its leader's death was not noticed`);
}

/** The same command with a master dead: it must not begin another one's restart. */
async function goesNoFurther(lab: TestLab): Promise<string> {
  const restarts = (): string[] =>
    openRecords(lab)
      .filter(({ type, id }) => type === 'intent' && id.startsWith('distrust/apiserver/'))
      .map(({ id }) => id);
  const before = restarts();
  const { code, stderr } = await runKeyroll(lab, withoutProbe);
  const begun = restarts().slice(before.length);
  if (code === 0 || begun.length > 0)
    throw new Error(
      `with a master dead keyroll ended with ${code} and began ${begun.join(', ') || 'nothing'}`,
    );
  return `the same command again, the master still dead, began nothing and ended with ${code}: ${lastLine(stderr)}`;
}

/** The last line of what a program said. */
export function lastLine(text: string): string {
  return text.trim().split('\n').at(-1) ?? '';
}

/** In the order of a rotation; each after the next command has gone on from the one before. */
export const faults: readonly Fault[] = [
  {
    // One of the two other members has waited for the leader and answers no read for 7 s (etcd 3.3). Whether the
    // balancer leads to it is chance.
    name: 'etcd’s leader is killed',
    ends: /^went on$/,
    times: 3,
    place: intent(/^trust\/apiserver\//, 2500),
    seconds: 20,
    harms: true,
    async befall(lab) {
      const { leader, term } = await readEtcd(lab);
      await lab.onNode(leader, 'systemctl kill -s KILL etcd');
      await elected(lab, term);
      return nothing;
    },
  },
  {
    // Not the jump host's.
    name: 'the SSH connection to a node is cut in the middle of a file',
    ends: /^ended with 6: .* the connection broke/,
    place: intent(/^present\/apiserver\/.*-[12]$/),
    seconds: 30,
    async befall(lab, _, at = '') {
      await lab.onNode(at, cutInAFile);
      return nothing;
    },
  },
  {
    name: 'the operator’s machine is gone in the middle of a master’s restart',
    ends: /^killed$/,
    place: intent(/^present\/apiserver\//, 3500),
    seconds: 10,
    async befall(lab, keyroll, at = '') {
      // Nobody tells the node's sshd that its client is gone.
      await lab.onNode(at, `iptables -I INPUT ${silence}`);
      keyroll?.signal('SIGKILL');
      return () => lab.onNode(at, `iptables -D INPUT ${silence}`);
    },
  },
  {
    name: 'a master is rebooted during its own step',
    ends: /^ended with 6: node .*(start-step failed|the connection broke)/,
    place: (lab) => intent(new RegExp(`^present/apiserver/${next(lab)}$`), 4000)(),
    seconds: 60,
    harms: true,
    ...{ down: next, takes: 'connection' },
    async befall(lab, _, at = next(lab)) {
      await reboot(at, stateDir);
      return nothing;
    },
  },
  {
    name: 'the balancer is gone for 20 s',
    ends: /^went on$|^ended with 6: .* the connection broke/,
    place: intent(/^present\/controller-manager\//, 1000),
    seconds: 20,
    ...{ harms: true, takes: 'balancer' },
    async befall(lab) {
      await lab.exec(['pkill', '-f', join(stateDir, 'balancer', 'haproxy.cfg')]);
      return () => bringUp();
    },
  },
  full('a node’s disk is full', intent(/^refresh\/legacy-tokens$/), (lab, script) =>
    lab.onNode(agent(lab, 0), `set -- ${nodeFolder}; ${script}`),
  ),
  {
    name: 'sudo asks for a password on a node',
    ends: /^ended with 8: .*sudo refused it/,
    seconds: 60,
    goesOn: true,
    async befall(lab) {
      const file = '/etc/sudoers.d/90-azureuser';
      await lab.onNode(master(lab, 1), `sed -i 's/NOPASSWD://' ${file}`);
      return () => lab.onNode(master(lab, 1), `sed -i 's/) ALL$/) NOPASSWD:ALL/' ${file}`);
    },
  },
  {
    name: 'a kubelet does not come back',
    ends: /^ended with 6: .*refresh-kubelet failed .*kubelet/,
    place: intent(/^refresh\//),
    seconds: 600,
    goesOn: true,
    async befall(lab) {
      const folder = '/run/systemd/system/kubelet.service.d';
      const drop = `[Service]\\nExecStart=\\nExecStart=/bin/false\\n`;
      await lab.onNode(
        agent(lab, 1),
        `mkdir -p ${folder}; printf '${drop}' >${folder}/99-broken.conf; systemctl daemon-reload`,
      );
      return () =>
        lab.onNode(
          agent(lab, 1),
          `rm -r ${folder}; systemctl daemon-reload; systemctl reset-failed kubelet; systemctl start kubelet`,
        );
    },
  },
  {
    name: 'an agent is rebooted during its own step',
    ends: /^ended with 6: .* the connection broke/,
    place: intent(/^refresh\/node\/.*pool.*-1$/, 1000),
    seconds: 60,
    harms: true,
    async befall(lab) {
      await reboot(agent(lab, 1), stateDir);
      return nothing;
    },
  },
  {
    name: '30 % of the packets between nodes get lost for a minute',
    ends: /^went on$|^ended with 6: /,
    // Which packets get lost is chance, and so is who gives up.
    times: 3,
    place: intent(/^(refresh|distrust)\//, 1000),
    seconds: 60,
    goesOn: true,
    harms: true,
    async befall(lab) {
      for (const { name } of lab.nodes) await lab.onNode(name, `iptables -I INPUT ${loss}`);
      return async () => {
        for (const { name } of lab.nodes) await lab.onNode(name, `iptables -D INPUT ${loss}`);
      };
    },
  },
  {
    name: 'a master stays dead',
    ends: /^ended with 6: .*; the same command again/,
    place: intent(/^distrust\/apiserver\/.*-1$/, 2000),
    seconds: 600,
    harms: true,
    ...{ meanwhile: goesNoFurther, down: (lab) => master(lab, 1), takes: 'connection' },
    async befall(lab) {
      // The command ends with the machine.
      await lab.onNode(master(lab, 1), 'systemctl poweroff --force --force').catch(() => undefined);
      return () => bringUp();
    },
  },
  full('the operator’s disk is full', intent(/^distrust\//), (lab, script) =>
    run(['sh', '-c', script, 'sh', join(lab.clusterDir, '_keyroll')]),
  ),
];
