/** The few fields of the API's JSON that the probe reads. */
export interface ConfigMapJson {
  readonly metadata?: { readonly name?: string; readonly resourceVersion?: string };
  readonly data?: Readonly<Record<string, unknown>>;
}

export interface ConfigMapListJson {
  readonly metadata?: { readonly resourceVersion?: string; readonly continue?: string };
  readonly items?: readonly ConfigMapJson[];
}

export interface WatchEventJson {
  readonly type?: string;
  readonly object?: ConfigMapJson & { readonly code?: number; readonly message?: string };
}

/** What the API server sent, of which only the optional fields above are read. @throws Error when it is no JSON object */
export function parseObject(text: string): ConfigMapJson & ConfigMapListJson & WatchEventJson {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null) return value;
  } catch (error) {
    throw new Error(`expected a JSON object, found "${text.slice(0, 80)}"`, { cause: error });
  }
  throw new Error(`expected a JSON object, found "${text.slice(0, 80)}"`);
}

/** @throws Error when the object has none */
export function resourceVersionOf(object: {
  readonly metadata?: { readonly resourceVersion?: string };
}): string {
  const version = object.metadata?.resourceVersion;
  if (version === undefined || version === '') throw new Error('expected an object with a resourceVersion');
  return version;
}
