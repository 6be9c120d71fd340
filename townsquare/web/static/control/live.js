/** Connect the page's store to the live events: through the shared worker, or directly. */

import { openLive } from "./live-connection.js";
import { port } from "./live-port.js";
import { Looking } from "./looking.js";

/** @import { News } from "./types.js" */
/** @import { Store } from "./store.js" */

const SOON_MS = 5000;
/** Since when, where the session was lost with the connection: kept over the reload, ms. */
const LOST = "lost-since";

/** A form of this page is on its way, which a reload would take back. */
let leaving = false;
addEventListener("submit", ({ defaultPrevented }) => {
  leaving ||= !defaultPrevented;
});
addEventListener("pageshow", ({ persisted }) => {
  if (persisted && leaving) location.reload();
});

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
  const look = port ? share(port, take) : alone(take);
  store.listen(() => look(looksAt(store)));
}

/** @param {Store} store @returns {string} the selected alarm, while it asks for something */
function looksAt({ alarmId, entities }) {
  const { state } = entities.get(alarmId) ?? {};
  return state && state !== "NORMAL" ? alarmId : "";
}

/** @param {(news: News) => void} take @returns {(alarm: string) => void} tells what is selected here */
function alone(take) {
  const looking = new Looking();
  openLive((news) => {
    if (news.kind === "seat") looking.sit(news.seat);
    take(news);
  });
  return (alarm) => looking.look("", alarm);
}

/** @param {MessagePort} port @param {(news: News) => void} take @returns {(alarm: string) => void} as `alone` */
function share(port, take) {
  port.onmessage = ({ data }) => take(data);
  let told = "";
  addEventListener("pageshow", ({ persisted }) => {
    if (persisted) told = "";
  });
  return (alarm) => {
    if (alarm === told) return;
    told = alarm;
    port.postMessage({ looksAt: alarm });
  };
}

/** The session is over: the server decides what this visit may see now. */
function again(/** @type {number|null} */ staleSince) {
  if (leaving) return;
  if (staleSince) sessionStorage.setItem(LOST, String(staleSince));
  const last = Number(sessionStorage.getItem("reloaded") ?? 0);
  sessionStorage.setItem("reloaded", String(Date.now()));
  setTimeout(() => location.reload(), Date.now() - last > SOON_MS ? 0 : SOON_MS);
}
