import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { EtcdEvent, EtcdMember, KeyValue } from '../contracts.js';
import { timestamp, type KubeObject } from '../kube/objects.js';
import type { Resource } from '../kube/resources.js';
import { without } from '../kube/without.js';
import { alreadyExists, changedMeanwhile, conflict, internal, notFound } from './api-error.js';
import type { EtcdLink } from './etcd-link.js';

export interface Listed {
  readonly revision: number;
  readonly objects: readonly KubeObject[];
}

export interface StorageEvent {
  readonly revision: number;
  /** Undefined when it was deleted. */
  readonly now: KubeObject | undefined;
  /** Undefined when it is new. */
  readonly before: KubeObject | undefined;
}

/** How often a change is begun anew because somebody else's came first. */
const changeAttempts = 20;

/**
 * Objects in etcd: one key each, JSON, without its `resourceVersion`, which is etcd's revision of the key.
 * What etcd refuses becomes a 500 with etcd's own words, as in the real one.
 */
export class Storage {
  constructor(
    private readonly etcd: EtcdLink,
    private readonly log: (line: string) => void,
  ) {}

  async get(resource: Resource, namespace: string | undefined, name: string): Promise<KubeObject> {
    const found = await this.find(resource, namespace, name);
    if (!found) throw notFound(resource, name);
    return found;
  }

  async find(
    resource: Resource,
    namespace: string | undefined,
    name: string,
  ): Promise<KubeObject | undefined> {
    const { kvs } = await this.#ask((member) => member.get(keyFor(resource, namespace, name)));
    return kvs[0] && decode(kvs[0]);
  }

  /** In the order of their keys: by namespace, then by name. */
  async list(resource: Resource, namespace?: string): Promise<Listed> {
    const { revision, kvs } = await this.#ask((member) => member.range(prefixFor(resource, namespace)));
    return { revision, objects: kvs.map(decode) };
  }

  /** Gives it uid and creation time. @throws ApiError 409 when there is one of that name */
  async create(resource: Resource, object: KubeObject, dryRun = false): Promise<KubeObject> {
    const { name, namespace } = object.metadata;
    const stamped = {
      ...object,
      metadata: { ...object.metadata, uid: randomUUID(), creationTimestamp: timestamp() },
    };
    if (dryRun) {
      if (await this.find(resource, namespace, name)) throw alreadyExists(resource, name);
      return stamped;
    }
    const key = keyFor(resource, namespace, name);
    const answer = await this.#ask((member) => member.put(key, encode(stamped), { ifRevision: 0 }));
    if (!answer.done) throw alreadyExists(resource, name);
    return withVersion(stamped, answer.revision);
  }

  /**
   * Replaces an object by what `change` makes of it; begun anew when somebody else's change came between, unless the new
   * object insists on the version that was read. A change that changes nothing writes nothing.
   */
  async change(
    resource: Resource,
    namespace: string | undefined,
    name: string,
    change: (found: KubeObject) => KubeObject | Promise<KubeObject>,
    dryRun = false,
  ): Promise<KubeObject> {
    for (let attempt = 0; attempt < changeAttempts; attempt += 1) {
      const found = await this.get(resource, namespace, name);
      const wanted = await change(structuredClone(found));
      const insisted = wanted.metadata.resourceVersion;
      if (insisted !== undefined && insisted !== found.metadata.resourceVersion)
        throw conflict(resource, name, changedMeanwhile);
      if (dryRun || encode(wanted) === encode(found))
        return withVersion(wanted, Number(found.metadata.resourceVersion));
      const changed = await this.#replace(resource, found, wanted);
      if (changed) return changed;
    }
    throw conflict(resource, name, changedMeanwhile);
  }

  /** @returns what was deleted. @throws ApiError 404, or 409 when it is no longer the version that was given */
  async remove(resource: Resource, object: KubeObject): Promise<KubeObject> {
    const { name, namespace, resourceVersion } = object.metadata;
    const key = keyFor(resource, namespace, name);
    const condition = resourceVersion === undefined ? {} : { ifRevision: Number(resourceVersion) };
    const answer = await this.#ask((member) => member.delete(key, condition));
    if (answer.done) return object;
    throw answer.found ? conflict(resource, name, changedMeanwhile) : notFound(resource, name);
  }

  /** Tells every change after a revision until `stop`; a lost connection to etcd is made again without losing any. */
  watch(
    resource: Resource,
    namespace: string | undefined,
    after: number,
    onEvent: (event: StorageEvent) => void,
  ): { stop(): void } {
    let seen = after;
    let stopped = false;
    let current: { stop(): void } | undefined;
    const begin = async (): Promise<void> => {
      const member = await this.etcd.member();
      if (stopped) return;
      const told = (event: EtcdEvent): void => {
        seen = event.now.modRevision;
        if (!stopped) onEvent(eventOf(event));
      };
      current = member.watch(prefixFor(resource, namespace), seen, told, () => again());
    };
    const again = (): void => {
      if (stopped) return;
      begin().catch(async (error: unknown) => {
        if (stopped) return;
        this.log(`watch of ${resource.plural}: ${(error as Error).message}`);
        await sleep(100);
        again();
      });
    };
    again();
    return {
      stop: () => {
        stopped = true;
        current?.stop();
      },
    };
  }

  async #replace(resource: Resource, found: KubeObject, wanted: KubeObject): Promise<KubeObject | undefined> {
    const { name, namespace, resourceVersion } = found.metadata;
    const key = keyFor(resource, namespace, name);
    const answer = await this.#ask((member) =>
      member.put(key, encode(wanted), { ifRevision: Number(resourceVersion) }),
    );
    return answer.done ? withVersion(wanted, answer.revision) : undefined;
  }

  async #ask<T>(call: (member: EtcdMember) => Promise<T>): Promise<T> {
    try {
      return await call(await this.etcd.member());
    } catch (error) {
      throw internal((error as Error).message);
    }
  }
}

function prefixFor({ registry }: Resource, namespace?: string): string {
  return `/registry/${registry}/${namespace === undefined ? '' : `${namespace}/`}`;
}

function keyFor(resource: Resource, namespace: string | undefined, name: string): string {
  return `${prefixFor(resource, namespace)}${name}`;
}

function encode(object: KubeObject): string {
  const metadata = without(object.metadata, 'resourceVersion');
  return JSON.stringify({ ...object, metadata });
}

function decode({ value, modRevision }: KeyValue): KubeObject {
  return withVersion(JSON.parse(value) as KubeObject, modRevision);
}

function withVersion(object: KubeObject, revision: number): KubeObject {
  return { ...object, metadata: { ...object.metadata, resourceVersion: String(revision) } };
}

function eventOf({ type, now, before }: EtcdEvent): StorageEvent {
  const revision = now.modRevision;
  if (type === 'put') return { revision, now: decode(now), before: before && decode(before) };
  // A deleted object is told with its last content and the version of its deletion.
  return { revision, now: undefined, before: decode({ ...now, modRevision: revision }) };
}
