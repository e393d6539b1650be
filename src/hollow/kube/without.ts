/** A copy of an object that lacks some of its fields. */
export function without<T extends object, K extends keyof T>(object: T, ...fields: readonly K[]): Omit<T, K> {
  return Object.fromEntries(
    Object.entries(object).filter(([field]) => !(fields as readonly string[]).includes(field)),
  ) as Omit<T, K>;
}
