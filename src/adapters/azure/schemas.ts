import { z } from 'zod';
import { AzureError } from './error.js';

/** `GET {arm}/metadata/endpoints` of Azure Stack Hub. */
export const metadataSchema = z.looseObject({
  authentication: z.looseObject({
    loginEndpoint: z.url(),
    audiences: z.array(z.string().min(1)).min(1),
  }),
});

export const openIdSchema = z.looseObject({ token_endpoint: z.url() });

/** Seconds come as text from older endpoints. */
const seconds = z.coerce.number().positive();

export const tokenSchema = z.looseObject({ access_token: z.string().min(1), expires_in: seconds });

/** What a token endpoint says when it refuses. */
export const tokenErrorSchema = z.looseObject({
  error: z.string(),
  error_description: z.string().nullish(),
});

const armErrorBody = z.looseObject({ code: z.string().nullish(), message: z.string().nullish() });
export const armErrorSchema = z.looseObject({ error: armErrorBody });

export const providerSchema = z.looseObject({
  resourceTypes: z.array(
    z.looseObject({ resourceType: z.string(), apiVersions: z.array(z.string()).nullish() }),
  ),
});

const statuses = z.array(z.looseObject({ code: z.string(), displayStatus: z.string().nullish() })).nullish();

/** A virtual machine, or an instance of a scale set. */
export const machineSchema = z.looseObject({
  id: z.string().min(1),
  name: z.string().min(1),
  properties: z.looseObject({
    provisioningState: z.string().nullish(),
    osProfile: z.looseObject({ computerName: z.string().nullish() }).nullish(),
    instanceView: z.looseObject({ statuses }).nullish(),
  }),
});

export const instanceViewSchema = z.looseObject({ statuses });

export const scaleSetSchema = z.looseObject({ id: z.string().min(1), name: z.string().min(1) });

/** One page of a list. */
export const pageSchema = z.looseObject({ value: z.array(z.unknown()), nextLink: z.string().nullish() });

/** A long-running operation, asked at its Azure-AsyncOperation address. */
export const operationSchema = z.looseObject({
  status: z.string().min(1),
  error: armErrorBody.nullish(),
});

/** A value as its schema says. @throws AzureError naming the place in the answer and what was expected; never values */
export function checked<Schema extends z.ZodType>(
  schema: Schema,
  value: unknown,
  where: string,
): z.output<Schema> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const place = issue?.path.map(String).join('.') ?? '';
  throw new AzureError('protocol', {
    where,
    what: `the answer is not as expected at ${place === '' ? 'its root' : place} (${issue?.message ?? 'unknown'})`,
    next: 'see that this address is the one of Azure or of the Azure Stack Hub, and that no proxy answers for it',
  });
}

/** JSON, or undefined for anything else. */
export function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    // Proxies and load balancers answer in HTML; the schema then says what is missing.
    return undefined;
  }
}
