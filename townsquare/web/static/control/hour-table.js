/** The last hour as a table, newest first. */

import { LitElement, html } from "lit";
import { count, mean, percent } from "./format.js";
import { inPart } from "./past.js";

/** @import { Window } from "./types.js" */

class HourTable extends LitElement {
  static properties = { shown: { attribute: false }, clock: { attribute: false } };

  createRenderRoot() {
    return this;
  }

  render() {
    const { line, zone, lineWindows, zoneWindows } = this.shown;
    const means = new Map(zoneWindows.map((window) => [window.since, window]));
    const starts = new Set([...lineWindows, ...zoneWindows].map((window) => window.since));
    const lines = new Map(lineWindows.map((window) => [window.since, window]));
    return html`<div class="scroll" tabindex="0" role="region" aria-label="Counts of the last hour">
      <table class="windows">
        <thead><tr>
          <th scope="col">Window</th>
          ${line?.columns.map((name) => html`<th scope="col" class="number">${name}</th>`)}
          ${zone ? html`<th scope="col" class="number">mean in ${zone.name}</th>` : ""}
          <th scope="col" class="number">watched</th><th scope="col">remark</th>
        </tr></thead>
        <tbody>${[...starts].sort((a, b) => b - a).map((at) =>
          this.row(lines.get(at), means.get(at)))}</tbody>
      </table>
    </div>`;
  }

  /** @param {Window|undefined} crossed @param {Window|undefined} inside */
  row(crossed, inside) {
    const window = crossed ?? inside;
    const time = (/** @type {number} */ at) => this.clock.minutes.format(at * 1000);
    const part = inPart(window) ? "watched in part" : "";
    const remark = window.open ? "growing" : window.sample ? "sample" : part;
    return html`<tr>
      <th scope="row">${time(window.since)} to ${window.open ? "now" : time(window.until)}</th>
      ${this.shown.line?.columns.map((_, i) => html`<td class="number">${count(crossed?.values[i])}</td>`)}
      ${this.shown.zone ? html`<td class="number">${mean(inside?.values[0])}</td>` : ""}
      <td class="number">${window.coverage === null ? "–" : percent(window.coverage)}</td>
      <td>${remark}</td>
    </tr>`;
  }
}

customElements.define("hour-table", HourTable);
