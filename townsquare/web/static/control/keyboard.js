/**
 * Single keys of the control room: what they do, and which ones this browser's people chose.
 *
 * Always holds: no two acts have the same key. They can be turned off (WCAG 2.2, 2.1.4).
 */

import { t } from "../text.js";

/** @import { Store } from "./store.js" */

/** @typedef {{name: string, short?: string, key: string, words: string, does: (room: HTMLElement) => void}} Act */

const OFF = "keys-off";
const CHOSEN = "keys";

const queue = (/** @type {HTMLElement} */ room) => /** @type {any} */ (room.querySelector("alarm-queue"));
const to = (/** @type {string} */ what) => (/** @type {HTMLElement} */ room) =>
  /** @type {HTMLElement|null} */ (room.querySelector(what))?.focus();

/** @type {Act[]} */
export const ACTS = [
  { name: "next", short: t("next"), key: "j", words: t("next alarm"), does: (room) => queue(room).step(1) },
  { name: "previous", short: t("previous"), key: "k", words: t("previous alarm"), does: (room) => queue(room).step(-1) },
  { name: "acknowledge", short: t("acknowledge"), key: "a", words: t("acknowledge it"), does: (room) => queue(room).acknowledgeSelected() },
  { name: "shelve", short: t("shelve"), key: "s", words: t("shelve it"), does: (room) => queue(room).shelveSelected() },
  { name: "reset", short: t("reset"), key: "r", words: t("reset it"), does: (room) => queue(room).resetSelected() },
  { name: "incident", key: "i", words: t("open an incident from it"), does: (room) => queue(room).openIncident() },
  { name: "aside", key: "p", words: t("show or hide what is put aside"), does: toggleAside },
  { name: "map", key: "m", words: t("go to the map"), does: to("town-map button") },
  { name: "camera", key: "v", words: t("go to the camera"), does: to("camera-tile") },
  { name: "hour", key: "h", words: t("go to the last hour"), does: to("hour-panel button") },
  { name: "help", key: "?", words: t("show all keys"), does: (room) => help(room).open() },
];

const help = (/** @type {HTMLElement} */ room) => /** @type {any} */ (room.querySelector("key-help"));

export function keysOn() {
  return localStorage.getItem(OFF) === null;
}

/** @param {boolean} on */
export function setKeysOn(on) {
  if (on) localStorage.removeItem(OFF);
  else localStorage.setItem(OFF, "");
}

/** @param {Act} act @returns {string} as it is typed, in small letters */
export function keyOf(act) {
  return chosen()[act.name] ?? act.key;
}

/** @param {Act} act @param {string} key @returns {Act|undefined} the act that has this key already */
export function choose(act, key) {
  const other = ACTS.find((one) => one !== act && keyOf(one) === key);
  if (!other) localStorage.setItem(CHOSEN, JSON.stringify({ ...chosen(), [act.name]: key }));
  return other;
}

export function asDelivered() {
  localStorage.removeItem(CHOSEN);
}

/** What an earlier version left may be anything. @returns {{[name: string]: string}} */
function chosen() {
  try {
    const kept = JSON.parse(localStorage.getItem(CHOSEN) ?? "{}");
    return Object.fromEntries(Object.entries(kept).filter(([, key]) => typeof key === "string"));
  } catch {
    return {};
  }
}

/** Whether this is one key alone that can be read. @param {KeyboardEvent} event */
export function alone(event) {
  return !(event.ctrlKey || event.metaKey || event.altKey || event.repeat);
}

/** @param {HTMLElement} room */
function toggleAside(room) {
  const aside = room.querySelector("details.aside");
  aside.open = !aside.open;
  if (aside.open) aside.querySelector("summary").focus();
}

/** @param {Store} store @param {HTMLElement} room */
export function listenToKeys(store, room) {
  document.addEventListener("keydown", (event) => {
    if (!alone(event) || !keysOn() || document.querySelector("dialog[open]")) return;
    if (event.target.closest("input:not([type=checkbox]), select, textarea")) return;
    const key = event.key.toLowerCase();
    const act = ACTS.find((one) => keyOf(one) === key);
    if (act) act.does(room);
    else if (key === "escape") store.selectAlarm("");
    else return;
    event.preventDefault();
  });
}
