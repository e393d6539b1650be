import type { StepRunner } from './context.js';

/** Removes folders of keyroll's own from a node. */
export const removeFiles: StepRunner<'remove-files'> = async (step, { shell, rotation }) => {
  await shell(step.node).run('remove-folder', [rotation, ...step.folders]);
  return { node: step.node, folders: step.folders };
};
