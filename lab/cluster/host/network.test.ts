import { describe, expect, it } from 'vitest';
import { planLab } from '../plan.js';
import { balancerConfiguration } from './balancer.js';
import { addressing, interfacesIn } from './namespace.js';

const plan = planLab('/x/keyroll-lab', { masters: 3, agents: 2 });

describe('the balancer', () => {
  const text = balancerConfiguration(plan, '/x/balancer');

  it('probes every master with plain TCP, every 5 s, two failures, from an address of its own', () => {
    const probes = text.split('\n').filter((line) => line.includes('check inter'));
    expect(probes).toHaveLength(3);
    for (const probe of probes)
      expect(probe).toMatch(/:443 source 168\.63\.129\.16 check inter 5s fall 2 rise 1$/);
  });

  it('sends traffic from another address and follows the probes', () => {
    expect(text.match(/:443 source 10\.240\.0\.1 track probe\//g)).toHaveLength(3);
  });

  it('serves both addresses, and SSH of the first master at the public one', () => {
    expect(text).toContain('bind 198.51.100.10:443');
    expect(text).toContain('bind 10.240.255.15:443');
    expect(text).toMatch(/bind 198\.51\.100\.10:22\n {2}server \S+-0 10\.240\.255\.5:22/);
  });

  it('hides no failure: nothing is sent twice', () => {
    expect(text).toContain('retries 0');
    expect(text).not.toContain('redispatch');
  });
});

it('gives the namespace no route to anywhere else', () => {
  const routes = addressing(plan)
    .split('\n')
    .filter((line) => line.startsWith('route'));
  expect(routes).toHaveLength(5);
  for (const route of routes) expect(route).toMatch(/^route replace 10\.244\.\d+\.0\/24 via 10\.240\./);
});

it('reads interface names without the part behind @', () => {
  expect(interfacesIn('7: vb-a@if2: <UP> mtu\n8: lab0: <UP>\n')).toEqual(['vb-a', 'lab0']);
});
