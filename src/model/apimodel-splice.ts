import { parseTree, type Node } from 'jsonc-parser';
import { ModelError, pathText } from './apimodel-error.js';

/** A text that takes the place of another at a path of a JSON document. */
export interface Replacement {
  readonly path: readonly (string | number)[];
  readonly value: string;
}

/** Part of a text, by offset and length in UTF-16 units, and what takes its place. */
export interface Splice {
  readonly offset: number;
  readonly length: number;
  readonly text: string;
}

/** Puts splices into a text; every character outside of them stays. They must not overlap. */
export function applySplices(text: string, splices: readonly Splice[]): string {
  let result = text;
  for (const { offset, length, text: inserted } of splices.toSorted((a, b) => b.offset - a.offset)) {
    result = result.slice(0, offset) + inserted + result.slice(offset + length);
  }
  return result;
}

/**
 * Replaces strings in a JSON text and keeps every other byte: order, indentation, line ends, escapes.
 * A string that already says the same keeps its bytes too.
 * @throws ModelError when a path leads to nothing, to something that is no string, or to two things
 */
export function replaceStrings(text: string, replacements: readonly Replacement[], file: string): string {
  const root = parseTree(text);
  if (!root) throw new ModelError(file, '', 'is not JSON');
  const splices = replacements.flatMap(({ path, value }) => {
    const node = nodeAt(root, path, file);
    if (node?.type !== 'string') throw missing(file, path, node);
    if (node.value === value) return [];
    return [{ offset: node.offset, length: node.length, text: JSON.stringify(value) }];
  });
  return applySplices(text, splices);
}

/**
 * The node at a path, or undefined.
 * @throws ModelError when a key on the way appears twice: readers disagree which one counts
 */
export function nodeAt(root: Node, path: readonly (string | number)[], file: string): Node | undefined {
  let node: Node | undefined = root;
  path.forEach((step, index) => {
    const children: Node[] = node?.children ?? [];
    if (typeof step === 'number') {
      node = node?.type === 'array' ? children[step] : undefined;
      return;
    }
    const properties =
      node?.type === 'object' ? children.filter((child) => child.children?.[0]?.value === step) : [];
    if (properties.length > 1) {
      throw new ModelError(
        file,
        pathText(path.slice(0, index + 1)),
        'appears twice; leave the one that counts',
      );
    }
    node = properties[0]?.children?.[1];
  });
  return node;
}

function missing(file: string, path: readonly (string | number)[], node: Node | undefined): ModelError {
  const found = node ? `found ${node.type}` : 'found nothing';
  return new ModelError(
    file,
    pathText(path),
    `${found}; expected a string to replace; restore the file as deployed`,
  );
}
