/** An hour of the selected camera, the last or around the playhead: a chart, and a table that says the same. */

import { html, nothing } from "lit";
import { t } from "../text.js";
import { Refused } from "./act.js";
import { camera, measures } from "./city.js";
import { Panel } from "./panel.js";
import { HOUR_S, WINDOW_S, closedWindows, inOrder, newlyClosed, openWindow } from "./past.js";
import "./hour-chart.js";
import "./hour-table.js";

/** @import { Measure, Window } from "./types.js" */

const AROUND_MS = (HOUR_S / 2) * 1000; // of the playhead
const SLIDES_MS = 250;

class HourPanel extends Panel {
  static properties = {
    clock: { attribute: false },
    listed: { state: true },
    line: { state: true },
  };

  constructor() {
    super();
    this.listed = false;
    this.line = "";
    this.asked = ""; // what the history below is of
    this.sliding = 0;
    /** @type {Map<string, Window[]>} */
    this.past = new Map();
    this.trouble = "";
  }

  /** @returns {number} where the hour ends, s */
  get end() {
    const { at, now } = this.store;
    return (at === null ? now : Math.min(now, at + AROUND_MS)) / 1000;
  }

  willUpdate() {
    const { staleSince, loaded, at } = this.store;
    const one = camera(this.store);
    this.measures = one ? measures(this.store, one) : [];
    // After a lost connection the history is asked for again: windows may have closed meanwhile.
    const ids = loaded && !staleSince ? this.measures.map(({ id }) => id).join(" ") : "";
    const wanted = ids && `${ids} ${at ?? ""}`;
    if (wanted !== this.asked) {
      this.asked = wanted;
      clearTimeout(this.sliding);
      if (wanted) this.sliding = setTimeout(() => this.fetchPast(this.measures), at === null ? 0 : SLIDES_MS);
    }
    for (const measure of this.measures) this.remember(measure);
  }

  /** @param {Measure[]} wanted */
  async fetchPast(wanted) {
    const { asked, end } = this;
    this.trouble = "";
    for (const measure of wanted) {
      try {
        const windows = await closedWindows(measure, end - HOUR_S - WINDOW_S, end + WINDOW_S);
        if (asked !== this.asked) return; // somebody looks elsewhere by now
        this.past.set(measure.id, [...windows, ...(this.past.get(measure.id) ?? [])]);
      } catch (refused) {
        if (!(refused instanceof Refused)) throw refused;
        // Nothing was counted yet: that is no trouble.
        if (refused.status !== 404) this.trouble = refused.message;
      }
    }
    this.requestUpdate();
  }

  /** @param {Measure} measure */
  remember(measure) {
    const known = [...(this.past.get(measure.id) ?? []), ...newlyClosed(measure)];
    this.past.set(measure.id, inOrder(known, this.end - HOUR_S - WINDOW_S));
  }

  /** @param {Measure|undefined} measure @returns {Window[]} */
  windows(measure) {
    if (!measure) return [];
    const open = this.store.at === null ? openWindow(measure, this.end) : [];
    return inOrder([...(this.past.get(measure.id) ?? []), ...open], this.end - HOUR_S, this.end);
  }

  render() {
    const lines = this.measures.filter((measure) => measure.kind === "line");
    const line = lines.find((measure) => measure.name === this.line) ?? lines[0];
    const zone = this.measures.find((measure) => measure.kind === "zone");
    const shown = {
      line, zone, lineWindows: this.windows(line), zoneWindows: this.windows(zone),
      now: this.end, at: this.store.at === null ? null : this.store.at / 1000,
    };
    const { at } = this.store;
    const which = at === null ? t("Last hour, windows of 5 minutes") : t("Hour around {time}, windows of 5 minutes", { time: this.clock.since(at, this.store.now) });
    return html`
      <h2>${which}
        ${this.choice(lines, line)}
        <span class="switch">
          <button aria-pressed=${!this.listed} @click=${() => (this.listed = false)}>${t("Chart")}</button>
          <button aria-pressed=${this.listed} @click=${() => (this.listed = true)}>${t("Table")}</button>
        </span>
      </h2>
      ${this.trouble ? html`<p class="quiet" role="status">${t("History: {trouble}", { trouble: this.trouble })}</p>` : nothing}
      ${this.listed
        ? html`<hour-table .shown=${shown} .clock=${this.clock}></hour-table>`
        : html`<hour-chart .shown=${shown} .clock=${this.clock}></hour-chart>`}
    `;
  }

  /** @param {Measure[]} lines @param {Measure|undefined} chosen */
  choice(lines, chosen) {
    if (lines.length < 2) return nothing;
    return html`<label>${t("Line")}
      <select @change=${(event) => (this.line = event.target.value)}>
        ${lines.map(({ name }) => html`<option ?selected=${name === chosen?.name}>${name}</option>`)}
      </select>
    </label>`;
  }
}

customElements.define("hour-panel", HourPanel);
