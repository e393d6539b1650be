import { readFile, readdir } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { fingerprintOf } from '../run/cluster-state.js';
import { isRefusal } from '../run/old-credentials.js';
import type { Rotation } from '../run/rotation.js';
import { say } from '../say.js';

/** A model's text with every value of its certificateProfile blanked, and how many there were. */
function blanked(text: string): { text: string; values: number } {
  const { properties } = JSON.parse(text) as {
    properties: { certificateProfile: Record<string, string | string[]> };
  };
  const values = Object.values(properties.certificateProfile).flat();
  return {
    values: values.length,
    text: values.reduce((all, value) => all.replace(JSON.stringify(value), '""'), text),
  };
}

/** The operator's files. */
export function itReplacedTheOperatorsFiles(of: () => Rotation): void {
  it('changed nothing in apimodel.json but the certificate profile', () => {
    const [old, now] = [blanked(of().before.model), blanked(of().after.model)];
    expect(now.text).toBe(old.text);
    expect(now.values).toBe(old.values);
    expect(of().after.model).not.toBe(of().before.model);
    expect(old.text).not.toContain('PRIVATE KEY');
  });

  it('put the new kubeconfig in place of the old one, and it works', async () => {
    const { lab, before, after } = of();
    expect(after.kubeconfig).not.toBe(before.kubeconfig);
    const certificate = (text: string): string => {
      const data = (JSON.parse(text) as { users: [{ user: { 'client-certificate-data': string } }] }).users[0]
        .user;
      return Buffer.from(data['client-certificate-data'], 'base64').toString('utf8');
    };
    const master = after.nodes.get(lab.masters[0]?.name ?? '');
    expect(fingerprintOf(certificate(after.kubeconfig))).toBe(
      master?.keys.get('/etc/kubernetes/certs/kubectlClient.key'),
    );
    expect(await lab.kubectl(['get', '--raw', '/readyz'])).toBe('ok');
  });

  it('replaced the admin kubeconfig on every master, and it works there', async () => {
    const { lab } = of();
    for (const { name } of lab.masters) {
      const said = await lab.onNode(
        name,
        'kubectl --kubeconfig=/home/azureuser/.kube/config get --raw /readyz',
      );
      expect(said, name).toBe('ok');
    }
  });

  it('left the old files in the backup and took the working folder away', async () => {
    const { lab, before } = of();
    expect(existsSync(join(lab.clusterDir, '_rotate_certs_output'))).toBe(false);
    const backup = join(lab.clusterDir, '_rotate_certs_backup');
    expect(await readFile(join(backup, 'apimodel.json'), 'utf8')).toBe(before.model);
    expect(await readFile(join(backup, 'kubeconfig', 'kubeconfig.local.json'), 'utf8')).toBe(
      before.kubeconfig,
    );
  });

  it("left this user's own known_hosts alone", () => {
    expect(of().after.knownHosts).toBe(of().before.knownHosts);
  });
}

const kinds = [
  ...[
    'admin kubeconfig',
    'client certificate',
    'service-account token (legacy)',
    'service-account token (projected)',
  ],
  ...['etcd client certificate', 'front-proxy client certificate'],
];

/** Nothing accepts the old side any more, and no secret was seen where it must not be. */
export function itLeftNothingOldInUse(of: () => Rotation): void {
  it('reports each kind of old credential as accepted before distrust and refused after', () => {
    const { refused } = of().report;
    for (const { name, answer } of refused) say(`report: old ${name}: ${answer}`);
    expect(refused.map(({ name }) => name)).toEqual(expect.arrayContaining(kinds));
    expect(refused.filter(({ acceptedBefore, refusedAfter }) => !acceptedBefore || !refusedAfter)).toEqual(
      [],
    );
  });

  it('refuses the old admin kubeconfig, tokens, etcd client and front-proxy client, as we try them', () => {
    const { accepted, refused } = of();
    expect(accepted.filter(({ answer }) => !/^(200|403)$/.test(answer))).toEqual([]);
    for (const { name, url, answer } of refused) say(`${name} at ${url}: ${answer}`);
    expect(refused.filter(({ answer }) => !isRefusal(answer))).toEqual([]);
  });

  it('let nobody read a private key at any moment', () => {
    const { watched } = of();
    say(`${watched.rounds} looks at ${watched.keyFiles} files with private keys`);
    expect(watched.keyFiles).toBeGreaterThan(50);
    expect([...watched.openKeys]).toEqual([]);
  });

  it('put no certificate, key or token on a command line', async () => {
    const { watched, folder, before, after } = of();
    const secrets = [...before.tokens, ...after.tokens].map(({ token }) => token);
    for (const name of await readdir(join(folder, 'keys'))) {
      const text = await readFile(join(folder, 'keys', name), 'utf8');
      if (/PRIVATE KEY/.test(text)) secrets.push(text.split('\n')[3] ?? text);
      else if (name.includes('token')) secrets.push(text);
    }
    say(`${watched.commandLines.size} command lines, ${secrets.length} secrets`);
    const telling = /-----BEGIN [A-Z]|LS0tLS1CRUdJTi|eyJhbGciOi/;
    const found = [...watched.commandLines].filter(
      (line) => telling.test(line) || secrets.some((secret) => line.includes(secret)),
    );
    expect(found.map((line) => line.slice(0, 60))).toEqual([]);
  });

  it('says no secret in its output, its events or its report', async () => {
    const { stdout, stderr, lab, report } = of();
    const events = await readFile(join(lab.clusterDir, '_keyroll', 'events.jsonl'), 'utf8');
    for (const text of [stdout, stderr, events, JSON.stringify(report)])
      expect(/PRIVATE KEY|LS0tLS1CRUdJTiB(?:QUkl|SU0Eg|FQyBQ)|eyJhbGciOi/.test(text)).toBe(false);
  });
}
