/** A request that is answered with a Kubernetes `Status`. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  constructor(
    readonly code: number,
    readonly reason: string,
    message: string,
    readonly details?: object,
  ) {
    super(message);
  }

  /** The `Status` object. */
  get status(): object {
    const { code, reason, message, details } = this;
    return {
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Failure',
      message,
      reason,
      ...(details === undefined ? {} : { details }),
      code,
    };
  }
}

const named = (group: string, plural: string): string => (group === '' ? plural : `${plural}.${group}`);

interface What {
  readonly group: string;
  readonly plural: string;
}

export const notFound = ({ group, plural }: What, name: string): ApiError =>
  new ApiError(404, 'NotFound', `${named(group, plural)} "${name}" not found`, { name, kind: plural });

export const alreadyExists = ({ group, plural }: What, name: string): ApiError =>
  new ApiError(409, 'AlreadyExists', `${named(group, plural)} "${name}" already exists`, {
    name,
    kind: plural,
  });

export const conflict = ({ group, plural }: What, name: string, why: string): ApiError =>
  new ApiError(
    409,
    'Conflict',
    `Operation cannot be fulfilled on ${named(group, plural)} "${name}": ${why}`,
    {
      name,
      kind: plural,
    },
  );

export const changedMeanwhile =
  'the object has been modified; please apply your changes to the latest version and try again';

export const badRequest = (message: string): ApiError => new ApiError(400, 'BadRequest', message);
export const invalid = (message: string): ApiError => new ApiError(422, 'Invalid', message);
export const forbidden = (message: string): ApiError => new ApiError(403, 'Forbidden', message);
export const unauthorized = (): ApiError => new ApiError(401, 'Unauthorized', 'Unauthorized');
export const internal = (message: string): ApiError => new ApiError(500, 'InternalError', message);
export const noSuchPath = (): ApiError =>
  new ApiError(404, 'NotFound', 'the server could not find the requested resource');

/** What a real API server does and this one does not: never guessed at. */
export const notModelled = (what: string): ApiError =>
  new ApiError(501, 'NotImplemented', `the hollow kube-apiserver does not know ${what}`);
