import { randomUUID } from 'node:crypto';
import { armError, json, UnknownRequest, type Answer, type Question } from './answer.js';
import type { StackAddresses, StackMachine, StackOptions } from './options.js';

interface Operation {
  status: 'InProgress' | 'Succeeded' | 'Failed';
  error?: { code: string; message: string };
}

const defaultVersions = ['2020-06-01', '2019-12-01', '2019-07-01', '2018-10-01', '2017-12-01', '2017-03-30'];

/** Microsoft.Compute of the stand-in: one resource group with machines that can be looked at and restarted. */
export class Resources {
  readonly #options: StackOptions;
  readonly #addresses: StackAddresses;
  readonly #power = new Map<string, string>();
  readonly #operations = new Map<string, Operation>();
  /** Machines that were restarted, in order. */
  readonly restarts: string[] = [];

  constructor(options: StackOptions, addresses: StackAddresses) {
    this.#options = options;
    this.#addresses = addresses;
    for (const { name } of options.machines) this.#power.set(name, 'running');
  }

  /** What a machine's instance view says from now on: `running`, `deallocated`, … */
  setPower(machine: string, state: string): void {
    if (!this.#power.has(machine)) throw new Error(`stand-in: has no machine ${machine}`);
    this.#power.set(machine, state);
  }

  answer(question: Question): Answer {
    const subscription = `/subscriptions/${this.#options.subscriptionId}`;
    const { path, method } = question;
    if (!starts(path, subscription))
      return armError(404, 'SubscriptionNotFound', 'The subscription could not be found.');
    const rest = path.slice(subscription.length);
    if (method === 'GET' && same(rest, '/providers/Microsoft.Compute')) return this.#provider(question);
    const refused = this.#refusedVersion(question);
    if (refused !== undefined) return refused;
    const operation = /^\/providers\/Microsoft\.Compute\/locations\/local\/operations\/([^/]+)$/i.exec(rest);
    if (method === 'GET' && operation) return this.#operation(operation[1] ?? '', question);
    return this.#inGroup(rest, question);
  }

  #provider({ query }: Question): Answer {
    if (query.get('api-version') !== '2018-02-01')
      throw new UnknownRequest('another version of the providers');
    const types = ['virtualMachines', 'virtualMachineScaleSets'];
    const apiVersions = this.#options.computeVersions ?? defaultVersions;
    return json({
      namespace: 'Microsoft.Compute',
      resourceTypes: types.map((resourceType) => ({ resourceType, apiVersions })),
    });
  }

  #refusedVersion({ query }: Question): Answer | undefined {
    const version = query.get('api-version');
    if (version === null)
      return armError(400, 'MissingApiVersionParameter', 'The api-version query parameter is required.');
    if ((this.#options.computeVersions ?? defaultVersions).includes(version)) return undefined;
    return armError(400, 'NoRegisteredProviderFound', `No provider is registered for version '${version}'.`);
  }

  #inGroup(rest: string, question: Question): Answer {
    const group = `/resourceGroups/${this.#options.resourceGroup}/providers/Microsoft.Compute`;
    if (!starts(rest, group))
      return armError(404, 'ResourceGroupNotFound', 'The resource group could not be found.');
    const words = rest.slice(group.length).split('/').filter(Boolean);
    const [kind = '', name = ''] = words;
    if (same(kind, 'virtualMachines')) return this.#machines(undefined, words.slice(1), question);
    if (!same(kind, 'virtualMachineScaleSets'))
      throw new UnknownRequest(`${question.method} ${question.path}`);
    if (words.length === 1 && question.method === 'GET') return this.#sets();
    if (!same(words[2] ?? '', 'virtualMachines'))
      throw new UnknownRequest(`${question.method} ${question.path}`);
    return this.#machines(name, words.slice(3), question);
  }

