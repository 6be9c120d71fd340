/** Connect the page's store to the live events: through the shared worker, or directly. */

import { openLive } from "./live-connection.js";

/** @import { News } from "./types.js" */
/** @import { Store } from "./store.js" */

const WORKER = new URL("./live-worker.js", import.meta.url);
const SOON_MS = 5000;
/** Since when, where the session was lost with the connection: kept over the reload, ms. */
const LOST = "lost-since";

/** @param {Store} store */
export function connect(store) {
  let lost = Number(sessionStorage.getItem(LOST));
  sessionStorage.removeItem(LOST);
  const take = (/** @type {News} */ news) => {
    if (news.kind === "bye") return again(store.staleSince);
    if (news.kind === "snapshot" && lost) {
      store.away = { since: lost, until: Date.now() };
      lost = 0;
    }
    store.take(news);
  };
  if ("SharedWorker" in globalThis) share(store.session.role, take);
  else openLive(take);
}

/** @param {string} role @param {(news: News) => void} take */
function share(role, take) {
  // One worker per role: after a switch nothing of the old role is shown.
  const { port } = new SharedWorker(WORKER, { type: "module", name: `townsquare ${role}` });
  port.onmessage = ({ data }) => take(data);
  port.postMessage("join");
  addEventListener("pagehide", () => port.postMessage("leave"));
  // Back from the browser's cache of pages.
  addEventListener("pageshow", ({ persisted }) => persisted && port.postMessage("join"));
}

/** The session is over: the server decides what this visit may see now. */
function again(/** @type {number|null} */ staleSince) {
  if (staleSince) sessionStorage.setItem(LOST, String(staleSince));
  const last = Number(sessionStorage.getItem("reloaded") ?? 0);
  sessionStorage.setItem("reloaded", String(Date.now()));
  setTimeout(() => location.reload(), Date.now() - last > SOON_MS ? 0 : SOON_MS);
}
