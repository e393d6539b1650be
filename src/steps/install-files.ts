import type { StepRunner } from './context.js';
import { fileLines } from './file-lines.js';

/** Replaces files on a node, each atomically; those that are as asked are left alone. */
export const installFiles: StepRunner<'install-files'> = async (step, { shell, materials, rotation }) => {
  const { stdout } = await shell(step.node).run('install-files', [rotation], {
    stdin: fileLines(step.files, materials),
  });
  return { node: step.node, changed: stdout.split('\n').filter(Boolean) };
};
