/** Prints a figure or a finding; a test's output is read by people too. */
export function say(text: string): void {
  process.stdout.write(`    ${text}\n`);
}
