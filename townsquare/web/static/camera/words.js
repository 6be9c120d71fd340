/** Road users, directions and intervals in words. Pure. */

/** @type {Record<string, string>} */
const CLASSES = {
  person: "people",
  bicycle: "bicycles",
  motorcycle: "motorcycles",
  car: "cars",
  bus: "buses",
  truck: "trucks",
  tram: "trams",
  vehicle: "all with a motor",
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
    return `of ${of} counted, ${low} to ${high} really passed, 19 times in 20`;
  }
  return byHand ? "unknown: too little was found of what passed" : "unknown: nobody passed";
}

/** @param {number} seconds @returns {string} such as "14:05" */
export function clockWords(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}
