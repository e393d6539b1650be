import { readFileSync } from 'node:fs';

interface KubeconfigJson {
  clusters: { cluster: { 'certificate-authority-data': string } }[];
  users: { user: { 'client-certificate-data': string; 'client-key-data': string } }[];
}

/** What a kubeconfig in JSON with one cluster and one user embeds, as PEM. */
export function credentialsIn(file: string): { ca: string; cert: string; key: string } {
  const { clusters, users } = JSON.parse(readFileSync(file, 'utf8')) as KubeconfigJson;
  const [cluster, user] = [clusters[0]?.cluster, users[0]?.user];
  if (!cluster || !user) throw new Error(`${file}: expected a cluster and a user`);
  const pem = (base64: string): string => Buffer.from(base64, 'base64').toString('utf8');
  return {
    ca: pem(cluster['certificate-authority-data']),
    cert: pem(user['client-certificate-data']),
    key: pem(user['client-key-data']),
  };
}
