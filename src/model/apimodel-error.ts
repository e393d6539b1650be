/**
 * A file of the operator's that cannot be used: API model, parameters, certificate profile or kubeconfig.
 * The message says file, path in it, what was found, what was expected and what to do; never a secret.
 */
export class ModelError extends Error {
  override readonly name = 'ModelError';

  constructor(
    readonly file: string,
    /** Path inside the file, e.g. `properties.masterProfile.count`; '' for the file as a whole. */
    readonly path: string,
    problem: string,
    options?: ErrorOptions,
  ) {
    super(`${file}: ${path === '' ? '' : `${path}: `}${problem}`, options);
  }
}

/** `properties.pools[0].name` of a path in steps. */
export function pathText(path: readonly PropertyKey[]): string {
  return path
    .map((step, index) => (typeof step === 'number' ? `[${step}]` : `${index > 0 ? '.' : ''}${String(step)}`))
    .join('');
}
