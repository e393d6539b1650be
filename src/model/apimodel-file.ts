import { readFile } from 'node:fs/promises';
import { parseTree, type ParseError } from 'jsonc-parser';
import type { z } from 'zod';
import { ModelError, pathText } from './apimodel-error.js';

/**
 * The text of a file, byte for byte: text that is not UTF-8 is refused, since writing it back would change it.
 * @throws ModelError when it cannot be read
 */
export async function readText(file: string, advice: string): Promise<string> {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(await readFile(file));
  } catch (cause) {
    const found = cause instanceof Error ? cause.message : String(cause);
    throw new ModelError(file, '', `cannot be read (${found}); ${advice}`, { cause });
  }
}

/** @throws ModelError when the text is not JSON, with the place; the parser's message is left out, it may quote a secret */
export function parseJson(text: string, file: string, advice: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (cause) {
    if (!(cause instanceof SyntaxError)) throw cause;
    throw new ModelError(file, '', `is not JSON (${placeOfError(text)}); ${advice}`);
  }
}

function placeOfError(text: string): string {
  const errors: ParseError[] = [];
  parseTree(text, errors, { disallowComments: true });
  const before = text.slice(0, errors[0]?.offset ?? text.length).split('\n');
  return `line ${before.length}, column ${(before.at(-1) ?? '').length + 1}`;
}

/**
 * A value as its schema says, unknown fields kept.
 * @param secret paths that begin so are described by their type only
 * @throws ModelError for the first field that differs
 */
export function validate<Schema extends z.ZodType>(
  schema: Schema,
  value: unknown,
  { file, advice, secret = [] }: { file: string; advice: string; secret?: readonly string[] },
): z.output<Schema> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const [problem] = problemsOf(schema, value, secret);
  throw new ModelError(file, problem?.path ?? '', `${problem?.what ?? 'found something else'}; ${advice}`);
}

/**
 * All fields that differ from a schema: where, what was found, what was expected.
 * @param secret paths that begin so are described by their type only
 */
export function problemsOf(
  schema: z.ZodType,
  value: unknown,
  secret: readonly string[],
): { readonly path: string; readonly what: string }[] {
  const issues = schema.safeParse(value).error?.issues ?? [];
  return issues.map((issue) => {
    const steps = issue.path;
    const path = pathText(steps);
    const hidden =
      secret.some((prefix) => path.startsWith(prefix)) || steps.some((step) => SECRET.test(String(step)));
    const expected = issue.message.replace(/^Invalid \w+: expected /, '').replace(/, received .*/, '');
    return { path, what: `found ${describe(valueAt(value, steps), hidden)}; expected ${expected}` };
  });
}

const SECRET = /password|secret|private|key$/i;

function valueAt(value: unknown, steps: readonly PropertyKey[]): unknown {
  let found = value;
  for (const step of steps) {
    found =
      typeof found === 'object' && found !== null ? (found as Record<PropertyKey, unknown>)[step] : undefined;
  }
  return found;
}

function describe(value: unknown, secret: boolean): string {
  if (value === undefined) return 'nothing';
  if (value === null) return 'null';
  if (Array.isArray(value)) return `a list of ${value.length}`;
  if (typeof value === 'object') return 'an object';
  if (value === '') return 'an empty text';
  return secret ? `a ${typeof value} (not shown)` : JSON.stringify(value).slice(0, 60);
}
