import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { apiserverFlags, controllerManagerFlags, kubeletFlags, schedulerFlags } from './flags.js';
import type { ClusterInputs } from './inputs.js';
import type { ClusterPki } from './pki.js';
import { adminUser, agentPool, mastersOf, type ClusterPlan, type PlannedNode } from './plan.js';

const base64 = (text: string): string => Buffer.from(text).toString('base64');

/** Writes what aks-engine leaves with the operator. @returns the path of the API model */
export function writeModel(folder: string, inputs: ClusterInputs): string {
  const { plan, pki } = inputs;
  const server = `https://${plan.balancer}:${plan.apiPort}`;
  const files: Readonly<Record<string, string>> = {
    'apimodel.json': `${JSON.stringify(apiModel(inputs), null, 2)}\n`,
    'azuredeploy.json': `${JSON.stringify(template(plan), null, 2)}\n`,
    [`kubeconfig/kubeconfig.${plan.location}.json`]: adminKubeconfig(plan, pki, server),
  };
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true, mode: 0o700 });
    writeFileSync(join(folder, name), text, { mode: 0o600 });
  }
  return join(folder, 'apimodel.json');
}

/** With the white space that AKS Engine leaves in it: every line four spaces in, the user's data on one line. */
export function adminKubeconfig(
  { name }: ClusterPlan,
  { ca, kubectlClient }: ClusterPki,
  server: string,
): string {
  const user = `${name}-admin`;
  const credentials = {
    'client-certificate-data': base64(kubectlClient.certificate),
    'client-key-data': base64(kubectlClient.key),
  };
  const config = {
    apiVersion: 'v1',
    clusters: [{ cluster: { 'certificate-authority-data': base64(ca.certificate), server }, name }],
    contexts: [{ context: { cluster: name, user }, name }],
    'current-context': name,
    kind: 'Config',
    users: [{ name: user, user: '<user>' }],
  };
  const lines = JSON.stringify(config, null, 4).replace('"<user>"', JSON.stringify(credentials)).split('\n');
  return `${lines.map((line) => `    ${line}`).join('\n')}\n`;
}

function apiModel({ plan, pki, options, authorizedKey }: ClusterInputs): object {
  const [first] = mastersOf(plan);
  if (!first) throw new Error('a cluster needs a master');
  const agents = plan.nodes.filter(({ role }) => role === 'agent');
  const nodeFlags = (node: PlannedNode): object =>
    Object.fromEntries(Object.entries(kubeletFlags(node, options)).filter(([flag]) => flag !== '--node-ip'));
  return {
    apiVersion: 'vlabs',
    location: plan.location,
    properties: {
      orchestratorProfile: {
        orchestratorType: 'Kubernetes',
        orchestratorRelease: '1.20',
        orchestratorVersion: '1.20.2',
        kubernetesConfig: {
          serviceCidr: plan.serviceRange,
          networkPlugin: 'kubenet',
          containerRuntime: 'containerd',
          etcdVersion: '3.3.25',
          privateCluster: { enabled: false },
          kubeletConfig: nodeFlags(first),
          controllerManagerConfig: controllerManagerFlags(plan, options),
          apiServerConfig: {
            ...apiserverFlags(plan, first, options),
            '--advertise-address': '<advertiseAddr>',
          },
          schedulerConfig: schedulerFlags,
        },
      },
      masterProfile: {
        count: mastersOf(plan).length,
        dnsPrefix: plan.name,
        fqdn: plan.balancer,
        subjectAltNames: null,
        vmSize: 'Standard_DS2_v2',
        firstConsecutiveStaticIP: first.address,
        distro: 'aks-ubuntu-22.04',
        availabilityProfile: 'AvailabilitySet',
      },
      agentPoolProfiles:
        agents.length === 0
          ? []
          : [
              {
                name: agentPool,
                count: agents.length,
                vmSize: 'Standard_D2_v2',
                osType: 'Linux',
                availabilityProfile: 'AvailabilitySet',
              },
            ],
      linuxProfile: { adminUsername: adminUser, ssh: { publicKeys: [{ keyData: authorizedKey }] } },
      servicePrincipalProfile: { clientId: 'aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee', secret: 'hollow-secret' },
      certificateProfile: certificateProfile(pki),
    },
  };
}

/** A cluster's PKI as an API model, or a file for `--certificate-profile`, holds it. */
export function certificateProfile(pki: ClusterPki): Readonly<Record<string, string | readonly string[]>> {
  return {
    caCertificate: pki.ca.certificate,
    caPrivateKey: pki.ca.key,
    apiServerCertificate: pki.apiserver.certificate,
    apiServerPrivateKey: pki.apiserver.key,
    clientCertificate: pki.client.certificate,
    clientPrivateKey: pki.client.key,
    kubeConfigCertificate: pki.kubectlClient.certificate,
    kubeConfigPrivateKey: pki.kubectlClient.key,
    etcdServerCertificate: pki.etcdserver.certificate,
    etcdServerPrivateKey: pki.etcdserver.key,
    etcdClientCertificate: pki.etcdclient.certificate,
    etcdClientPrivateKey: pki.etcdclient.key,
    etcdPeerCertificates: pki.etcdpeers.map(({ certificate }) => certificate),
    etcdPeerPrivateKeys: pki.etcdpeers.map(({ key }) => key),
  };
}

/** Of the ARM template only the beginnings of the machines' names are there. */
function template(plan: ClusterPlan): object {
  const prefix = (role: PlannedNode['role']): string =>
    plan.nodes.find((node) => node.role === role)?.name.replace(/\d+$/, '') ?? '';
  return {
    $schema: 'http://schema.management.azure.com/schemas/2015-01-01/deploymentTemplate.json#',
    contentVersion: '1.0.0.0',
    variables: { masterVMNamePrefix: prefix('master'), [`${agentPool}VMNamePrefix`]: prefix('agent') },
    resources: [],
  };
}
