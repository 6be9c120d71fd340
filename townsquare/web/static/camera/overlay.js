/** Lines and zones over a picture, in its pixels, with an arrow through a line for what is "in". */

import { nothing, svg } from "lit";

/**
 * @typedef {[number, number]} Point
 * @typedef {{name: string, a: Point, b: Point, towards: string, away: string}} Line
 * @typedef {{name: string, corners: Point[]}} Zone
 */

/** Looking from a to b, the way to the right. @param {Line} line @param {number} length @returns {Point} */
export function inward({ a, b }, length) {
  const [dx, dy] = [b[0] - a[0], b[1] - a[1]];
  const whole = Math.hypot(dx, dy) || 1;
  return [(-dy / whole) * length, (dx / whole) * length];
}

/** @param {Line} line @returns {Point} */
export function middle({ a, b }) {
  return [(a[0] + b[0]) / 2, (a[1] + b[1]) / 2];
}

/** @param {Line} line @param {number} unit about the height of a letter, in pixels of the picture */
export function drawnLine(line, unit) {
  const [mx, my] = middle(line);
  const [nx, ny] = inward(line, 2 * unit);
  const tip = [mx + nx, my + ny];
  const side = [(-ny / 2) * 0.5, (nx / 2) * 0.5];
  const back = [mx + nx * 0.6, my + ny * 0.6];
  const head = [tip, [back[0] + side[0], back[1] + side[1]], [back[0] - side[0], back[1] - side[1]]];
  const stroke = unit / 5;
  return svg`<g class="line">
    <line class="under" x1=${line.a[0]} y1=${line.a[1]} x2=${line.b[0]} y2=${line.b[1]} stroke-width=${2 * stroke}></line>
    <line class="over" x1=${line.a[0]} y1=${line.a[1]} x2=${line.b[0]} y2=${line.b[1]} stroke-width=${stroke}></line>
    <line class="over" x1=${mx} y1=${my} x2=${back[0]} y2=${back[1]} stroke-width=${stroke}></line>
    <polygon class="tip" points=${head.map((p) => p.join(",")).join(" ")}></polygon>
    ${words(line.name, [line.a[0], line.a[1] - unit / 2], unit, "name")}
    ${words(`in: ${line.towards}`, [tip[0] + nx * 0.3, tip[1] + ny * 0.4], unit * 0.8, "", anchored(nx))}
    ${words(`out: ${line.away}`, [mx - nx * 0.4, my - ny * 0.7], unit * 0.8, "", anchored(-nx))}
  </g>`;
}

/** @param {Zone} zone @param {number} unit */
export function drawnZone(zone, unit) {
  if (!zone.corners.length) return nothing;
  const points = zone.corners.map((p) => p.join(",")).join(" ");
  const x = zone.corners.reduce((sum, p) => sum + p[0], 0) / zone.corners.length;
  const y = zone.corners.reduce((sum, p) => sum + p[1], 0) / zone.corners.length;
  return svg`<g class="zone">
    <polygon points=${points} stroke-width=${unit / 6}></polygon>
    ${words(zone.name, [x, y], unit, "name")}
  </g>`;
}

/** Words lead away from their line. @param {number} way to the right in pixels */
function anchored(way) {
  if (Math.abs(way) < 5) return "middle";
  return way > 0 ? "start" : "end";
}

/** @param {string} text @param {Point|number[]} at @param {number} size */
export function words(text, [x, y], size, kind = "", anchor = "middle") {
  return svg`<text class=${kind} x=${x} y=${y} font-size=${size} text-anchor=${anchor}
    dominant-baseline="middle">${text}</text>`;
}

/** @param {[number, number]} size of the picture */
export function unitOf([width]) {
  return width / 36;
}
