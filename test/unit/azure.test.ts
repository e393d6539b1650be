import { createServer as createPlainServer, type Server } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import {
  makeStackCertificates,
  startAzureStack,
  type AzureStack,
  type StackCertificates,
  type StackClient,
  type StackOptions,
} from '../../src/hollow/azure-stack/index.js';
import { generateKey, mintAuthority, type KeyPair } from '../../src/pki/index.js';
import type { CustomCloud } from '../../src/model/custom-cloud.js';
import { openAzure, type Azure, type AzureOptions } from '../../src/adapters/azure/index.js';

const secret = 'p#+w/Ord &=%';
const clientId = 'aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee';
const subscriptionId = '11111111-2222-3333-4444-555555555555';
let certificates: StackCertificates;
let principal: { certificate: string; key: KeyPair };
let client: StackClient;

beforeAll(async () => {
  certificates = await makeStackCertificates(['localhost', '127.0.0.1']);
  const key = await generateKey({ type: 'rsa', bits: 2048 });
  const validity = {
    notBefore: new Date(Date.now() - 3_600_000),
    notAfter: new Date(Date.now() + 3_600_000),
  };
  principal = { certificate: mintAuthority({ commonName: 'keyroll', key, validity }).pem, key };
  client = { id: clientId, secret, certificate: principal.certificate };
});

const open: { close(): Promise<void> }[] = [];
let stack: AzureStack;
afterEach(async () => {
  for (const each of open.splice(0).reverse()) await each.close();
  expect(stack.unknown).toEqual([]);
});

const rebooted: string[] = [];
async function start(options: Partial<StackOptions> = {}): Promise<AzureStack> {
  rebooted.length = 0;
  stack = await startAzureStack({
    tls: certificates,
    identitySystem: 'azure_ad',
    client,
    subscriptionId,
    resourceGroup: 'k8s',
    machines: [0, 1, 2].map((index) => ({ name: `k8s-master-12345678-${index}` })),
    retryAfterSeconds: 7,
    reboot: (name) => {
      rebooted.push(name);
      return Promise.resolve();
    },
    ...options,
  });
  open.push(stack);
  return stack;
}

/** Pauses pass at once and are written down; the time is what the test says. */
function testClock(): { pauses: number[]; ahead: number; now(): number; pause(ms: number): Promise<void> } {
  const clock = {
    pauses: [] as number[],
    ahead: 0,
    now: () => Date.now() + clock.ahead,
    pause: async (ms: number) => {
      clock.pauses.push(ms);
      await new Promise((resolve) => setImmediate(resolve));
    },
  };
  return clock;
}

function options(changes: Partial<AzureOptions> = {}): AzureOptions {
  return {
    environment: 'AzureStackCloud',
    subscriptionId,
    resourceGroup: 'k8s',
    clientId,
    identitySystem: 'azure_ad',
    credential: { method: 'client_secret', secret },
    authorities: certificates.ca,
    ...changes,
  };
}

async function azure(
  changes: Partial<AzureOptions> = {},
  custom: CustomCloud = { resourceManager: stack.addresses.management },
  clock = testClock(),
  env: NodeJS.ProcessEnv = {},
): Promise<Azure> {
  const opened = await openAzure(options(changes), custom, { clock, env });
  open.push(opened);
  return opened;
}

async function message(work: Promise<unknown>): Promise<string> {
  return work.then(
    () => 'no error',
    (error: unknown) => String(error),
  );
}

const byCertificate = (): AzureOptions['credential'] => ({
  method: 'client_certificate',
  certificate: principal.certificate,
  key: principal.key.privatePem,
});

