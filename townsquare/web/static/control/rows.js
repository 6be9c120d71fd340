/**
 * The rows of the queue: which alarm is in which one says the server, so that all operators see the
 * same. Pure.
 *
 * Always holds: every open alarm is in exactly one row.
 */

import { t, tn } from "../text.js";
import { SEVERITIES, alarmLoad, isWaiting, openAlarms, place } from "./city.js";

/** @import { Entity, Severity } from "./types.js" */
/** @import { Store } from "./store.js" */

const TEN_MINUTES_MS = 600_000;
const FEW = 3; // alarms of a row that are shown at once while there is no flood
export const MOST_NAMED = 3;

/**
 * @typedef {{id: string, alarms: Entity[], worst: Severity, waiting: Entity[], newest: string}} Row
 * `alarms` are worst and newest first, what waits before the rest.
 */

/** What can be selected: a row, or an alarm in one. @typedef {{row: Row, alarm: Entity|null}} Item */

/** @param {Store} store @returns {Row[]} worst first, then the newest; what waits before the rest */
export function rows(store) {
  /** @type {Map<string, Entity[]>} */
  const found = new Map();
  for (const alarm of openAlarms(store)) {
    const id = alarm.row ?? alarm.id;
    const alike = found.get(id);
    if (alike) alike.push(alarm);
    else found.set(id, [alarm]);
  }
  return [...found].map(([id, alarms]) => row(id, alarms)).sort(before);
}

/** @param {string} id @param {Entity[]} alarms @returns {Row} */
function row(id, alarms) {
  const waiting = alarms.filter(isWaiting);
  const worst = SEVERITIES.find((one) => alarms.some((alarm) => alarm.severity === one)) ?? "low";
  const newest = alarms.reduce((last, a) => (a.dateIssued > last ? a.dateIssued : last), "");
  return { id, alarms, worst, waiting, newest };
}

/** @param {Row} a @param {Row} b */
function before(a, b) {
  const rank = (/** @type {Row} */ one) => (one.waiting.length ? 0 : 10) + SEVERITIES.indexOf(one.worst);
  return rank(a) - rank(b) || b.newest.localeCompare(a.newest);
}

/** @param {Row} row */
export function isGroup(row) {
  return row.alarms.length > 1;
}

/** @param {Row} row @returns {{incident: string, free: Entity[]}} the incident of some of its alarms, and those that were in none */
export function linked(row) {
  const incident = row.alarms.find((alarm) => alarm.incident)?.incident ?? "";
  return { incident, free: row.alarms.filter((alarm) => !alarm.incident) };
}

/** Is it shown alarm by alarm, where nobody said how? */
export function isShort(/** @type {Store} */ store, /** @type {Row} */ row) {
  return row.alarms.length <= FEW && !alarmLoad(store)?.flood;
}

/** @param {Row[]} all @param {(row: Row) => boolean} isOpen @returns {Item[]} rows, and the alarms of those that are open */
export function items(all, isOpen) {
  return all.flatMap((row) => {
    const alarms = row.alarms.map((alarm) => ({ row, alarm }));
    if (!isGroup(row)) return alarms;
    return isOpen(row) ? [{ row, alarm: null }, ...alarms] : [{ row, alarm: null }];
  });
}

/** @param {Item[]} all @param {string} rowId @param {string} alarmId @returns {Item|undefined} of an alarm in a closed row, the row */
export function picked(all, rowId, alarmId) {
  if (!alarmId) return undefined;
  return all.find((item) => item.row.id === rowId && !item.alarm)
    ?? all.find((item) => item.alarm?.id === alarmId)
    ?? all.find((item) => item.row.alarms.some((alarm) => alarm.id === alarmId));
}

/** @param {Store} store @param {Row} row @returns {{what: string, where: string}} what its alarms have in common, else how many of what */
export function words(store, row) {
  const causes = tally(row.alarms.map((alarm) => alarm.name));
  const places = tally(row.alarms.map((alarm) => place(store, alarm)));
  const [[cause]] = causes;
  const [[first]] = places;
  if (causes.length === 1) return { what: cause, where: and(first, places.length - 1) };
  const rest = row.alarms.some((alarm) => alarm.rowBy === "rest");
  const what = rest ? t("Everything else") : places.length === 1 ? first : tn(causes.length, "{n} kind of alarm", "{n} kinds of alarm");
  const counts = causes.map(([name, number]) => `${number} × ${name}`);
  return { what, where: and(counts.slice(0, MOST_NAMED).join(", "), causes.length - MOST_NAMED) };
}

/** @param {string} first @param {number} more */
function and(first, more) {
  return more > 0 ? t("{first} and {n} more", { first, n: more }) : first;
}

/** @param {string[]} names @returns {[string, number][]} how often each, the most frequent first */
function tally(names) {
  /** @type {Map<string, number>} */
  const found = new Map();
  for (const name of names) found.set(name, (found.get(name) ?? 0) + 1);
  return [...found].sort((a, b) => b[1] - a[1]);
}

/** @param {Row} row critical alarms that wait: a closed row names them */
export function critical(row) {
  return row.waiting.filter((alarm) => alarm.severity === "critical");
}

/** @param {Store} store @param {Entity} alarm how many it silences */
export function silences(store, alarm) {
  return alarm.silences ? silenced(store).filter((one) => one.suppressedBy === alarm.id).length : 0;
}

/** @param {Store} store @returns {Entity[]} those that are silent because of another alarm */
export function silenced(store) {
  return store.ofType("Alert").filter((alarm) => alarm.state === "SUPPRESSED");
}

/** @param {Store} store @returns {string} empty while there is no flood */
export function flood(store) {
  const { flood: high, tenMinutes } = alarmLoad(store) ?? {};
  if (!high) return "";
  const since = store.now - TEN_MINUTES_MS;
  const lately = openAlarms(store).filter((alarm) => Date.parse(alarm.dateIssued) > since);
  const number = new Set(lately.map((alarm) => alarm.row ?? alarm.id)).size;
  return tn(number, "Flood: {alarms} alarms in 10 minutes in {n} row", "Flood: {alarms} alarms in 10 minutes in {n} rows", { alarms: tenMinutes });
}
