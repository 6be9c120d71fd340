/**
 * One connection to the server's events, kept open. Runs in the page or in the shared worker.
 *
 * Always holds: `tell` hears "down" as soon as the connection is lost or silent for too long, and
 * "up" only after the server has spoken again. After a short loss EventSource itself asks for what
 * was missed (Last-Event-ID); a new EventSource begins with a snapshot.
 */

/** @import { Entity, News } from "./types.js" */

const EVENTS = "/control/events";
const RETRY_MS = 3000;
/** A cut line tells nothing. After this silence we connect anew, and give it some time. */
const SILENT_MS = 40_000;
const PATIENCE_MS = 5000;
const CLOCKS = 5;

/** @param {(news: News) => void} tell @returns {() => void} closes it */
export function openLive(tell) {
  let heard = Date.now();
  let asking = 0; // when a silent connection was opened anew
  let over = false;
  /** By how much this machine's clock is ahead of the server's, ms; the way here is in it. */
  let ahead = /** @type {number[]} */ ([]);
  /** @type {Entity[]} */
  let parts = [];
  /** @type {EventSource} */
  let source;

  const down = () => tell({ kind: "down", since: heard });

  function alive() {
    heard = Date.now();
    asking = 0;
    tell({ kind: "up" });
  }

  function listen(/** @type {string} */ name, /** @type {(data: any) => void} */ then) {
    source.addEventListener(name, (event) => {
      then(JSON.parse(event.data || "null"));
      if (!over) alive();
    });
  }

  /** The event with the shortest way tells best; of the last ones, since clocks are set. @param {string} now at the server */
  function hear(now) {
    ahead = [Date.now() - Date.parse(now), ...ahead].slice(0, CLOCKS);
    tell({ kind: "clock", ahead: Math.min(...ahead) });
  }

  /** A snapshot comes in parts; what was there before stands until the last. */
  function part(/** @type {{entities: Entity[], more: boolean}} */ { entities, more }) {
    parts.push(...entities);
    if (more) return;
    tell({ kind: "snapshot", entities: parts });
    parts = [];
  }

  function open() {
    source?.close();
    parts = [];
    source = new EventSource(EVENTS);
    source.onopen = alive;
    source.onerror = lost;
    listen("snapshot", part);
    listen("change", (entity) => tell({ kind: "change", entity }));
    listen("gone", ({ id }) => tell({ kind: "gone", id }));
    listen("seat", ({ seat, now }) => {
      ahead = [];
      hear(now);
      tell({ kind: "seat", seat });
    });
    listen("looking", ({ alarms }) => tell({ kind: "looking", alarms }));
    listen("ping", ({ now }) => hear(now));
    listen("bye", ({ reason }) => end(reason));
  }

  async function lost() {
    parts = [];
    down();
    if (source.readyState !== EventSource.CLOSED || over) return;
    if (await refused()) end("the session ended");
    else setTimeout(() => over || open(), RETRY_MS);
  }

  function watch() {
    const silent = Date.now() - heard;
    if (silent > SILENT_MS && !asking) {
      asking = Date.now();
      open();
    } else if (asking && Date.now() - asking > PATIENCE_MS) {
      asking = Date.now();
      down();
      open();
    }
  }

  function close() {
    over = true;
    clearInterval(watching);
    source.close();
  }

  function end(/** @type {string} */ reason) {
    close();
    tell({ kind: "bye", reason });
  }

  open();
  const watching = setInterval(watch, PATIENCE_MS);
  return close;
}

/** Whether the server is there and does not let us in: its session is over. */
async function refused() {
  try {
    const ask = new AbortController();
    const answer = await fetch(EVENTS, { signal: ask.signal });
    ask.abort();
    return answer.status === 401 || answer.status === 403;
  } catch {
    return false;
  }
}
