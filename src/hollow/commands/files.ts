import { statSync, lstatSync } from 'node:fs';
import { resolve } from 'node:path';
import { NotKnownError, readOptions, type Answer, type Call } from './command.js';

/** `chown USER:GROUP FILE…`: kept by the machine, since an ordinary user cannot give files away. */
export function chown({ node, args, env }: Call): Answer {
  const [owner = '', ...files] = readOptions('chown', args, {}).rest;
  if (!/^[a-z_][a-z0-9_-]*:[a-z_][a-z0-9_-]*$/.test(owner))
    throw new NotKnownError(`chown: invalid user: '${owner}'`);
  for (const file of files) node.owners.give(resolve(env['PWD'] ?? '/', file), owner);
  return { code: 0 };
}

/** `stat [-L] -c FORMAT FILE…` with %a, %U, %G, %s, %Y and %n. */
export function stat({ node, args, env }: Call): Answer {
  const { flags, values, rest } = readOptions('stat', args, { flags: ['-L'], values: ['-c'] });
  const format = values.get('-c')?.[0] ?? '';
  const unknown = /%[^aUGsYn]/.exec(format)?.[0];
  if (format === '' || unknown !== undefined)
    throw new NotKnownError(`stat: expected -c with %a, %U, %G, %s, %Y, %n, found ${unknown ?? 'none'}`);
  const lines: string[] = [];
  const errors: string[] = [];
  for (const name of rest) {
    const file = resolve(env['PWD'] ?? '/', name);
    try {
      const seen = flags.has('-L') ? statSync(file) : lstatSync(file);
      const [user = '', group = ''] = node.owners.of(file).split(':');
      const told: Readonly<Record<string, string>> = {
        '%a': (seen.mode & 0o7777).toString(8),
        '%U': user,
        '%G': group,
        '%s': String(seen.size),
        '%Y': String(Math.floor(seen.mtimeMs / 1000)),
        '%n': name,
      };
      lines.push(format.replace(/%[aUGsYn]/g, (field) => told[field] ?? field));
    } catch (error) {
      errors.push(`stat: ${(error as Error).message}`);
    }
  }
  const text = (said: readonly string[]): string => said.map((line) => `${line}\n`).join('');
  return { code: errors.length === 0 ? 0 : 1, out: text(lines), err: text(errors) };
}
