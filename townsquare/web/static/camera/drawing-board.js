/**
 * Draws and moves lines, zones, points and masks on a picture, with a pointer or with keys.
 *
 * A click sets a point; Enter ends a zone or a mask; Escape gives up; the arrow keys move the point
 * that has the focus, ten pixels with Shift.
 */

import { html, nothing, svg } from "lit";
import { t } from "../text.js";
import { pointsOf } from "./drawing.js";
import { drawnLine, drawnZone, unitOf, words } from "./overlay.js";

/** @import { Chosen, Drawing, Kind } from "./drawing.js" */
/** @import { Point } from "./overlay.js" */

const STEPS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const CLOSE = 0.7; // of a letter's height: so near the first corner ends a zone

export class Board {
  /** @param {() => void} changed what is drawn @param {() => void} redraw */
  constructor(changed, redraw) {
    this.changed = changed;
    this.redraw = redraw;
    this.drawing = /** @type {Drawing|null} */ (null);
    this.tool = /** @type {Kind|""} */ ("");
    this.pending = /** @type {Point[]} */ ([]);
    this.at = /** @type {Point|null} */ (null);
    this.chosen = /** @type {Chosen|null} */ (null);
    this.held = -1;
    this.grid = /** @type {{points: Point[], label: string}[]} */ ([]);
  }

  /** @param {Kind|""} tool */
  take(tool) {
    this.tool = this.tool === tool ? "" : tool;
    this.pending = [];
    this.redraw();
  }

  /** @param {Point[]} points */
  finish(points) {
    if (!this.drawing || !this.tool) return;
    this.chosen = this.drawing.add(this.tool, points);
    // Ground points come in fours.
    if (this.tool !== "ground") this.tool = "";
    this.pending = [];
    this.changed();
  }

  /** @param {KeyboardEvent} event @returns {boolean} whether it meant this board */
  key(event) {
    if (!this.tool || !this.drawing) return false;
    const whole = this.pending.length >= 3 && pointsOf(this.tool) === 0;
    if (event.key === "Escape") this.take("");
    else if (event.key === "Enter" && whole) this.finish(this.pending);
    else if (event.key === "Enter" && !this.pending.length) this.finish(this.drawing.usual(this.tool));
    else return false;
    return true;
  }

  /** @param {PointerEvent} event @returns {Point} in pixels of the picture */
  place(event) {
    const sheet = /** @type {SVGSVGElement} */ (event.currentTarget);
    const p = new DOMPoint(event.clientX, event.clientY).matrixTransform(sheet.getScreenCTM().inverse());
    return this.drawing.inside([p.x, p.y]);
  }

  /** @param {PointerEvent} event */
  down(event) {
    const handle = /** @type {Element} */ (event.target).closest(".handle");
    if (handle && !this.tool) {
      this.held = Number(handle.getAttribute("data-n"));
      /** @type {Element} */ (event.currentTarget).setPointerCapture(event.pointerId);
    } else if (this.tool) this.set(this.place(event));
  }

  /** @param {Point} p */
  set(p) {
    const most = pointsOf(this.tool);
    const [first] = this.pending;
    const near = CLOSE * unitOf(this.drawing.size);
    const closes = most === 0 && this.pending.length >= 3 && Math.hypot(p[0] - first[0], p[1] - first[1]) < near;
    if (closes) return this.finish(this.pending);
    this.pending = [...this.pending, p];
    if (this.pending.length === most) this.finish(this.pending);
    this.redraw();
  }

  /** @param {PointerEvent} event */
  over(event) {
    if (this.held < 0 && !this.tool) return;
    this.at = this.place(event);
    if (this.held >= 0) this.drawing.move(this.chosen, this.held, this.at);
    this.redraw();
  }

  up() {
    if (this.held < 0) return;
    this.held = -1;
    this.changed();
  }

  /** @param {KeyboardEvent} event @param {number} n which point */
  nudge(event, n) {
    const step = STEPS[event.key];
    if (!step) return;
    event.preventDefault();
    const far = event.shiftKey ? 10 : 1;
    const [x, y] = this.drawing.points(this.chosen)[n];
    this.drawing.move(this.chosen, n, [x + step[0] * far, y + step[1] * far]);
    this.changed();
  }

  render() {
    const { drawing } = this;
    if (!drawing) return nothing;
    const [width, height] = drawing.size;
    return html`<svg class="overlay board ${this.tool ? "drawing" : ""}" viewBox="0 0 ${width} ${height}"
      role="group" aria-label=${t("Drawing on the picture")}
      @pointerdown=${(event) => this.down(event)} @pointermove=${(event) => this.over(event)}
      @pointerup=${() => this.up()} @pointercancel=${() => this.up()}>
      ${this.ground()}
      ${["masks", "zones", "lines"].map((kind) => drawing[kind].map((thing, n) => this.thing(kind, thing, n)))}
      ${drawing.ground.map((known, n) => this.known(known, n))}
      ${this.rubber()}
      ${this.handles()}
    </svg>`;
  }

  /** @param {Kind} kind @param {any} thing @param {number} n */
  thing(kind, thing, n) {
    const unit = unitOf(this.drawing.size);
    const chosen = this.chosen?.kind === kind && this.chosen.n === n;
    const drawn = {
      lines: () => drawnLine(thing, unit),
      zones: () => drawnZone(thing, unit),
      masks: () => svg`<g class="mask"><polygon points=${thing.corners.map((p) => p.join(",")).join(" ")}></polygon></g>`,
    }[kind]();
    return svg`<g class=${chosen ? "chosen" : ""} @click=${() => this.choose({ kind, n })}>${drawn}</g>`;
  }

  known({ pixel: [x, y], metres }, n) {
    const unit = unitOf(this.drawing.size);
    return svg`<g @click=${() => this.choose({ kind: "ground", n })}>
      <circle class="known" cx=${x} cy=${y} r=${unit / 3}></circle>
      ${words(`${n + 1}: ${metres[0]}, ${metres[1]} m`, [x, y - unit * 0.9], unit * 0.8)}
    </g>`;
  }

  /** @param {Chosen} chosen */
  choose(chosen) {
    if (this.tool) return;
    this.chosen = chosen;
    this.redraw();
  }

  ground() {
    const unit = unitOf(this.drawing.size);
    return this.grid.map(({ points, label }) => svg`<g>
      <polyline class="grid" points=${points.map((p) => p.join(",")).join(" ")} stroke-width=${unit / 12}></polyline>
      ${label ? words(label, points[0], unit * 0.6) : nothing}
    </g>`);
  }

  rubber() {
    if (!this.pending.length) return nothing;
    const points = this.at ? [...this.pending, this.at] : this.pending;
    const unit = unitOf(this.drawing.size);
    return svg`<polyline class="rubber" points=${points.map((p) => p.join(",")).join(" ")} stroke-width=${unit / 6}></polyline>
      <circle class="handle" cx=${points[0][0]} cy=${points[0][1]} r=${unit / 3}></circle>`;
  }

  handles() {
    const { chosen, drawing } = this;
    if (!chosen || this.tool || !drawing[chosen.kind][chosen.n]) return nothing;
    const unit = unitOf(drawing.size);
    return drawing.points(chosen).map(([x, y], n) => svg`<circle class="handle" data-n=${n} cx=${x} cy=${y}
      r=${unit / 2.2} tabindex="0" role="button" @keydown=${(event) => this.nudge(event, n)}
      aria-label=${t("Point {n} at {x}, {y}; the arrow keys move it", { n: n + 1, x, y })}></circle>`);
  }
}

