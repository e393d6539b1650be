import { describe, expect, it } from 'vitest';
import { argumentsOf, podNameOf, withChange } from './manifest.js';

const manifest = `apiVersion: v1
kind: Pod
metadata:
  name: kube-apiserver   # the pod's name
  namespace: kube-system
spec:
  hostNetwork: true
  containers:
    - name: kube-apiserver
      command: ["kube-apiserver"]
      args: ["--client-ca-file=/etc/a.crt", "--service-account-key-file=/etc/sa.key", "--v=2"]
`;

describe('withChange', () => {
  it('changes the pod name and the named flags, and no other byte', () => {
    const flags = new Map([
      ['--client-ca-file', ['/own/bundle.crt']],
      ['--service-account-key-file', ['/own/old.pub', '/own/new.pub']],
    ]);
    expect(withChange(manifest, { podName: 'kube-apiserver-trust', flags }, 'm')).toBe(
      manifest
        .replace('name: kube-apiserver   #', 'name: kube-apiserver-trust   #')
        .replace('/etc/a.crt', '/own/bundle.crt')
        .replace(
          '"--service-account-key-file=/etc/sa.key"',
          '"--service-account-key-file=/own/old.pub", "--service-account-key-file=/own/new.pub"',
        ),
    );
  });

  it('drops the second of a flag that shall have one value', () => {
    const twice = manifest.replace('"--v=2"', '"--client-ca-file=/etc/b.crt", "--v=2"');
    const changed = withChange(
      twice,
      { podName: 'x', flags: new Map([['--client-ca-file', ['/own/one.crt']]]) },
      'm',
    );
    expect(argumentsOf(changed, 'm')).toEqual([
      'kube-apiserver',
      '--client-ca-file=/own/one.crt',
      '--service-account-key-file=/etc/sa.key',
      '--v=2',
    ]);
  });

  it('leaves out a flag that the manifest does not have', () => {
    const changed = withChange(
      manifest,
      { podName: 'kube-apiserver', flags: new Map([['--service-account-signing-key-file', ['/own/k']]]) },
      'm',
    );
    expect(changed).toBe(manifest);
  });

  it('keeps Windows line ends and a block-style list', () => {
    const block = manifest
      .replace(/args: \[.*\]/, 'args:\n        - --client-ca-file=/etc/a.crt\n        - --v=2')
      .replaceAll('\n', '\r\n');
    const changed = withChange(
      block,
      { podName: 'p', flags: new Map([['--client-ca-file', ['/own/c']]]) },
      'm',
    );
    expect(changed).toBe(
      block.replace('name: kube-apiserver   #', 'name: p   #').replace('/etc/a.crt', '/own/c'),
    );
  });

  it('names the file that is no manifest', () => {
    expect(() => podNameOf('kind: Pod', 'node m0: kube-apiserver.yaml')).toThrow(
      /node m0: kube-apiserver\.yaml: expected the manifest of a static pod/,
    );
  });
});
