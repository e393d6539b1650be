import type { StepRunner } from './context.js';

/** Removes a folder of keyroll's own from a node. */
export const removeFiles: StepRunner<'remove-files'> = async (step, { shell, rotation }) => {
  await shell(step.node).run('remove-folder', [rotation, step.folder]);
  return { node: step.node, folder: step.folder };
};
