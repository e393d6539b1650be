import type { CustomCloud } from '../../model/custom-cloud.js';
import { openHttpClient, type HttpClient } from '../http/client.js';
import { trustedAuthorities } from '../http/trust.js';
import { environmentStreams } from '../http/tunnel.js';
import { Arm } from './arm.js';
import { findTokenEndpoint } from './authority.js';
import { compute, type Compute } from './compute.js';
import { findEnvironment } from './environment.js';
import { realClock, retryingHttp, type Clock } from './http.js';
import type { AzureOptions } from './options.js';
import { tokenSource } from './token.js';

export { AzureError } from './error.js';
export type { Compute, Machine } from './compute.js';
export type { AzureOptions } from './options.js';

/** The machines of a cluster's resource group in its cloud. */
export interface Azure extends Compute {
  close(): Promise<void>;
}

export interface AzureSurroundings {
  readonly env?: NodeJS.ProcessEnv;
  readonly clock?: Clock;
}

/**
 * Finds the cloud, and opens a client of it; tokens are asked for when they are needed, and renewed in a long run.
 * `HTTPS_PROXY`, `NO_PROXY` and `NODE_EXTRA_CA_CERTS` count.
 * @throws AzureError when the cloud is unknown or does not say where its login is
 */
export async function openAzure(
  options: AzureOptions,
  custom: CustomCloud | undefined,
  { env = process.env, clock = realClock }: AzureSurroundings = {},
): Promise<Azure> {
  const client = openHttpClient({
    ca: trustedAuthorities(options.authorities, env),
    connect: environmentStreams(env),
  });
  try {
    return await withClient(client, options, custom, clock);
  } catch (error) {
    await client.close();
    throw error;
  }
}

async function withClient(
  client: HttpClient,
  options: AzureOptions,
  custom: CustomCloud | undefined,
  clock: Clock,
): Promise<Azure> {
  const http = retryingHttp(client, clock);
  const environment = await findEnvironment(options.environment, custom, http);
  const endpoint = (): Promise<string> => findTokenEndpoint(environment, options, http);
  const tokens = tokenSource({ endpoint, audience: environment.audience, options }, http);
  const arm = new Arm(environment, tokens, http);
  return {
    ...compute(arm, options.subscriptionId, options.resourceGroup),
    close: () => client.close(),
  };
}
