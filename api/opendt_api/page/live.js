// Server-sent events, read with fetch, since EventSource cannot send a token. A lost connection is tried again, each time later.

import { request } from "./api.js";

const SILENT_MS = 45_000; // the API says something every 15 s
const LONGEST_WAIT_MS = 15_000;

export async function follow({ onEvent, onOpen, onLost }) {
  for (let wait = 500; ; wait = Math.min(2 * wait, LONGEST_WAIT_MS)) {
    const abort = new AbortController();
    let watch;
    const heard = () => {
      clearTimeout(watch);
      watch = setTimeout(() => abort.abort(), SILENT_MS);
    };
    try {
      heard();
      const answer = await request("api/v1/events", { headers: { Accept: "text/event-stream" }, signal: abort.signal });
      wait = 500;
      onOpen();
      await readAll(answer.body, heard, onEvent);
      onLost(null);
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      onLost(error);
    } finally {
      clearTimeout(watch);
    }
    await new Promise((resolve) => setTimeout(resolve, wait));
  }
}

async function readAll(body, heard, onEvent) {
  let text = "";
  for await (const chunk of body.pipeThrough(new TextDecoderStream())) {
    heard();
    text += chunk;
    const blocks = text.split(/\r?\n\r?\n/);
    text = blocks.pop();
    for (const block of blocks) {
      const name = /^event: ?(.*)$/m.exec(block)?.[1].trim();
      if (name) onEvent(name);
    }
  }
}
