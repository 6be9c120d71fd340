/**
 * What is drawn on a camera's picture: lines, zones, known points of the ground, masks.
 *
 * Always holds: points are whole pixels inside the picture.
 */

/** @import { Point } from "./overlay.js" */

/**
 * @typedef {{name: string, a: Point, b: Point, towards: string, away: string}} Line
 * @typedef {{name: string, corners: Point[], [event: string]: any}} Zone
 * @typedef {{pixel: Point, metres: Point}} Known
 * @typedef {{corners: Point[]}} Mask
 * @typedef {"lines"|"zones"|"ground"|"masks"} Kind
 * @typedef {{kind: Kind, n: number}} Chosen
 */

/** @type {Kind[]} */
export const KINDS = ["lines", "zones", "ground", "masks"];

export class Drawing {
  /** @param {{lines: Line[], zones: Zone[], ground: Known[], masks: Mask[]}} layout @param {[number, number]} size */
  constructor(layout, size) {
    this.lines = layout.lines;
    this.zones = layout.zones;
    this.ground = layout.ground;
    this.masks = layout.masks;
    this.size = size;
  }

  told() {
    const { lines, zones, ground, masks } = this;
    return { lines, zones, ground, masks };
  }

  /** @param {Point|number[]} p @returns {Point} */
  inside([x, y]) {
    const [width, height] = this.size;
    return [Math.round(Math.min(Math.max(x, 0), width)), Math.round(Math.min(Math.max(y, 0), height))];
  }

  /** @param {Kind} kind @param {Point[]} points @returns {Chosen} */
  add(kind, points) {
    const at = points.map((p) => this.inside(p));
    if (kind === "lines") this.lines.push({ name: this.free("line"), a: at[0], b: at[1], towards: "in", away: "out" });
    else if (kind === "zones") this.zones.push({ name: this.free("zone"), corners: at });
    else if (kind === "ground") this.ground.push({ pixel: at[0], metres: [0, 0] });
    else this.masks.push({ corners: at });
    return { kind, n: this[kind].length - 1 };
  }

  /** @param {Chosen} chosen */
  remove({ kind, n }) {
    this[kind].splice(n, 1);
  }

  /** @param {Chosen} chosen @returns {Point[]} */
  points({ kind, n }) {
    if (kind === "lines") return [this.lines[n].a, this.lines[n].b];
    return kind === "ground" ? [this.ground[n].pixel] : this[kind][n].corners;
  }

  /** @param {Chosen} chosen @param {number} i which of its points @param {Point|number[]} to */
  move({ kind, n }, i, to) {
    const at = this.inside(to);
    if (kind === "lines") this.lines[n][i ? "b" : "a"] = at;
    else if (kind === "ground") this.ground[n].pixel = at;
    else this[kind][n].corners[i] = at;
  }

  /** What was in is out then. @param {number} n */
  turn(n) {
    const line = this.lines[n];
    [line.a, line.b, line.towards, line.away] = [line.b, line.a, line.away, line.towards];
  }

  /** @param {string} start @returns {string} a name that nothing has yet */
  free(start) {
    const names = new Set([...this.lines, ...this.zones].map((thing) => thing.name));
    let n = 1;
    while (names.has(`${start}-${n}`)) n += 1;
    return `${start}-${n}`;
  }

  /** In the middle, for who draws with keys. @param {Kind} kind @returns {Point[]} */
  usual(kind) {
    const [width, height] = this.size;
    const [left, right, top, bottom] = [width * 0.4, width * 0.6, height * 0.4, height * 0.6];
    if (kind === "lines") return [[left, bottom], [right, bottom]];
    if (kind === "ground") return [[width / 2, height / 2]];
    return [[left, top], [right, top], [right, bottom], [left, bottom]];
  }
}

/** How many points make one; 0 for as many as are wanted, three at least. @param {Kind} kind */
export function pointsOf(kind) {
  return { lines: 2, ground: 1, zones: 0, masks: 0 }[kind];
}
