/** What was asked for on the command line or by an environment variable cannot be done; nothing was touched. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}
