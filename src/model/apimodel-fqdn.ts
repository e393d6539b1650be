/** What a cluster's public name is made of. */
export interface FqdnParts {
  readonly fqdn: string | null | undefined;
  readonly dnsPrefix: string;
  readonly location: string;
  /** Of the custom cloud's environment. */
  readonly vmDnsSuffix: string | null | undefined;
}

const PUBLIC_SUFFIX = 'cloudapp.azure.com';
const SOVEREIGN: readonly (readonly [prefix: RegExp, suffix: string])[] = [
  [/^china/, 'cloudapp.chinacloudapi.cn'],
  [/^us(gov|dod)/, 'cloudapp.usgovcloudapi.net'],
  [/^germany(central|northeast)/, 'cloudapp.microsoftazure.de'],
];

/** The name of the masters' load balancer: as the model says, or `<prefix>.<location>.<suffix of the cloud>`. */
export function masterFqdn({ fqdn, dnsPrefix, location, vmDnsSuffix }: FqdnParts): string {
  if (fqdn) return fqdn;
  const sovereign = SOVEREIGN.find(([prefix]) => prefix.test(location))?.[1];
  return `${dnsPrefix}.${location}.${vmDnsSuffix || (sovereign ?? PUBLIC_SUFFIX)}`;
}

/** Locations compare in lower case without spaces: "West Europe" is `westeurope`. */
export const normalizeLocation = (location: string): string => location.toLowerCase().replaceAll(' ', '');
