import { readFile, readdir } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { goBuild } from './gobuild.js';
import { step, type Progress } from './progress.js';
import { kubernetesVersion, type SourceTree } from './source.js';
import { cached } from './store.js';

const sources = fileURLToPath(new URL('../pod', import.meta.url));

/** Where the lab's own Go lies in the tree while it is built, so that it sees Kubernetes' vendor folder. */
const inTree = 'cmd/labpod';

/** The folder with the static executables `labpod` and `pause`, built from `lab/pod` against client-go 0.20. */
export async function ensureLabpod(progress: Progress, tree: () => Promise<SourceTree>): Promise<string> {
  const files = await goFiles();
  const texts = await Promise.all(files.map((file) => readFile(file, 'utf8')));
  return cached({
    name: 'labpod',
    inputs: { kubernetesVersion, files: files.map((file) => relative(sources, file)), texts, recipe: '1' },
    onWait: () => progress.note('  another run builds labpod; waiting for it'),
    build: async (into) => {
      const unpacked = await tree();
      await step(progress, 'labpod and pause: build', 40, (task) => {
        const overlay = Object.fromEntries(
          files.map((file) => [join(inTree, relative(sources, file)), file]),
        );
        return goBuild({
          tree: unpacked,
          packages: [`./${inTree}`, `./${inTree}/pause`],
          into,
          overlay,
          task,
        });
      });
    },
  });
}

async function goFiles(): Promise<string[]> {
  const entries = await readdir(sources, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile() && entry.name.endsWith('.go'));
  return files.map((entry) => join(entry.parentPath, entry.name)).sort();
}
