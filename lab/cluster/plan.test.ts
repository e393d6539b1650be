import { describe, expect, it } from 'vitest';
import { hostsFile, mastersOf, nodeNamed, planLab, vmNumberOf } from './plan.js';

const plan = planLab('/somewhere/keyroll-lab', { masters: 3, agents: 2 });

describe('planLab', () => {
  it('names and places nodes as AKS Engine does', () => {
    expect(plan.nodes.map((node) => node.ip)).toEqual([
      ...['10.240.255.5', '10.240.255.6', '10.240.255.7'],
      ...['10.240.0.4', '10.240.0.5'],
    ]);
    expect(plan.nodes[0]?.name).toMatch(/^k8s-master-\d{8}-0$/);
    expect(plan.nodes[4]?.name).toMatch(/^k8s-linuxpool-\d{8}-1$/);
    expect(mastersOf(plan)).toHaveLength(3);
    expect(plan.fqdn).toBe('keyroll-lab.local.cloudapp.azurestack.external');
  });

  it('gives every node another pod subnet', () => {
    expect(new Set(plan.nodes.map((node) => node.podCidr)).size).toBe(5);
  });

  it('derives the same eight digits from the same prefix, others from another', () => {
    expect(vmNumberOf('a')).toBe(vmNumberOf('a'));
    expect(vmNumberOf('a')).not.toBe(vmNumberOf('b'));
    expect(vmNumberOf('anything')).toMatch(/^\d{8}$/);
  });

  it('refuses a folder whose name cannot name a network namespace', () => {
    expect(() => planLab('/x/My Lab', { masters: 1, agents: 1 })).toThrow(/KEYROLL_LAB_DIR/);
  });
});

describe('nodeNamed', () => {
  it('takes the full name and the short one', () => {
    expect(nodeNamed(plan, 'agent-1').ip).toBe('10.240.0.5');
    expect(nodeNamed(plan, plan.nodes[1]?.name ?? '').ip).toBe('10.240.255.6');
  });

  it('names those there are when it is none', () => {
    expect(() => nodeNamed(plan, 'master-9')).toThrow(/master-2/);
  });
});

it('puts all nodes and the public name into /etc/hosts', () => {
  const lines = hostsFile(plan).trimEnd().split('\n');
  expect(lines).toHaveLength(8);
  expect(lines).toContain(
    '198.51.100.11 management.local.azurestack.external login.local.azurestack.external',
  );
  expect(lines.at(-1)).toBe(`198.51.100.10 ${plan.fqdn}`);
});
