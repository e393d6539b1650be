import type { ClusterPki } from '../pki/cluster.js';
import type { LabPlan } from '../plan.js';

const base64 = (text: string): string => Buffer.from(text).toString('base64');

/**
 * The admin kubeconfig for an API server's address, with the white space that AKS Engine leaves in it: JSON, every
 * line four spaces further in, the user's data on one line.
 */
export function adminKubeconfig(plan: LabPlan, pki: ClusterPki, server: string): string {
  const name = plan.dnsPrefix;
  const user = `${name}-admin`;
  const place = '<user>';
  const credentials = {
    'client-certificate-data': base64(pki.kubeConfig.certificate),
    'client-key-data': base64(pki.kubeConfig.key),
  };
  const config = {
    apiVersion: 'v1',
    clusters: [{ cluster: { 'certificate-authority-data': base64(pki.ca.certificate), server }, name }],
    contexts: [{ context: { cluster: name, user }, name }],
    'current-context': name,
    kind: 'Config',
    users: [{ name: user, user: place }],
  };
  const lines = JSON.stringify(config, null, 4)
    .replace(`"${place}"`, JSON.stringify(credentials))
    .split('\n');
  return `${lines.map((line) => `    ${line}`).join('\n')}\n`;
}
