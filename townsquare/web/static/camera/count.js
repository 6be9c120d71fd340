/**
 * A hand count that runs: when which key was pressed.
 *
 * Always holds: what was pressed lies in this tab's own storage until the count ended, so that a
 * reload loses nothing. Times are seconds since the server said that it had begun.
 */

/** @import { Key } from "./keys.js" */

/** @typedef {{n: number, at_s: number}} Press `n` is the place of its key in the list */

export class Count {
  /**
   * @param {string} camera
   * @param {{evaluation: string, begun: number, length_s: number, keys: Key[], presses: Press[]}} kept
   */
  constructor(camera, kept) {
    this.camera = camera;
    this.evaluation = kept.evaluation;
    this.begun = kept.begun;
    this.length_s = kept.length_s;
    this.keys = kept.keys;
    this.presses = kept.presses;
  }

  /** @param {string} camera @returns {Count|null} the one that ran before a reload */
  static kept(camera) {
    const text = sessionStorage.getItem(place(camera));
    return text ? new Count(camera, JSON.parse(text)) : null;
  }

  keep() {
    const { evaluation, begun, length_s, keys, presses } = this;
    const text = JSON.stringify({ evaluation, begun, length_s, keys, presses });
    sessionStorage.setItem(place(this.camera), text);
  }

  forget() {
    sessionStorage.removeItem(place(this.camera));
  }

  /** @param {number} now ms */
  at(now) {
    return (now - this.begun) / 1000;
  }

  /** @param {number} n @param {number} now ms @returns {boolean} whether it counts */
  press(n, now) {
    const at_s = Math.floor(this.at(now) * 100) / 100;
    if (at_s < 0 || at_s > this.length_s) return false;
    this.presses.push({ n, at_s });
    this.keep();
    return true;
  }

  /** @returns {Press|undefined} the one that is gone */
  undo() {
    const gone = this.presses.pop();
    this.keep();
    return gone;
  }

  /** @param {number} n */
  number(n) {
    return this.presses.filter((press) => press.n === n).length;
  }

  /** As it is handed in. */
  told() {
    return this.keys.map(({ line, of, direction }, n) => ({
      line,
      of,
      direction,
      at_s: this.presses.filter((press) => press.n === n).map((press) => press.at_s),
    }));
  }
}

/** @param {string} camera */
function place(camera) {
  return `hand-count ${camera}`;
}
