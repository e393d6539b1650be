import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { azureCliFolder, selectedSubscription } from './azure-cli-folder.js';

let folder: string;
beforeEach(() => void (folder = mkdtempSync(join(tmpdir(), 'keyroll-az-'))));
afterEach(() => rmSync(folder, { recursive: true }));
const write = (name: string, text: string): void => writeFileSync(join(folder, name), text);

describe('the subscription that is selected in the Azure CLI', () => {
  it('is the one of the selected cloud', () => {
    write('config', '[core]\nname = no\n[cloud]\nname = AzureStackCloud\n');
    write('clouds.config', '[AzureCloud]\nsubscription = one\n\n[AzureStackCloud]\r\nsubscription = two\r\n');
    expect(selectedSubscription(folder)).toBe('two');
    write('config', '');
    expect(selectedSubscription(folder)).toBe('one');
  });
  it('is else the default one of the profile, which begins with a byte order mark', () => {
    const subscriptions = [
      { id: 'a', isDefault: false },
      { id: 'b', isDefault: true, environmentName: 'AzureCloud' },
    ];
    write('azureProfile.json', `\uFEFF${JSON.stringify({ subscriptions })}`);
    expect(selectedSubscription(folder)).toBe('b');
    write('azureProfile.json', '{');
    expect(() => selectedSubscription(folder)).toThrow(
      /azureProfile\.json: is not JSON; .*--subscription-id/,
    );
  });
  it('is not known without the folder', () => {
    expect(selectedSubscription(join(folder, 'none'))).toBeUndefined();
    expect(azureCliFolder({ AZURE_CONFIG_DIR: '/x' })).toBe('/x');
    expect(azureCliFolder({})).toMatch(/\/\.azure$/);
  });
});
