import { readFileSync } from 'node:fs';
import { rootCertificates } from 'node:tls';

/**
 * The CAs to trust for servers with public names: Node's own and those of `NODE_EXTRA_CA_CERTS`, and besides them
 * `extra` (PEM). Undefined means Node's default, which is the same without `extra`.
 * @throws Error when the file that `NODE_EXTRA_CA_CERTS` names cannot be read
 */
export function trustedAuthorities(
  extra: string | undefined,
  env: NodeJS.ProcessEnv = process.env,
): string[] | undefined {
  if (extra === undefined) return undefined;
  const file = env['NODE_EXTRA_CA_CERTS'];
  const fromFile = file === undefined || file === '' ? [] : [readFileSync(file, 'utf8')];
  return [...rootCertificates, ...fromFile, extra];
}
