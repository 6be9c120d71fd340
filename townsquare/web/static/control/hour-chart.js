/** The last hour as a chart: bars for both directions of a line, a line for a zone's mean. */

import { LitElement, html, nothing } from "lit";
import uPlot from "uplot";
import { t } from "../text.js";
import { chartOptions } from "./chart-look.js";
import { HOUR_S, WINDOW_S, inPart } from "./past.js";

/** @import { Window } from "./types.js" */

class HourChart extends LitElement {
  static properties = { shown: { attribute: false }, clock: { attribute: false } };

  createRenderRoot() {
    return this;
  }

  firstUpdated() {
    this.night = matchMedia("(prefers-color-scheme: dark)");
    this.sizes = new ResizeObserver(() => this.fit());
    this.sizes.observe(this.querySelector(".plot"));
    this.again = () => this.remake();
    this.night.addEventListener("change", this.again);
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    this.sizes?.disconnect();
    this.night?.removeEventListener("change", this.again);
    this.plot?.destroy();
    this.plot = undefined;
  }

  updated() {
    const { shown } = this;
    const end = Math.ceil(shown.now / WINDOW_S) * WINDOW_S;
    const windows = [shown.lineWindows, shown.zoneWindows].map(drawable);
    const state = JSON.stringify([end, shown.at, windows, shown.line?.id, shown.zone?.id]);
    if (state === this.drawn) return;
    this.drawn = state;
    this.range = [end - HOUR_S, end];
    if (this.plot) this.plot.setData(columns(shown), true);
    else this.remake();
  }

  remake() {
    this.plot?.destroy();
    const place = this.querySelector(".plot");
    const size = { width: place.clientWidth || 600, height: place.clientHeight || 200 };
    const options = chartOptions(this, size);
    this.plot = new uPlot(options, columns(this.shown), place);
  }

  fit() {
    const { clientWidth: width, clientHeight: height } = this.querySelector(".plot");
    if (this.plot && width && height) this.plot.setSize({ width, height });
  }

  render() {
    const { line, zone, lineWindows, zoneWindows } = this.shown;
    const all = [...lineWindows, ...zoneWindows];
    const key = (/** @type {string} */ look, /** @type {unknown} */ words) =>
      html`<li><i class="key ${look}"></i>${words}</li>`;
    return html`
      <ul class="legend">
        ${line ? [key("towards", line.columns[0]), key("away", line.columns[1])] : nothing}
        ${zone ? key("mean", t("mean in zone {zone}", { zone: zone.name })) : nothing}
        ${line ? key("open", t("window still growing")) : nothing}
        ${all.some(inPart) ? key("part", t("watched in part")) : nothing}
        ${all.some((window) => window.sample) ? key("sample", t("sample, not counted here")) : nothing}
        <li>${t("gap: not counted")}</li>
      </ul>
      <div class="plot" role="img" aria-label=${t("Chart of the hour; the table says the same")}></div>
    `;
  }
}

/** The end of the open window is now: it alone is no reason to draw again. */
function drawable(/** @type {Window[]} */ windows) {
  return windows.map(({ since, values, sample, open }) => [since, values, sample, open]);
}

/**
 * Columns for uPlot: middles of windows, both directions, mean. A stretch that was not counted is
 * a row of nulls, so that the line of means breaks there.
 */
function columns(/** @type {any} */ { lineWindows, zoneWindows }) {
  const lines = new Map(lineWindows.map((window) => [window.since, window.values]));
  const zones = new Map(zoneWindows.map((window) => [window.since, window.values]));
  const starts = [...new Set([...lines.keys(), ...zones.keys()])].sort((a, b) => a - b);
  const rows = [];
  for (const [i, at] of starts.entries()) {
    if (i && at - starts[i - 1] > WINDOW_S) rows.push([at - WINDOW_S / 2, null, null, null]);
    const [towards, away] = lines.get(at) ?? [null, null];
    rows.push([at + WINDOW_S / 2, towards, away, zones.get(at)?.[0] ?? null]);
  }
  return [0, 1, 2, 3].map((column) => rows.map((row) => row[column]));
}

customElements.define("hour-chart", HourChart);
