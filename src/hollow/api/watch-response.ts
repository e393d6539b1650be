import type { Call, Core } from './core.js';
import { typed } from './read.js';
import type { ApiResponse } from './serving.js';
import { openWatch, type WatchStream } from './watch.js';

/** Streams events as lines of JSON until the client goes, the time is over or the server ends. */
export async function serveWatch(core: Core, call: Call, response: ApiResponse): Promise<void> {
  let stream: WatchStream | undefined;
  let timer: NodeJS.Timeout | undefined;
  let gone = false;
  response.once('close', () => {
    gone = true;
    clearTimeout(timer);
    stream?.stop();
  });
  const begin = (): void => {
    if (response.headersSent) return;
    response.writeHead(200, { 'content-type': 'application/json' });
    // HTTP/2 sends them by itself.
    if ('flushHeaders' in response) response.flushHeaders();
  };
  const { resource } = call.info;
  stream = await openWatch(core, call, ({ type, object }) => {
    if (gone) return;
    begin();
    // Both kinds of responses have this overload; their union has none.
    (response.write as (text: string) => boolean).call(
      response,
      `${JSON.stringify({ type, object: typed(resource, object) })}\n`,
    );
  });
  if (gone) {
    stream.stop();
    return;
  }
  begin();
  if (stream.lastsMs !== undefined) timer = setTimeout(() => response.end(), stream.lastsMs);
}
