import { beforeAll, describe, expect, it } from 'vitest';
import type { Binaries } from '../kube/binaries.js';
import { createPki } from '../pki/cluster.js';
import { defaultOptions, planLab } from '../plan.js';
import { apiModel, type ModelInputs } from './apimodel.js';
import { adminKubeconfig } from './kubeconfig.js';
import { deploymentParameters, deploymentTemplate } from './template.js';

const plan = planLab('/x/keyroll-lab', { masters: 1, agents: 2 });
let inputs: ModelInputs;
beforeAll(async () => {
  const help = {} as Binaries['help'];
  const binaries = { folder: '/x', version: 'v1.20.2', minor: 20, help };
  inputs = {
    plan,
    options: defaultOptions,
    binaries,
    pki: await createPki(plan, 2048),
    authorizedKey: 'ssh-rsa AAAA lab',
  };
});

interface Model {
  location: string;
  properties: {
    masterProfile: { count: number; dnsPrefix: string };
    certificateProfile: Record<string, string | string[]>;
    customCloudProfile: { environment: { resourceManagerVMDNSSuffix: string } };
  };
}

describe('apimodel.json', () => {
  it('has the properties of an Azure Stack cluster in AKS Engine order', () => {
    const model = JSON.parse(apiModel(inputs)) as Model;
    expect(Object.keys(model.properties)).toEqual([
      ...[
        'orchestratorProfile',
        'masterProfile',
        'agentPoolProfiles',
        'linuxProfile',
        'servicePrincipalProfile',
      ],
      ...['certificateProfile', 'featureFlags', 'customCloudProfile', 'telemetryProfile'],
    ]);
    expect(model.properties.masterProfile).toMatchObject({ count: 1, dnsPrefix: 'keyroll-lab' });
    expect(model.properties.customCloudProfile.environment.resourceManagerVMDNSSuffix).toBe(
      plan.fqdn.split('.').slice(2).join('.'),
    );
  });

  it('carries the keys as PEM with one newline at the end', () => {
    const { certificateProfile } = (JSON.parse(apiModel(inputs)) as Model).properties;
    expect(Object.keys(certificateProfile)).toHaveLength(14);
    for (const value of Object.values(certificateProfile).flat())
      expect(value).toMatch(/^-----BEGIN [^]*-----\n$/);
    expect(certificateProfile['caPrivateKey']).toContain('BEGIN RSA PRIVATE KEY');
  });

  it('is indented by two and ends with one newline', () => {
    expect(apiModel(inputs)).toMatch(/^\{\n {2}"apiVersion": "vlabs",\n[^]*\n\}\n$/);
  });
});

it('says in the template how the machines are called', () => {
  const { variables } = JSON.parse(deploymentTemplate(inputs)) as { variables: Record<string, string> };
  expect(plan.nodes[0]?.name).toBe(`${variables['masterVMNamePrefix']}0`);
  expect(plan.nodes[2]?.name).toBe(`${variables['linuxpoolVMNamePrefix']}1`);
});

it('has certificates in base64 in the parameters', () => {
  const { parameters } = JSON.parse(deploymentParameters(inputs)) as {
    parameters: Record<string, { value: string }>;
  };
  expect(Buffer.from(parameters['caCertificate']?.value ?? '', 'base64').toString()).toBe(
    inputs.pki.ca.certificate,
  );
  expect(parameters['etcdPeerCertificate0']).toBeDefined();
});

it('indents the kubeconfig as AKS Engine does, the user on one line', () => {
  const text = adminKubeconfig(plan, inputs.pki, 'https://x');
  expect(text).toMatch(/^ {4}\{\n {8}"apiVersion": "v1",\n/);
  expect(text).toMatch(/"user": \{"client-certificate-data":"[^"]+","client-key-data":"[^"]+"\}\n/);
  expect((JSON.parse(text) as { 'current-context': string })['current-context']).toBe('keyroll-lab');
});
