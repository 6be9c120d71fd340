/**
 * The last hour of a line or zone, in windows of 5 minutes.
 *
 * Always holds: a window that was not counted is not in the list, or has null: never 0. Windows
 * come from the server's history, from news of windows that closed since, and last the open one.
 */

import { asked } from "./act.js";

/** @import { Entity, Measure, Window } from "./types.js" */

export const WINDOW_S = 300;
export const HOUR_S = 3600;
const MOSTLY = 0.95; // a camera that was away for seconds is no news

const COUNTED = {
  line: ["peopleCountTowards", "peopleCountAway"],
  zone: ["peopleCount", "peopleCountMax"],
};
const OF_WINDOW = ["dateObservedFrom", "coverage", "sample"];

/**
 * @param {Measure} measure @param {number} since s @param {number} until s
 * @returns {Promise<Window[]>} @throws Refused
 */
export async function closedWindows({ id, kind }, since, until) {
  const attrs = [...COUNTED[kind], ...OF_WINDOW].join(",");
  /** @type {Window[]} */
  const windows = [];
  for (let after = since; ; ) {
    const [timeAt, endTimeAt] = [after, until].map((at) => new Date(at * 1000).toISOString());
    const between = { timerel: "between", timeAt, endTimeAt };
    const query = new URLSearchParams({ ...between, attrs, options: "temporalValues" });
    const answer = await asked(`/ngsi-ld/v1/temporal/entities/${id}?${query}`);
    const found = windowsOf(await answer.json(), COUNTED[kind]);
    windows.push(...found);
    // What is long comes in parts (206), each whole up to the time of its last.
    if (answer.status !== 206 || !found.length) return windows;
    after = Math.max(...found.map((window) => window.until));
  }
}

/** Attributes of one window have the same time: its end. */
function windowsOf(/** @type {any} */ past, /** @type {string[]} */ counted) {
  /** @type {Map<string, Record<string, any>>} */
  const rows = new Map();
  for (const name of [...counted, ...OF_WINDOW]) {
    for (const [value, at] of past[name]?.values ?? []) {
      if (!rows.has(at)) rows.set(at, {});
      rows.get(at)[name] = value;
    }
  }
  return [...rows].map(([at, row]) => windowOf(row, at, counted));
}

/** @returns {Window} */
function windowOf(/** @type {Record<string, any>} */ row, /** @type {string} */ at, /** @type {string[]} */ counted) {
  const until = Date.parse(at) / 1000;
  return {
    since: row.dateObservedFrom ? Date.parse(row.dateObservedFrom) / 1000 : until - WINDOW_S,
    until,
    values: counted.map((name) => row[name] ?? null),
    coverage: row.coverage ?? null,
    sample: row.sample === true,
  };
}

/** Whether so much of a closed window was not watched that its counts are too low. */
export function inPart(/** @type {Window} */ { coverage, open }) {
  return !open && coverage !== null && coverage < MOSTLY;
}

/** The window that closed last, as the live connection told it. @param {Measure} measure */
export function newlyClosed({ closed, kind }) {
  if (!closed?.dateObservedTo) return [];
  return [windowOf(closed, closed.dateObservedTo, COUNTED[kind])];
}

/** The window that is growing, of a line. @param {Measure} measure @param {number} now s */
export function openWindow({ live, kind }, now) {
  if (kind !== "line" || live?.dateObservedFrom === undefined) return [];
  const window = windowOf(live, new Date(now * 1000).toISOString(), COUNTED.line);
  return [{ ...window, open: true }];
}

/** One row per window, oldest first; what came later replaces. @param {Window[]} windows */
export function inOrder(windows, /** @type {number} */ after, /** @type {number} */ before = Infinity) {
  const bySince = new Map(windows.map((window) => [window.since, window]));
  const within = [...bySince.values()].filter((w) => w.until > after && w.since < before);
  return within.sort((a, b) => a.since - b.since);
}
