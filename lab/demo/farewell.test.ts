import { describe, expect, it } from 'vitest';
import type { LabPaths } from '../cluster/index.js';
import { farewell } from './farewell.js';
import { rotateCommand } from './rotate-command.js';
import { parseServing } from './serving.js';

const paths: LabPaths = {
  fqdn: 'lab.example',
  clusterDir: '/lab/cluster',
  sshKey: '/lab/cluster/azureuser_rsa',
  knownHosts: '/lab/cluster/known_hosts',
  binaries: '/cache/kubernetes',
  nodes: [],
};
const before = { issuer: 'CN=ca', fingerprint: 'AA:BB', until: 'Nov 24 2056' };

describe('the last lines of the demonstration', () => {
  it('say what the API serves, how to look around and how to take the lab down', () => {
    const text = farewell({ before, after: { ...before, issuer: 'CN=ca-new' }, code: 0, paths }).join('\n');
    expect(text).toContain('API server before: issued by CN=ca,');
    expect(text).toContain('API server now:    issued by CN=ca-new,');
    expect(text).toContain(
      '/cache/kubernetes/kubectl --kubeconfig=/lab/cluster/kubeconfig/kubeconfig.local.json',
    );
    expect(text.split('\n').at(-1)).toContain('make lab-down');
    expect(text).not.toContain('exit code');
  });

  it('name an exit code that is not 0, and an API that does not answer', () => {
    const text = farewell({ before, after: undefined, code: 7, paths }).join('\n');
    expect(text).toContain('keyroll ended with exit code 7');
    expect(text).toContain('API server now:    nothing answers');
  });
});

describe('the command line of the demonstration', () => {
  it('is the one that an operator types', () => {
    const words = rotateCommand('lab.example', paths);
    expect(words.slice(2, 7)).toEqual([
      'rotate-certs',
      '--api-model',
      '/lab/cluster/apimodel.json',
      '--ssh-host',
      'lab.example',
    ]);
    expect(words).toContain('--yes');
  });
});

describe('what openssl s_client prints', () => {
  it('holds no certificate when nothing answers', () => {
    expect(parseServing('connect:errno=111\n')).toBeUndefined();
  });
});
