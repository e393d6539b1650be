import { agentPool, mastersOf, network } from '../plan.js';
import type { ModelInputs } from './apimodel.js';

const go = (value: unknown, indent: number): string => `${JSON.stringify(value, null, indent)}\n`;
const base64 = (text: string): string => Buffer.from(text).toString('base64');
const schemas = 'http://schema.management.azure.com/schemas/2015-01-01';

/** The ARM template: of it the lab has only the names by which machines are found. */
export function deploymentTemplate({ plan }: ModelInputs): string {
  const agents = plan.nodes.filter((node) => node.role === 'agent').length;
  return go(
    {
      $schema: `${schemas}/deploymentTemplate.json#`,
      contentVersion: '1.0.0.0',
      parameters: {},
      variables: {
        [`${agentPool}Count`]: agents,
        [`${agentPool}VMNamePrefix`]: `k8s-${agentPool}-${plan.vmNumber}-`,
        masterCount: mastersOf(plan).length,
        masterFqdnPrefix: plan.dnsPrefix,
        masterVMNamePrefix: `k8s-master-${plan.vmNumber}-`,
        nameSuffix: plan.vmNumber,
        orchestratorName: 'k8s',
      },
      resources: [],
      outputs: {},
    },
    2,
  );
}

/** The template's parameters; certificates and keys are base64 of their PEM. */
export function deploymentParameters({ plan, pki, authorizedKey }: ModelInputs): string {
  const peers = pki.etcdPeers.flatMap((peer, index): [string, string][] => [
    [`etcdPeerCertificate${index}`, base64(peer.certificate)],
    [`etcdPeerPrivateKey${index}`, base64(peer.key)],
  ]);
  const values: Record<string, unknown> = {
    apiServerCertificate: base64(pki.apiserver.certificate),
    apiServerPrivateKey: base64(pki.apiserver.key),
    caCertificate: base64(pki.ca.certificate),
    caPrivateKey: base64(pki.ca.key),
    clientCertificate: base64(pki.client.certificate),
    clientPrivateKey: base64(pki.client.key),
    etcdClientCertificate: base64(pki.etcdClient.certificate),
    etcdClientPrivateKey: base64(pki.etcdClient.key),
    ...Object.fromEntries(peers),
    etcdServerCertificate: base64(pki.etcdServer.certificate),
    etcdServerPrivateKey: base64(pki.etcdServer.key),
    kubeConfigCertificate: base64(pki.kubeConfig.certificate),
    kubeConfigPrivateKey: base64(pki.kubeConfig.key),
    linuxAdminUsername: 'azureuser',
    location: network.location,
    masterEndpointDNSNamePrefix: plan.dnsPrefix,
    sshRSAPublicKey: authorizedKey,
    targetEnvironment: 'AzureStackCloud',
  };
  const parameters = Object.fromEntries(Object.entries(values).map(([name, value]) => [name, { value }]));
  return go({ $schema: `${schemas}/deploymentParameters.json#`, contentVersion: '1.0.0.0', parameters }, 2);
}
