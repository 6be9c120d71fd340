/** What the lists of drawn things share: a box for each, fields, points, and what is wrong beside them. */

import { LitElement, html } from "lit";
import { t } from "../text.js";

/** @import { Board } from "./drawing-board.js" */
/** @import { Kind } from "./drawing.js" */

export class Fields extends LitElement {
  static properties = { board: { attribute: false }, problems: { attribute: false }, turned: { attribute: false } };

  constructor() {
    super();
    this.board = /** @type {Board} */ (/** @type {any} */ (null));
    this.problems = /** @type {{at: string, what: string}[]} */ ([]);
  }

  createRenderRoot() {
    return this;
  }

  /** @param {Kind} kind @param {number} n */
  of(kind, n) {
    return `${kind}.${n}`;
  }

  /** @param {string} at */
  wrong(at) {
    return this.problems.filter((problem) => problem.at === at);
  }

  /** @param {Kind} kind @param {number} n @param {string} title @param {any} content */
  thing(kind, n, title, content) {
    const wrong = this.wrong(this.of(kind, n));
    return html`<div class="thing ${wrong.length ? "wrong" : ""}" role="group" aria-label=${title}
      @focusin=${() => this.board.choose({ kind, n })}>
      ${wrong.map(({ what }) => html`<p class="refused" role="alert">${what}</p>`)}
      ${content}
    </div>`;
  }

  /** @param {string} label @param {string} value @param {(value: string) => void} set */
  text(label, value, set, at = "") {
    return html`<label>${label}<input maxlength="60" .value=${value} aria-invalid=${this.wrong(at).length > 0}
      @change=${(event) => this.set(() => set(event.target.value.trim()))}></label>`;
  }

  /** @param {string} label @param {number} value @param {(value: number) => void} set */
  number(label, value, set, step = "1") {
    return html`<label>${label} <input type="number" step=${step} .value=${String(value)}
      @change=${(event) => this.set(() => set(event.target.valueAsNumber || 0))}></label>`;
  }

  set(act) {
    act();
    this.board.changed();
  }

  /** Of each point x and y, for who cannot or will not drag. @param {Kind} kind @param {number} n @param {string[]} names */
  points(kind, n, names = []) {
    const { drawing } = this.board;
    return html`<div class="points">${drawing.points({ kind, n }).map(([x, y], i) => {
      const name = names[i] ?? t("corner {n}", { n: i + 1 });
      return html`${this.number(`${name} x`, x, (value) => drawing.move({ kind, n }, i, [value, y]))}
        ${this.number("y", y, (value) => drawing.move({ kind, n }, i, [x, value]))}`;
    })}</div>`;
  }

  /** @param {Kind} kind @param {number} n @param {string} name */
  removes(kind, n, name) {
    return html`<button aria-label=${t("Remove {name}", { name })} @click=${() => this.set(() => {
      this.board.drawing.remove({ kind, n });
      this.board.chosen = null;
    })}>${t("Remove")}</button>`;
  }
}

