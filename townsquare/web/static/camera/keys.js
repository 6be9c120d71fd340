/** Which key counts what. Pure. */

/**
 * @typedef {{line: string, of: string, direction: "in"|"out"}} Way
 * @typedef {Way & {key: string}} Key
 */

/** In and out lie under two fingers, the first pairs under the strongest. */
const PAIRS = ["fj", "dk", "sl", "ah", "gn", "vm"];

export const MOST_KEYS = 2 * PAIRS.length;
/** A hand that has more is often wrong. */
export const EASY_KEYS = 4;

/** @param {string[]} lines @param {string[]} groups @param {Record<string, string>} chosen keys by way @returns {Key[]} */
export function keysOf(lines, groups, chosen) {
  const ways = lines.flatMap((line) =>
    groups.flatMap((of) => [
      { line, of, direction: /** @type {const} */ ("in") },
      { line, of, direction: /** @type {const} */ ("out") },
    ]),
  );
  const taken = new Set(ways.map((way) => chosen[nameOf(way)]).filter(Boolean));
  return ways.map((way, n) => {
    const usual = PAIRS[Math.floor(n / 2) % PAIRS.length][n % 2];
    const key = chosen[nameOf(way)] ?? (taken.has(usual) ? free(taken) : usual);
    taken.add(key);
    return { ...way, key };
  });
}

/** @param {Set<string>} taken */
function free(taken) {
  return [...PAIRS.join(""), ..."qwertyuiopzxcb"].find((key) => !taken.has(key)) ?? "";
}

/** @param {Way} way */
export function nameOf({ line, of, direction }) {
  return `${line} ${of} ${direction}`;
}

/** @param {KeyboardEvent} event @returns {string} the key as it counts; empty for those that do not */
export function keyOf(event) {
  const named = event.ctrlKey || event.metaKey || event.altKey || event.repeat;
  return !named && /^[\p{L}\p{N}]$/u.test(event.key) ? event.key.toLowerCase() : "";
}
