/** Numbers and times as people read them. Unknown is a dash with a word, never 0. Pure. */

import { html } from "lit";
import { LOCALE, t, tn } from "../text.js";

export const UNKNOWN = html`<span class="unknown">–<small>${t("unknown")}</small></span>`;

const whole = new Intl.NumberFormat(LOCALE, { maximumFractionDigits: 0 });
const hundredths = new Intl.NumberFormat(LOCALE, { maximumFractionDigits: 2, minimumFractionDigits: 2 });
const tenths = new Intl.NumberFormat(LOCALE, { maximumFractionDigits: 1, minimumFractionDigits: 1 });

const STATUSES = { starting: t("starting"), working: t("working"), failing: t("failing") };

/** @param {string|undefined} status of a camera */
export function statusName(status) {
  return status === undefined ? t("unknown") : STATUSES[status] ?? status;
}

/** @param {number|null|undefined} number */
export function count(number) {
  return typeof number === "number" ? whole.format(number) : UNKNOWN;
}

/** @param {number|null|undefined} number a mean, such as 3.4 */
export function mean(number) {
  return typeof number === "number" ? tenths.format(number) : UNKNOWN;
}

/** @param {number} people per square metre */
export function perSquareMetre(people) {
  return hundredths.format(people);
}

/** @param {number} share 0 to 1 */
export function percent(share) {
  return `${whole.format(share * 100)} %`;
}

/** @param {number} ms @returns {string} such as "0.3 s", "12 s", "3 min 05 s" */
export function seconds(ms) {
  return ms < 9950 ? `${tenths.format(ms / 1000)} s` : lasting(ms);
}

/** Times of day in the town's zone, whatever this machine's zone is. */
export class Clock {
  /** @param {string} timezone */
  constructor(timezone) {
    const day = { hour: "2-digit", minute: "2-digit", hourCycle: "h23" };
    const exact = { ...day, second: "2-digit" };
    this.minutes = new Intl.DateTimeFormat(LOCALE, { ...day, timeZone: timezone });
    this.seconds = new Intl.DateTimeFormat(LOCALE, { ...exact, timeZone: timezone });
    this.utc = new Intl.DateTimeFormat(LOCALE, { ...day, timeZone: "UTC" });
    this.dates = new Intl.DateTimeFormat(LOCALE, {
      weekday: "short", day: "numeric", month: "short", timeZone: timezone,
    });
  }

  /** @param {string|number|undefined} at @param {number} now adds the date to other days */
  since(at, now) {
    if (at === undefined) return t("unknown");
    const then = new Date(at);
    const today = this.dates.format(then) === this.dates.format(now);
    const day = today ? "" : `${this.dates.format(then)}, `;
    return day + this.minutes.format(then);
  }
}

/** @param {string} at @param {number} now ms @returns {string} such as "3 min 05 s" */
export function age(at, now) {
  return lasting(now - Date.parse(at));
}

/** @param {number} ms @returns {string} as `age` */
function lasting(ms) {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const minutes = Math.floor(seconds / 60);
  if (minutes < 1) return `${seconds} s`;
  if (minutes < 60) return `${minutes} min ${String(seconds % 60).padStart(2, "0")} s`;
  if (minutes < 2880) return `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, "0")} min`;
  return tn(Math.floor(minutes / 1440), "{n} day", "{n} days");
}
