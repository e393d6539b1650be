/** A stand-in for Azure Stack Hub; knows nothing of keyroll. */
export { makeStackCertificates, type StackCertificates } from './certificates.js';
export type { StackClient, StackOptions } from './options.js';
export { startAzureStack, type AzureStack } from './server.js';