describe('login', () => {
  for (const identitySystem of ['azure_ad', 'adfs'] as const) {
    for (const method of ['client_secret', 'client_certificate'] as const) {
      it(`lists the machines by ${identitySystem} and ${method}`, async () => {
        await start({ identitySystem });
        const credential = method === 'client_secret' ? undefined : byCertificate();
        const cloud = await azure({ identitySystem, ...(credential ? { credential } : {}) });
        const machines = await cloud.machines();
        expect(machines.map(({ computerName }) => computerName)).toEqual(
          [0, 1, 2].map((index) => `k8s-master-12345678-${index}`),
        );
        expect(stack.login.issued).toBe(1);
      });
    }
  }

  it('names the reason of a refusal and never the secret', async () => {
    await start();
    const wrong = 'Wr0ng/secret+of mine';
    const said = await message(
      (await azure({ credential: { method: 'client_secret', secret: wrong } })).machines(),
    );
    expect(said).toContain(
      '/oauth2/token: no token for client aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee: status 401',
    );
    expect(said).toContain('AADSTS7000215');
    expect(said).toContain('check --client-id, --client-secret');
    expect(said).not.toContain(wrong);
  });

  it('refuses a key of another certificate before anything is sent', async () => {
    await start();
    const other = await generateKey({ type: 'rsa', bits: 2048 });
    const credential = { ...byCertificate(), key: other.privatePem } as AzureOptions['credential'];
    const said = await message((await azure({ credential })).machines());
    expect(said).toContain('--private-key-path: found another key; expected that of the certificate');
    expect(said).not.toContain('BEGIN');
    expect(stack.requests.filter((line) => line.startsWith('POST'))).toEqual([]);
  });

  it('renews its token before it ends, and once when it is refused', async () => {
    await start();
    const clock = testClock();
    const cloud = await azure({}, undefined, clock);
    await cloud.machines();
    await cloud.machines();
    expect(stack.login.issued).toBe(1);
    clock.ahead = 56 * 60_000;
    await cloud.machines();
    expect(stack.login.issued).toBe(2);
    stack.login.expireTokens();
    await cloud.machines();
    expect(stack.login.issued).toBe(3);
  });

  it('asks for one token for many requests at once', async () => {
    await start();
    const cloud = await azure();
    await Promise.all([cloud.machines(), cloud.machines(), cloud.machines()]);
    expect(stack.login.issued).toBe(1);
  });

  it('sends no secret to a token endpoint of another host', async () => {
    await start();
    const foreign = await startAzureStack({
      tls: certificates,
      identitySystem: 'adfs',
      client,
      subscriptionId,
      resourceGroup: 'k8s',
      machines: [],
      reboot: () => Promise.resolve(),
      addresses: { management: stack.addresses.management, login: 'https://127.0.0.1:9' },
    });
    open.push(foreign);
    const custom = {
      resourceManager: stack.addresses.management,
      activeDirectory: `https://localhost:${foreign.port}/adfs`,
      audience: 'x',
    };
    const said = await message((await azure({ identitySystem: 'adfs' }, custom)).machines());
    expect(said).toContain(`names the token endpoint https://127.0.0.1:9; expected one at`);
    expect(foreign.requests.filter((line) => line.startsWith('POST'))).toEqual([]);
  });
});

describe('the cloud', () => {
  it('is found by the metadata of the portal’s stack', async () => {
    await start();
    const cloud = await azure();
    await cloud.machines();
    expect(stack.requests[0]).toBe('GET /metadata/endpoints 200');
  });

  it('is refused by name when it is unknown, or when the model has no stack', async () => {
    await start();
    expect(await message(openAzure(options({ environment: 'AzureMoonCloud' }), undefined))).toContain(
      '--azure-env: found AzureMoonCloud; expected one of AzurePublicCloud, AzureChinaCloud, AzureGermanCloud, AzureUSGovernmentCloud, AzureStackCloud',
    );
    expect(await message(openAzure(options(), undefined))).toContain(
      'the API model has no customCloudProfile',
    );
    expect(await message(openAzure(options(), { portalUrl: 'https://stack.example/' }))).toContain(
      'properties.customCloudProfile.portalURL: found https://stack.example/; expected https://portal.<location>.<domain>/',
    );
  });

  it('is not trusted without its CA, and the error says which setting helps', async () => {
    await start();
    const said = await message(azure({ authorities: undefined }));
    expect(said).toContain('its certificate is not trusted');
    expect(said).toContain('NODE_EXTRA_CA_CERTS');
  });

  it('is reached through the proxy of HTTPS_PROXY', async () => {
    await start();
    const tunnels: string[] = [];
    const proxy = await startProxy(tunnels, stack.port);
    const env = { HTTPS_PROXY: `http://me:pass@127.0.0.1:${proxy.port}` };
    // Loopback is never proxied, so the stack gets a name that only the proxy can resolve.
    const named = await startAzureStack({
      tls: await makeStackCertificates(['management.stack.test']),
      identitySystem: 'adfs',
      client,
      subscriptionId,
      resourceGroup: 'k8s',
      machines: [],
      reboot: () => Promise.resolve(),
      addresses: { management: 'https://management.stack.test', login: 'https://management.stack.test' },
    });
    open.push(named);
    proxy.to = named.port;
    const custom = { resourceManager: 'https://management.stack.test' };
    const said = await message(azure({ identitySystem: 'adfs' }, custom, testClock(), env));
    // The tunnel stood; the certificate of the other CA is still refused at its end.
    expect(said).toContain('its certificate is not trusted');
    expect(tunnels).toEqual([`management.stack.test:443 Basic ${Buffer.from('me:pass').toString('base64')}`]);
  });
});

interface TestProxy {
  readonly port: number;
  to: number;
}

function startProxy(tunnels: string[], to: number): Promise<TestProxy> {
  const server: Server = createPlainServer();
  const proxy = { port: 0, to };
  server.on('connect', (request, socket) => {
    tunnels.push(`${request.url ?? ''} ${request.headers['proxy-authorization'] ?? ''}`);
    const onward = connect(proxy.to, '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n');
      onward.pipe(socket).pipe(onward);
    });
    onward.on('error', () => socket.destroy());
    socket.on('error', () => onward.destroy());
  });
  return new Promise((resolve) =>
    server.listen(0, '127.0.0.1', () => {
      proxy.port = (server.address() as AddressInfo).port;
      open.push({ close: () => new Promise((done) => server.close(() => done())) });
      resolve(proxy);
    }),
  );
}

