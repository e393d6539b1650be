/**
 * A function that keeps what it made, by its text, and makes it once: for what is dear and depends on nothing else. What it
 * gives is shared, so nobody may change it.
 * @param most more are not kept: those that were made first go
 */
export function kept<T>(most: number, make: (text: string) => T): (text: string) => T {
  const made = new Map<string, { readonly value: T }>();
  return (text) => {
    const found = made.get(text);
    if (found) return found.value;
    const value = make(text);
    const [oldest] = made.keys();
    if (made.size >= most && oldest !== undefined) made.delete(oldest);
    made.set(text, { value });
    return value;
  };
}
