/** Road users, directions and intervals in words. Pure. */

import { t } from "../text.js";

/** @type {Record<string, string>} */
const CLASSES = {
  person: t("people"),
  bicycle: t("bicycles"),
  motorcycle: t("motorcycles"),
  car: t("cars"),
  bus: t("buses"),
  truck: t("trucks"),
  tram: t("trams"),
  vehicle: t("all with a motor"),
};

/** @param {string} of */
export function classWords(of) {
  return CLASSES[of] ?? of;
}

/**
 * @param {{towards: string, away: string}} line
 * @param {"in"|"out"} direction
 */
export function directionWords(line, direction) {
  return direction === "in" ? line.towards : line.away;
}

/** @param {{of: number, low: number, high: number}|null} interval @param {number} byHand */
export function intervalWords(interval, byHand) {
  if (interval) {
    const { of, low, high } = interval;
    return t("of {n} counted, {low} to {high} really passed, 19 times in 20", { n: of, low, high });
  }
  return byHand ? t("unknown: too little was found of what passed") : t("unknown: nobody passed");
}

/** @param {number} seconds @returns {string} such as "14:05" */
export function clockWords(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}