describe('compute', () => {
  it('asks with the newest version that the stack has', async () => {
    await start({ computeVersions: ['2016-03-30', '2017-12-01', '2017-03-30'] });
    const [machine] = await (await azure()).machines();
    expect(machine?.provisioningState).toBe('Succeeded');
  });

  it('names the versions when none is known', async () => {
    await start({ computeVersions: ['2015-06-15'] });
    expect(await message((await azure()).machines())).toContain(
      'offers the compute API in 2015-06-15; expected one of 2020-06-01',
    );
  });

  it('says the power state of machines and of scale-set instances', async () => {
    const scaleSet = 'k8s-master-12345678-vmss';
    await start({
      machines: [
        { name: 'one' },
        { name: 'vmss-0', scaleSet, computerName: 'k8s-master-12345678-vmss000000' },
      ],
    });
    const cloud = await azure();
    const machines = await cloud.machines();
    expect(machines.map(({ computerName }) => computerName)).toEqual([
      'one',
      'k8s-master-12345678-vmss000000',
    ]);
    stack.resources.setPower('one', 'deallocated');
    expect(await Promise.all(machines.map((machine) => cloud.powerState(machine)))).toEqual([
      'deallocated',
      'running',
    ]);
  });

  for (const follow of ['async', 'location'] as const) {
    it(`restarts a machine and follows the operation by ${follow}`, async () => {
      let finish = (): void => undefined;
      await start({ follow, reboot: () => new Promise((resolve) => (finish = resolve)) });
      const clock = testClock();
      const cloud = await azure({}, undefined, clock);
      const [machine] = await cloud.machines();
      if (!machine) throw new Error('no machine');
      let ended = false;
      const restart = cloud.restart(machine).then(() => (ended = true));
      while (clock.pauses.length < 3) await clock.pause(0);
      expect(ended).toBe(false);
      finish();
      await restart;
      expect(clock.pauses).toContain(7000);
      expect(stack.resources.restarts).toEqual(['k8s-master-12345678-0']);
    });
  }

  it('says why a restart failed', async () => {
    await start({ reboot: () => Promise.reject(new Error('no host has room')) });
    const cloud = await azure();
    const [machine] = await cloud.machines();
    if (!machine) throw new Error('no machine');
    const said = await message(cloud.restart(machine));
    expect(said).toContain('/virtualMachines/k8s-master-12345678-0/restart: the operation ended as Failed');
    expect(said).toContain('VMStartTimedOut: Error: no host has room');
  });

  it('never sends a restart twice when its answer was lost', async () => {
    await start();
    const cloud = await azure();
    const [machine] = await cloud.machines();
    if (!machine) throw new Error('no machine');
    stack.fault('cut');
    expect(await message(cloud.restart(machine))).toContain('no answer');
    expect(stack.requests.filter((line) => line.startsWith('POST /subscriptions'))).toHaveLength(1);
  });

  it('waits as long as a 429 asks, also for a restart', async () => {
    await start();
    const clock = testClock();
    const cloud = await azure({}, undefined, clock);
    const [machine] = await cloud.machines();
    if (!machine) throw new Error('no machine');
    stack.fault({ status: 429, headers: { 'retry-after': '23' } });
    await cloud.restart(machine);
    expect(clock.pauses[0]).toBe(23_000);
    expect(rebooted).toEqual(['k8s-master-12345678-0']);
  });

  it('tries reads again, longer each time, then gives up with what to do', async () => {
    await start();
    const clock = testClock();
    const cloud = await azure({}, undefined, clock);
    await cloud.machines();
    stack.fault({ status: 503 }, 'cut', { status: 500 });
    await cloud.machines();
    expect(clock.pauses).toHaveLength(3);
    expect(clock.pauses[2]).toBeGreaterThan(clock.pauses[0] ?? Infinity);
    stack.fault(...Array.from({ length: 6 }, () => 'cut' as const));
    const said = await message(cloud.machines());
    expect(said).toMatch(/no answer after 6 tries .*--skip-gate azure/);
  });

  it('says what is missing: group, role, shape of the answer', async () => {
    await start();
    const other = await azure({ resourceGroup: 'other' });
    expect(await message(other.machines())).toContain(
      'status 404 (ResourceGroupNotFound: The resource group could not be found.); check --subscription-id and --resource-group',
    );
    const cloud = await azure();
    await cloud.machines();
    stack.fault({ status: 403, body: { error: { code: 'AuthorizationFailed', message: 'no' } } });
    expect(await message(cloud.machines())).toContain('role Contributor');
    stack.fault({ status: 200, body: { value: [{ id: 5 }] } });
    expect(await message(cloud.machines())).toContain('the answer is not as expected at id');
    stack.fault({ status: 200, body: { value: [], nextLink: 'https://elsewhere.test/x' } });
    expect(await message(cloud.machines())).toContain(
      'it names an address at https://elsewhere.test; expected one of its own',
    );
  });
});

afterAll(() => expect(open).toEqual([]));
