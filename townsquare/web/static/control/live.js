/** Connect the page's store to the live events: through the shared worker, or directly. */

import { openLive } from "./live-connection.js";

/** @import { News } from "./types.js" */
/** @import { Store } from "./store.js" */

const WORKER = new URL("./live-worker.js", import.meta.url);
const SOON_MS = 5000;

/** @param {Store} store */
export function connect(store) {
  const take = (/** @type {News} */ news) => {
    if (news.kind === "bye") again();
    else store.take(news);
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
function again() {
  const last = Number(sessionStorage.getItem("reloaded") ?? 0);
  sessionStorage.setItem("reloaded", String(Date.now()));
  setTimeout(() => location.reload(), Date.now() - last > SOON_MS ? 0 : SOON_MS);
}
