/** The last hour as a table, newest first. */

import { LitElement, html } from "lit";
import { t } from "../text.js";
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
    return html`<div class="scroll" tabindex="0" role="region" aria-label=${t("Counts of the last hour")}>
      <table class="windows">
        <thead><tr>
          <th scope="col">${t("Window")}</th>
          ${line?.columns.map((name) => html`<th scope="col" class="number">${name}</th>`)}
          ${zone ? html`<th scope="col" class="number">${t("mean in {zone}", { zone: zone.name })}</th>` : ""}
          <th scope="col" class="number">${t("watched")}</th><th scope="col">${t("remark")}</th>
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
    const part = inPart(window) ? t("watched in part") : "";
    const remark = window.open ? t("growing") : window.sample ? t("sample") : part;
    return html`<tr>
      <th scope="row">${t("{from} to {to}", { from: time(window.since), to: window.open ? t("now") : time(window.until) })}</th>
      ${this.shown.line?.columns.map((_, i) => html`<td class="number">${count(crossed?.values[i])}</td>`)}
      ${this.shown.zone ? html`<td class="number">${mean(inside?.values[0])}</td>` : ""}
      <td class="number">${window.coverage === null ? "–" : percent(window.coverage)}</td>
      <td>${remark}</td>
    </tr>`;
  }
}

customElements.define("hour-table", HourTable);
