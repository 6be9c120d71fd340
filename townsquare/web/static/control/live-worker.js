/**
 * The browser's one live connection, shared by all tabs of the control room.
 *
 * Keeps the state, so that a new tab has it at once. Ends when the last tab has left.
 */

import { openLive } from "./live-connection.js";
import { Looking } from "./looking.js";

/** @import { Entity, Looker, News } from "./types.js" */

/** @type {Set<MessagePort>} */
const tabs = new Set();
/** @type {Map<string, Entity>} */
let entities = new Map();
let loaded = false;
const looking = new Looking();
let lookers = /** @type {{[alarm: string]: Looker[]}} */ ({});
let ahead = /** @type {number|null} */ (null); // as `Delays` has it
let staleSince = /** @type {number|null} */ (null);
let close = /** @type {(() => void)|null} */ (null);

/** @param {News} news */
function keep(news) {
  if (news.kind === "snapshot") {
    entities = new Map(news.entities.map((entity) => [entity.id, entity]));
    loaded = true;
  } else if (news.kind === "change") entities.set(news.entity.id, news.entity);
  else if (news.kind === "gone") entities.delete(news.id);
  else if (news.kind === "up") staleSince = null;
  else if (news.kind === "down") {
    staleSince ??= news.since;
    lookers = {};
  } else if (news.kind === "seat") {
    looking.sit(news.seat);
    lookers = {};
  } else if (news.kind === "clock") ahead = news.ahead;
  else if (news.kind === "looking") lookers = news.alarms;
  else if (news.kind === "bye") forget();
}

function forget() {
  close = null;
  loaded = false;
  entities = new Map();
  lookers = {};
}

/** @param {News} news */
function spread(news) {
  // Nearly every event says "up" again: the tabs know it already.
  if (news.kind === "up" && staleSince === null) return;
  keep(news);
  for (const tab of tabs) tab.postMessage(news);
}

/** @param {MessagePort} tab */
function leave(tab) {
  tabs.delete(tab);
  looking.look(tab, "");
  if (tabs.size === 0 && close) {
    close();
    forget();
  }
}

/** @param {MessagePort} tab */
function join(tab) {
  tabs.add(tab);
  if (loaded) tab.postMessage({ kind: "snapshot", entities: [...entities.values()] });
  if (staleSince !== null) tab.postMessage({ kind: "down", since: staleSince });
  if (ahead !== null) tab.postMessage({ kind: "clock", ahead });
  tab.postMessage({ kind: "looking", alarms: lookers });
  close ??= openLive(spread);
}

globalThis.onconnect = (/** @type {MessageEvent} */ event) => {
  const [tab] = event.ports;
  tab.onmessage = ({ data }) => {
    if (data === "leave") leave(tab);
    else if (data === "join") join(tab);
    else looking.look(tab, data.looksAt);
  };
};
