/** How the service principal proves who it is. */
export type AzureCredential =
  | { readonly method: 'client_secret'; readonly secret: string }
  /** PEM texts; the key is RSA and not encrypted. */
  | { readonly method: 'client_certificate'; readonly certificate: string; readonly key: string };

/** What the Azure flags of `rotate-certs` say, files read. Secrets in it are shown nowhere. */
export interface AzureOptions {
  /** `--azure-env`; a model with a customCloudProfile stands above it. */
  readonly environment: string;
  readonly subscriptionId: string;
  readonly resourceGroup: string;
  readonly clientId: string;
  readonly identitySystem: 'azure_ad' | 'adfs';
  readonly credential: AzureCredential;
  /** PEM of the stack's own CA, besides those that Node trusts. */
  readonly authorities?: string | undefined;
}
