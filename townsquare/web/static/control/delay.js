/**
 * How late the town is on this screen: from a reading's own time to the drawing of it. Pure.
 *
 * Always holds: a clock of this machine that is wrong changes nothing, since the server says what
 * time it is there; what is not known is null.
 */

/** @import { Entity } from "./types.js" */

const MINUTE_MS = 60_000;
const MOST = 2000; // at more changes a minute these are of a shorter time
export const LATE_MS = 5000;

export class Delays {
  constructor() {
    /** By how much this machine's clock is ahead of the server's, ms. */
    this.ahead = /** @type {number|null} */ (null);
    this.coming = /** @type {number[]} */ ([]); // since when it is so, of what is not drawn yet
    this.drawn = /** @type {{at: number, ms: number}[]} */ ([]);
  }

  /** @param {Entity} entity as it has changed @param {Entity} [before] as it was known here */
  expect(entity, before) {
    if (this.coming.length < MOST) this.coming.push(since(entity, before));
  }

  /** What was expected is on the screen. @param {number} now ms, of this machine's clock */
  draw(now) {
    for (const then of this.ahead === null ? [] : this.coming) {
      this.drawn.push({ at: now, ms: Math.max(0, now - this.ahead - then) });
    }
    this.coming = [];
    this.drawn = this.drawn.slice(-MOST);
  }

  /** @param {number} now ms @returns {number|null} median of the last minute, ms */
  median(now) {
    this.drawn = this.drawn.filter(({ at }) => now - at < MINUTE_MS);
    const all = this.drawn.map(({ ms }) => ms).sort((a, b) => a - b);
    const half = all.length >> 1;
    return all.length === 0 ? null : all.length % 2 ? all[half] : (all[half - 1] + all[half]) / 2;
  }
}

/**
 * The reading's own time; where the change brings no reading, or one of the future, when it was kept.
 * @param {Entity} entity @param {Entity} [before] @returns {number} ms
 */
export function since(entity, before) {
  const kept = Date.parse(entity.modifiedAt);
  return entity.at === before?.at ? kept : Math.min(kept, Date.parse(entity.at));
}
