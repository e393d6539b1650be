import { isScalar, parseDocument } from 'yaml';
import { ModelError } from './apimodel-error.js';
import { applySplices, type Splice } from './apimodel-splice.js';
import { readKubeconfig } from './kubeconfig.js';

/** PEM texts of a user's credentials and of the CAs that are trusted. */
export interface KubeconfigCredentials {
  readonly ca: string;
  readonly certificate: string;
  readonly key: string;
}

/**
 * A kubeconfig's text with the embedded CA, certificate and key of its current context replaced, and every
 * other byte as it was. JSON is spliced as the YAML that it is.
 * @param where file for errors
 * @throws ModelError when one of the three is not embedded: then the files that it names are to be replaced
 */
export function withKubeconfigCredentials(
  text: string,
  credentials: KubeconfigCredentials,
  where = 'kubeconfig',
): string {
  const { clusterIndex, userIndex } = readKubeconfig(text, where);
  const document = parseDocument(text, { version: '1.1', prettyErrors: false, logLevel: 'silent' });
  const places: readonly (readonly [path: readonly (string | number)[], pem: string])[] = [
    [['clusters', clusterIndex, 'cluster', 'certificate-authority-data'], credentials.ca],
    [['users', userIndex, 'user', 'client-certificate-data'], credentials.certificate],
    [['users', userIndex, 'user', 'client-key-data'], credentials.key],
  ];
  const splices = places.map(([path, pem]) => {
    const node = document.getIn(path, true);
    if (!isScalar(node) || !node.range) throw notEmbedded(path, where);
    return splice(text, node.range, Buffer.from(pem).toString('base64'));
  });
  return applySplices(text, splices);
}

/** Keeps the style of the value: quotes stay as they were, a block becomes one plain line. */
function splice(text: string, [start, end]: readonly [number, number, number], data: string): Splice {
  const old = text.slice(start, end);
  const quote = /^["']/.exec(old)?.[0] ?? '';
  const lineEnd = /\r?\n$/.exec(old)?.[0] ?? '';
  return { offset: start, length: end - start, text: `${quote}${data}${quote}${lineEnd}` };
}

function notEmbedded(path: readonly (string | number)[], where: string): ModelError {
  const field = String(path.at(-1));
  return new ModelError(
    where,
    path.join('.'),
    `found nothing; expected embedded data (${field}); replace the file that ${field.replace(/-data$/, '')} names instead`,
  );
}
