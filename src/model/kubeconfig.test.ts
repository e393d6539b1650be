import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { readKubeconfig } from './kubeconfig.js';
import { withKubeconfigCredentials } from './kubeconfig-write.js';

const root = join(import.meta.dirname, '../..');
const json = readFileSync(
  join(root, 'test/fixtures/stack-3-masters/kubeconfig/kubeconfig.local.json'),
  'utf8',
);
const yaml = stringify(JSON.parse(json), { lineWidth: 0 });
const credentials = { ca: 'new ca\n', certificate: 'new certificate\n', key: 'new key\n' };
const base64 = (text: string): string => Buffer.from(text).toString('base64');

describe('readKubeconfig', () => {
  it.each([
    ['JSON', json],
    ['YAML', yaml],
    ['JSON with tabs and CRLF', JSON.stringify(JSON.parse(json), null, '\t').replaceAll('\n', '\r\n')],
  ])('reads the current context of %s', (_name, text) => {
    const read = readKubeconfig(text, 'x');
    expect(read).toMatchObject({
      server: 'https://labcluster.local.cloudapp.azurestack.test',
      cluster: 'labcluster',
      user: 'labcluster-admin',
      context: 'labcluster',
    });
    expect(read.ca).toMatchObject({ pem: expect.stringMatching(/^-----BEGIN CERTIFICATE/) as unknown });
    expect(read.key).toMatchObject({ pem: expect.stringMatching(/^-----BEGIN RSA PRIVATE KEY/) as unknown });
  });

  it('reads paths of files, as a kubelet has them', () => {
    const kubelet = [
      'apiVersion: v1',
      'kind: Config',
      'clusters:',
      '- name: localcluster',
      '  cluster:',
      '    certificate-authority: /etc/kubernetes/certs/ca.crt',
      '    server: https://10.240.255.5:443',
      'users:',
      '- name: client',
      '  user:',
      '    client-certificate: /etc/kubernetes/certs/client.crt',
      '    client-key: /etc/kubernetes/certs/client.key',
      'contexts:',
      '- context:',
      '    cluster: localcluster',
      '    user: client',
      '  name: localclustercontext',
      'current-context: localclustercontext',
    ].join('\n');
    expect(readKubeconfig(kubelet, 'x')).toMatchObject({
      ca: { file: '/etc/kubernetes/certs/ca.crt' },
      certificate: { file: '/etc/kubernetes/certs/client.crt' },
      key: { file: '/etc/kubernetes/certs/client.key' },
    });
    expect(() => withKubeconfigCredentials(kubelet, credentials, 'k')).toThrow(
      /^k: clusters\.0\.cluster\.certificate-authority-data: found nothing; expected embedded data/,
    );
  });

  it.each([
    ['nothing', '', /^k: found null; expected a kubeconfig/],
    ['no context', '{"clusters": []}', /^k: current-context: found nothing; expected the name of a context/],
    [
      'another context',
      yaml.replace('current-context: labcluster', 'current-context: c'),
      /found labcluster; expected one with the name c/,
    ],
    ['broken YAML', 'a: [', /^k: is neither JSON nor YAML \(BAD/],
    [
      'a key that is not base64',
      json.replace(/("client-key-data": ")/, '$1%secret%'),
      /^k: client-key-data: found text that is not base64/,
    ],
  ])('names file and path: %s', (_name, text, message) => {
    const read = (): unknown => readKubeconfig(text, 'k');
    expect(read).toThrow(message);
    expect(read).not.toThrow(/secret|LS0t/);
  });
});

describe('withKubeconfigCredentials', () => {
  it.each([
    ['JSON', json],
    ['JSON with tabs and CRLF', JSON.stringify(JSON.parse(json), null, '\t').replaceAll('\n', '\r\n')],
    ['YAML', yaml],
    [
      'YAML with comments and quotes',
      `# mine\n${yaml.replace(/(client-key-data: )(.*)/, "$1'$2' # the key")}`,
    ],
  ])('changes the three values of %s and nothing else', (_name, text) => {
    const result = withKubeconfigCredentials(text, credentials);
    const read = readKubeconfig(text, 'x');
    const pairs = [
      [read.ca, credentials.ca],
      [read.certificate, credentials.certificate],
      [read.key, credentials.key],
    ] as const;
    const back = pairs.reduce(
      (left, [old, made]) => left.replace(base64(made), old && 'pem' in old ? base64(old.pem) : ''),
      result,
    );
    expect(result).not.toBe(text);
    expect(back).toBe(text);
    expect(readKubeconfig(result, 'x')).toMatchObject({
      ca: { pem: credentials.ca },
      certificate: { pem: credentials.certificate },
      key: { pem: credentials.key },
    });
  });

  it('turns a block into one line', () => {
    const folded = yaml.replace(/(client-key-data: )(.{80})(.*)/, '$1>-\n        $2\n        $3');
    const result = withKubeconfigCredentials(folded, credentials);
    expect(readKubeconfig(result, 'x').key).toEqual({ pem: credentials.key });
    expect(result.split('\n')).toHaveLength(yaml.split('\n').length);
  });

  it('keeps other clusters and users', () => {
    const document = JSON.parse(json) as { clusters: { name: string }[]; users: { name: string }[] };
    document.clusters.unshift({ ...structuredClone(document.clusters[0]), name: 'first' });
    document.users.unshift({ ...structuredClone(document.users[0]), name: 'first' });
    const result = JSON.parse(
      withKubeconfigCredentials(JSON.stringify(document), credentials),
    ) as typeof document;
    expect(result.clusters[0]).toEqual(document.clusters[0]);
    expect(result.users[0]).toEqual(document.users[0]);
    expect(result.users[1]).not.toEqual(document.users[1]);
  });
});

const shared = join(root, '../shared/fixtures');
const stacks = ['stack-1-master', 'stack-3-masters', 'stack-5-masters-2-pools-adfs', 'stack-windows'];

describe.each(stacks)(
  'the kubeconfig that aks-engine wrote for %s (skipped where ../shared/fixtures is absent)',
  (name) => {
    const file = join(shared, name, 'kubeconfig/kubeconfig.local.json');
    it.skipIf(!existsSync(file))('is read and written back', () => {
      const text = readFileSync(file, 'utf8');
      expect(readKubeconfig(text, file).server).toMatch(/^https:\/\/\w+\.local\.cloudapp\.azurestack\.test$/);
      const result = withKubeconfigCredentials(text, credentials, file);
      expect(readKubeconfig(result, file)).toMatchObject({ ca: { pem: credentials.ca } });
    });
  },
);