  #sets(): Answer {
    const names = new Set(this.#options.machines.flatMap(({ scaleSet }) => scaleSet ?? []));
    return json({ value: [...names].map((name) => ({ id: this.#setId(name), name })) });
  }

  #machines(set: string | undefined, words: readonly string[], question: Question): Answer {
    const own = this.#options.machines.filter((machine) => machine.scaleSet === set);
    const [name, action] = words;
    if (name === undefined && question.method === 'GET') return this.#page(own, question);
    const machine = own.find((each) => same(last(this.#idOf(each)), name ?? ''));
    if (machine === undefined)
      return armError(404, 'ResourceNotFound', `The Resource '${name ?? ''}' was not found.`);
    if (question.method === 'GET' && action === undefined) {
      const view = question.query.get('$expand') === 'instanceView';
      return json(this.#described(machine, view));
    }
    if (question.method === 'GET' && action === 'instanceView' && set !== undefined)
      return json(this.#view(machine));
    if (question.method === 'POST' && action === 'restart') return this.#restart(machine, question);
    throw new UnknownRequest(`${question.method} ${question.path}`);
  }

  /** Two machines a page, so that a client has to follow nextLink. */
  #page(own: readonly StackMachine[], { path, query }: Question): Answer {
    const from = Number(query.get('$skiptoken') ?? 0);
    const next = new URLSearchParams({
      'api-version': query.get('api-version') ?? '',
      $skiptoken: String(from + 2),
    });
    const value = own.slice(from, from + 2).map((machine) => this.#described(machine, false));
    const more = from + 2 < own.length;
    return json({
      value,
      ...(more ? { nextLink: `${this.#addresses.management}${path}?${next.toString()}` } : {}),
    });
  }

  #described(machine: StackMachine, withView: boolean): unknown {
    const { name, computerName = name } = machine;
    const id = this.#idOf(machine);
    return {
      id,
      name: machine.scaleSet === undefined ? name : `${machine.scaleSet}_${last(id)}`,
      location: 'local',
      properties: {
        provisioningState: 'Succeeded',
        osProfile: { computerName },
        ...(withView ? { instanceView: this.#view(machine) } : {}),
      },
    };
  }

  #view({ name }: StackMachine): unknown {
    const power = this.#power.get(name) ?? 'unknown';
    return {
      statuses: [
        { code: 'ProvisioningState/succeeded', level: 'Info', displayStatus: 'Provisioning succeeded' },
        { code: `PowerState/${power}`, level: 'Info', displayStatus: `VM ${power}` },
      ],
    };
  }

  #restart({ name }: StackMachine, { query }: Question): Answer {
    if (this.#power.get(name) !== 'running')
      return armError(409, 'OperationNotAllowed', `Machine ${name} is not running.`);
    const id = randomUUID();
    const operation: Operation = { status: 'InProgress' };
    this.#operations.set(id, operation);
    this.restarts.push(name);
    this.#power.set(name, 'starting');
    void this.#options.reboot(name).then(
      () => {
        this.#power.set(name, 'running');
        operation.status = 'Succeeded';
      },
      (error: unknown) => {
        operation.status = 'Failed';
        operation.error = { code: 'VMStartTimedOut', message: String(error) };
      },
    );
    return { status: 202, headers: this.#pointers(id, query.get('api-version') ?? '') };
  }

  #pointers(id: string, version: string): Record<string, string> {
    const own = `${this.#addresses.management}/subscriptions/${this.#options.subscriptionId}`;
    const at = `${own}/providers/Microsoft.Compute/locations/local/operations/${id}?api-version=${version}`;
    const follow = this.#options.follow ?? 'async';
    return {
      'retry-after': String(this.#options.retryAfterSeconds ?? 1),
      ...(follow === 'async' ? { 'azure-asyncoperation': at } : {}),
      location: `${at}&monitor=true`,
    };
  }

  #operation(id: string, { query }: Question): Answer {
    const found = this.#operations.get(id);
    if (found === undefined) return armError(404, 'NotFound', `There is no operation ${id}.`);
    const pause = { 'retry-after': String(this.#options.retryAfterSeconds ?? 1) };
    if (query.get('monitor') !== 'true')
      return {
        status: 200,
        headers: found.status === 'InProgress' ? pause : {},
        body: { name: id, ...found },
      };
    if (found.status === 'InProgress') return { status: 202, headers: pause };
    return found.status === 'Succeeded'
      ? { status: 200 }
      : armError(500, found.error?.code ?? 'Failed', found.error?.message ?? '');
  }

  #setId(name: string): string {
    const { subscriptionId, resourceGroup } = this.#options;
    return `/subscriptions/${subscriptionId}/resourceGroups/${resourceGroup}/providers/Microsoft.Compute/virtualMachineScaleSets/${name}`;
  }

  #idOf({ name, scaleSet }: StackMachine): string {
    const { subscriptionId, resourceGroup, machines } = this.#options;
    if (scaleSet === undefined)
      return `/subscriptions/${subscriptionId}/resourceGroups/${resourceGroup}/providers/Microsoft.Compute/virtualMachines/${name}`;
    const index = machines
      .filter((each) => each.scaleSet === scaleSet)
      .findIndex((each) => each.name === name);
    return `${this.#setId(scaleSet)}/virtualMachines/${index}`;
  }
}

function last(id: string): string {
  return id.split('/').at(-1) ?? '';
}

/** Resource paths do not mind upper and lower case. */
function same(a: string, b: string): boolean {
  return a.toLowerCase() === b.toLowerCase();
}

function starts(path: string, prefix: string): boolean {
  return same(path.slice(0, prefix.length), prefix) && ['', '/'].includes(path.charAt(prefix.length));
}
