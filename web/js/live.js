// What is new in the home, as it happens: by the stream where the server has one, else by asking.

import { api, EXPANSIONS } from "./api.js";
import { token } from "./session.js";

const ASK_EVERY_MS = 15_000;
const WAIT_MS = 2_000;
const LONGEST_WAIT_MS = 60_000;
/** Of what is new since the page was last asked for; whoever missed more reads it all anew. */
const MOST_PAGES = 5;
/** Beyond four of the server's heartbeats the stream is taken for dead. */
const SILENT_MS = 60_000;

/** Read server-sent events (WHATWG HTML, 9.2) from a body; gives `{event, data, id, retry}` each. */
export async function* serverSentEvents(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let left = "";
  let one = { event: "message", data: [] };
  try {
    for (;;) {
      const { done, value } = await readInTime(reader);
      if (done) return;
      left += value;
      // A return at the very end may be half of a line end.
      const lines = left.split(/\r\n|\n|\r(?!$)/);
      left = lines.pop();
      for (const line of lines) {
        if (line === "") {
          if (one.data.length > 0 || one.retry) yield { ...one, data: one.data.join("\n") };
          one = { event: "message", data: [] };
          continue;
        }
        const [, name, value_] = /^([^:]*):? ?(.*)$/s.exec(line);
        if (name === "data") one.data.push(value_);
        else if (name === "event" || name === "id") one[name] = value_;
        else if (name === "retry" && /^\d+$/.test(value_)) one.retry = Number(value_);
      }
    }
  } finally {
    // Whoever stops reading ends the request, too.
    reader.cancel().catch(() => {});
  }
}

async function readInTime(reader) {
  let timer;
  const silence = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error("silent")), SILENT_MS);
  });
  try {
    return await Promise.race([reader.read(), silence]);
  } finally {
    clearTimeout(timer);
  }
}

/**
 * Follow the home until `signal` ends it. `on` has `tweets(list, includes)`, `remove(id)`,
 * `counts(said)`, `reset()` and `newest()`, the id after which to ask.
 */
export async function followHome(on, signal) {
  let lastId = "";
  let wait = WAIT_MS;
  while (!signal.aborted) {
    try {
      const from = new URLSearchParams({ since_id: on.newest(), expansions: EXPANSIONS });
      const answer = await fetch(`/v1/stream/home?${from}`, {
        headers: {
          accept: "text/event-stream",
          authorization: `Bearer ${await token()}`,
          ...(lastId ? { "last-event-id": lastId } : {}),
        },
        signal,
      });
      if (answer.status !== 200) {
        await answer.body?.cancel();
        if (!document.hidden) await ask(on, signal);
        await pause(ASK_EVERY_MS, signal);
        continue;
      }
      // What comes to an empty home before the stream begins is above no id.
      if (!lastId && on.newest() === "0") await ask(on, signal);
      for await (const one of serverSentEvents(answer.body)) {
        lastId = one.id ?? lastId;
        wait = one.retry ?? WAIT_MS;
        handle(on, one);
        if (one.event === "reset") lastId = "";
      }
    } catch {
      if (signal.aborted) return;
      wait = Math.min(wait * 2, LONGEST_WAIT_MS);
    }
    // Not all at once where a server has ended many.
    await pause(wait * (0.5 + Math.random()), signal);
  }
}

function handle(on, { event, data }) {
  if (event === "reset") return on.reset();
  if (data === "") return undefined;
  const said = JSON.parse(data);
  if (event === "tweet") return on.tweets([said.tweet], said.includes);
  if (event === "delete") return on.remove(said.tweet_id);
  if (event === "counts") return on.counts(said);
  return undefined; // of a later release
}

async function ask(on, signal) {
  const since = on.newest();
  const pages = [];
  let cursor = "";
  do {
    if (signal.aborted) return;
    if (pages.length === MOST_PAGES) return on.reset();
    const page = await api.home(cursor, since);
    pages.push(page);
    cursor = page.next_cursor ?? "";
    // Where nothing is shown there is no gap: the page goes on below.
  } while (cursor !== "" && since !== "0");
  // All or none: behind the newest that is shown nobody asks again.
  if (!signal.aborted) for (const page of pages) on.tweets(page.tweets, page.includes);
}

function pause(ms, signal) {
  return new Promise((done) => {
    const end = () => {
      clearTimeout(timer);
      done();
    };
    const timer = setTimeout(() => {
      signal.removeEventListener("abort", end);
      done();
    }, ms);
    signal.addEventListener("abort", end, { once: true });
  });
}
