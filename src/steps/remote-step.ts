import type { PlannedFile } from '../model/plan.js';
import type { StepContext } from './context.js';
import { fileLine, fileLines } from './file-lines.js';

const stepsFolder = '/var/lib/keyroll/steps';

/** What a unit finds in its step's folder. */
export interface Staged {
  readonly manifest: string;
  readonly files: readonly PlannedFile[];
  /** Manifest of a second kube-apiserver. */
  readonly second?: string;
}

/**
 * Stages what a unit on the node needs and runs it there to its end; it goes on when this connection does not.
 * Returns its log, one line each.
 * @throws RemoteError when the unit fails or does not end within 10 minutes
 */
export async function runOnNode(
  context: StepContext,
  node: string,
  id: string,
  script: string,
  settings: Readonly<Record<string, string>>,
  staged: Staged,
): Promise<string[]> {
  const name = unitName(context.rotation, id);
  await stage(context, node, name, staged);
  const args = Object.entries({ ...settings, rotation: context.rotation }).map(
    ([key, value]) => `${key}=${value}`,
  );
  const { stdout } = await context
    .shell(node)
    .run('start-step', [name, script, ...args], { timeoutMs: 660_000 });
  return stdout.split('\n').filter(Boolean);
}

/** Lays manifest and files into the step's folder on the node. May be called again. */
export async function stage(context: StepContext, node: string, name: string, staged: Staged): Promise<void> {
  const folder = `${stepsFolder}/${name}`;
  const line = (file: string, text: string): string =>
    fileLine(`${folder}/${file}`, '600', 'root:root', text);
  await context.shell(node).run('install-files', [context.rotation], {
    stdin:
      line('manifest', staged.manifest) +
      line('files', fileLines(staged.files, context.materials)) +
      (staged.second === undefined ? '' : line('second', staged.second)),
  });
}

/** A step's name as part of a unit's name and of a path. */
export function unitName(rotation: string, id: string): string {
  return `${rotation}-${id.replace(/[^a-z0-9]+/gi, '-')}`;
}
