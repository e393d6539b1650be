import { readdirSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { fileLine } from '../steps/file-lines.js';
import { ScriptNode } from './testing/script-node.js';

let node: ScriptNode;
beforeEach(() => {
  node = new ScriptNode();
});
afterEach(() => node.remove());

const line = (path: string, text: string): string => fileLine(path, '600', 'root:root', text);
const input = line('/etc/certs/a.crt', 'new certificate') + line('/etc/certs/a.key', 'new key');
const install = (text: string): ReturnType<ScriptNode['run']> =>
  node.run('with-input', [String(input.length), 'install-files', 'r'], text);

describe('with-input.sh', () => {
  it('changes nothing when the connection was cut in the middle, wherever that was', () => {
    node.write('etc/certs/a.crt', 'old certificate');
    node.write('etc/certs/a.key', 'old key');
    for (const cut of [0, 20, input.indexOf('\n') + 1, input.length - 1]) {
      const { code, out } = install(input.slice(0, cut));
      expect([code, out]).toEqual([
        1,
        `install-files: ${cut} of ${input.length} bytes came, and nothing was done\n`,
      ]);
      expect([node.read('etc/certs/a.crt'), node.read('etc/certs/a.key')]).toEqual([
        'old certificate',
        'old key',
      ]);
    }
    expect(readdirSync(node.at('var/lib/keyroll'))).toEqual(['steps']);
  });

  it('hands over what came whole, and leaves no copy of it', () => {
    expect(install(input).code).toBe(0);
    expect([node.read('etc/certs/a.crt'), node.read('etc/certs/a.key')]).toEqual([
      'new certificate',
      'new key',
    ]);
    expect(readdirSync(node.at('var/lib/keyroll')).filter((name) => name.startsWith('.'))).toEqual([]);
  });
});
