/** Moments by the clock of the town, whatever the clock of this computer shows. Pure. */

const DAY_MS = 86_400_000;

/** @param {string} at ISO 8601 @param {string} timeZone @returns {string} such as 2027-01-31T08:00, for a form */
export function townClock(at, timeZone) {
  const how = /** @type {const} */ ({ year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
  const parts = new Intl.DateTimeFormat("en", { ...how, timeZone }).formatToParts(new Date(at));
  const { year, month, day, hour, minute } = Object.fromEntries(parts.map(({ type, value }) => [type, value]));
  return `${year.padStart(4, "0")}-${month}-${day}T${hour}:${minute}`;
}

/**
 * The moment when the clock of the town shows this: the first of two; where it never does, the
 * moment it would have shown it, had nobody changed it.
 *
 * @param {string} clock such as 2027-01-31T08:00 @param {string} timeZone @returns {string} ISO 8601, in UTC
 */
export function townMoment(clock, timeZone) {
  const shown = Date.parse(`${clock}Z`);
  const ahead = (/** @type {number} */ at) => Date.parse(`${townClock(new Date(at).toISOString(), timeZone)}Z`) - at;
  const [before, after] = [shown - DAY_MS, shown + DAY_MS].map((at) => shown - ahead(at));
  const fits = [before, after].filter((at) => at + ahead(at) === shown).sort((a, b) => a - b);
  return new Date(fits[0] ?? before).toISOString();
}
