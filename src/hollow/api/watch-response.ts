import type { Call, Core } from './core.js';
import { typed } from './read.js';
import type { ApiResponse } from './serving.js';
import { openWatch, type WatchStream } from './watch.js';

/** Streams events as lines of JSON until the client goes, the time is over or the server ends. */
export async function serveWatch(core: Core, call: Call, response: ApiResponse): Promise<void> {
  const state: { stream?: WatchStream; timer?: NodeJS.Timeout; gone: boolean } = { gone: false };
  response.once('close', () => {
    state.gone = true;
    clearTimeout(state.timer);
    state.stream?.stop();
  });
  const stream = await openWatch(core, call, ({ type, object }) => {
    if (state.gone) return;
    begin(response);
    write(response, `${JSON.stringify({ type, object: typed(call.info.resource, object) })}\n`);
  });
  if (state.gone) {
    stream.stop();
    return;
  }
  state.stream = stream;
  begin(response);
  if (stream.lastsMs !== undefined) state.timer = setTimeout(() => response.end(), stream.lastsMs);
}

function begin(response: ApiResponse): void {
  if (response.headersSent) return;
  response.writeHead(200, { 'content-type': 'application/json' });
  // HTTP/2 sends them by itself.
  if ('flushHeaders' in response) response.flushHeaders();
}

/** Both kinds of responses can do this; their union cannot be called. */
function write(response: ApiResponse, text: string): void {
  (response.write as (text: string) => boolean).call(response, text);
}
