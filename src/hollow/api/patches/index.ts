import type { KubeObject } from '../../kube/objects.js';
import { ApiError } from '../api-error.js';
import { applyJsonPatch } from './json.js';
import { mergePatch } from './merge.js';
import { strategicMerge } from './strategic.js';

/** Makes the new object of the one that was found. */
export type Patch = (found: KubeObject) => KubeObject;

/**
 * A patch as it was sent, by its content type.
 * @throws ApiError 415 for another type; the patch itself throws ApiError when it does not fit the object
 */
export function patchOf(contentType: string, body: unknown): Patch {
  switch (contentType.split(';')[0]?.trim()) {
    case 'application/json-patch+json':
      return (found) => applyJsonPatch(found, body) as KubeObject;
    case 'application/merge-patch+json':
      return (found) => mergePatch(found, body) as KubeObject;
    case 'application/strategic-merge-patch+json':
      return (found) => strategicMerge(found, body) as KubeObject;
    default:
      throw new ApiError(
        415,
        'UnsupportedMediaType',
        `the body of the request was in an unknown format - found ${contentType || 'none'}, expected a JSON, merge or strategic merge patch`,
      );
  }
}
