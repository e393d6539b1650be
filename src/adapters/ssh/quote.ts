/** Characters that no POSIX shell gives a meaning to, so that a word of them alone reads better unquoted. */
const plain = /^[A-Za-z0-9_/.:@%+-]+$/;

/**
 * Makes one line of POSIX shell that passes exactly `args` as words, whatever they hold (newlines and quotes too).
 * This is the only place where a command line for a node is put together.
 * @throws Error for a NUL byte, which no argument can hold
 */
export function quote(args: readonly string[]): string {
  return args.map(quoteWord).join(' ');
}

function quoteWord(word: string): string {
  if (word.includes('\0'))
    throw new Error('a shell argument holds a NUL byte, which no command line can carry');
  return plain.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
