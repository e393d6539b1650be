import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, watch, type FSWatcher } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import type { HollowNode } from '../node/node.js';
import { mirrorAnnotation, type Pod } from './pod.js';

/** The folder of manifests as a kubelet follows it: a file that comes or goes is seen at once, one whose name begins with a dot never. */
export class ManifestFolder {
  readonly #node: HollowNode;
  readonly #folder: string;
  readonly #onChange: (pods: ReadonlyMap<string, Pod>) => void;
  readonly #broken = new Map<string, string>();
  #watcher: FSWatcher | undefined;

  /** @param onChange all pods by file name, at the start and after each change */
  constructor(node: HollowNode, folder: string, onChange: (pods: ReadonlyMap<string, Pod>) => void) {
    this.#node = node;
    this.#folder = node.path(folder);
    this.#onChange = onChange;
  }

  start(): void {
    mkdirSync(this.#folder, { recursive: true });
    this.#watcher = watch(this.#folder, () => this.#read());
    this.#read();
  }

  stop(): void {
    this.#watcher?.close();
  }

  #read(): void {
    const pods = new Map<string, Pod>();
    for (const file of readdirSync(this.#folder).filter((name) => !name.startsWith('.'))) {
      try {
        pods.set(file, staticPod(readFileSync(join(this.#folder, file), 'utf8'), this.#node.name));
        this.#broken.delete(file);
      } catch (error) {
        // A file that went meanwhile, or half a file: said once, and read again at the next change.
        const why = (error as Error).message;
        if (this.#broken.get(file) !== why)
          this.#node.log(`kubelet: can't process manifest file ${file}: ${why}`);
        this.#broken.set(file, why);
      }
    }
    this.#onChange(pods);
  }
}

/** A pod of a manifest: its name gets the node's, and its identity is its content. */
function staticPod(text: string, node: string): Pod {
  const manifest = parse(text) as Pod;
  const uid = createHash('md5').update(`${node}\0${text}`).digest('hex');
  return {
    ...manifest,
    metadata: {
      ...manifest.metadata,
      name: `${manifest.metadata.name}-${node}`,
      namespace: manifest.metadata.namespace ?? 'default',
      uid,
      annotations: {
        ...manifest.metadata.annotations,
        [mirrorAnnotation]: uid,
        'kubernetes.io/config.source': 'file',
      },
    },
    spec: { ...manifest.spec, nodeName: node },
  };
}
