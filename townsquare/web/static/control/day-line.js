/**
 * The last 24 hours of alarms, ten minutes a bar, and the playhead that all charts follow.
 *
 * What is on the map and in the queue is of now, wherever the playhead stands; the line says so.
 */

import { html, nothing, svg } from "lit";
import { t, tn } from "../text.js";
import { asked, Refused } from "./act.js";
import { SEVERITIES } from "./city.js";
import { Panel } from "./panel.js";
import { severityName } from "./severity.js";

/** @import { Severity } from "./types.js" */
/** @typedef {{since: string} & Record<Severity, number>} Bin */
/** @typedef {{stepMinutes: number, knownSince: string|null, bins: Bin[],
 *   down: {since: string, until: string}[]}} Timeline */

const SOON_MS = 10_000; // after news of alarms
const AGAIN_MS = 60_000;
const LEAST = 5; // alarms that a full bar stands for

class DayLine extends Panel {
  static properties = { clock: { attribute: false } };

  constructor() {
    super();
    this.told = /** @type {Timeline|null} */ (null);
    this.askedAt = 0;
    this.askedFor = -1; // changes of alarms by then
    this.trouble = "";
  }

  willUpdate() {
    const { now, loaded, staleSince } = this.store;
    const news = (this.store.changes.get("Alert") ?? 0) !== this.askedFor;
    if (loaded && !staleSince && now - this.askedAt > (news ? SOON_MS : AGAIN_MS)) this.ask();
  }

  async ask() {
    this.askedAt = this.store.now;
    this.askedFor = this.store.changes.get("Alert") ?? 0;
    try {
      this.told = await (await asked("/alerts/timeline")).json();
      this.trouble = "";
    } catch (refused) {
      if (!(refused instanceof Refused)) throw refused;
      this.trouble = refused.message;
    }
    this.requestUpdate();
  }

  render() {
    if (!this.told) return html`<p class="quiet">${this.trouble || t("The last 24 hours are being read …")}</p>`;
    const { bins } = this.told;
    const last = bins.length - 1;
    const n = this.store.at === null ? last : Math.max(0, this.place(this.store.at));
    return html`
      <p class="reading">
        <b>${this.store.at === null ? t("Last 24 hours") : t("Charts show {time}", { time: this.clock.since(this.store.at, this.store.now) })}</b>
        <span>${this.words(bins[n])}</span>
        ${this.store.at === null
          ? nothing
          : html`<span>${t("Alarms and map are of now.")}</span><button @click=${() => this.store.look(null)}>${t("Back to now")}</button>`}
        ${this.trouble ? html`<span role="status">${this.trouble}</span>` : nothing}
      </p>
      <div class="strip">
        <svg viewBox="0 0 ${bins.length} 100" preserveAspectRatio="none" aria-hidden="true">${this.bars()}</svg>
        <input type="range" min="0" max=${last} .value=${String(n)} aria-label=${t("Moment that the charts show")}
          aria-valuetext=${this.words(bins[n])}
          @input=${(/** @type {any} */ event) => this.move(Number(event.target.value))} />
        <ol class="hours" aria-hidden="true">${[0, 1, 2, 3, 4].map((quarter) =>
          html`<li>${this.clock.minutes.format(Date.parse(bins[Math.round((quarter * last) / 4)].since))}</li>`)}</ol>
      </div>
    `;
  }

  /** @param {number} at ms @returns {number} of its bar */
  place(at) {
    const { bins, stepMinutes } = this.told;
    return Math.min(bins.length - 1, Math.floor((at - Date.parse(bins[0].since)) / (stepMinutes * 60_000)));
  }

  /** @param {number} n of a bar; the last one is now */
  move(n) {
    const { bins } = this.told;
    this.store.look(n === bins.length - 1 ? null : Date.parse(bins[n].since));
  }

  bars() {
    const { bins } = this.told;
    const most = Math.max(LEAST, ...bins.map(total));
    return bins.map((bin, n) => {
      if (!this.known(bin)) return svg`<rect class="unknown" x=${n} y="0" width="1" height="100" />`;
      let top = 100;
      return SEVERITIES.filter((severity) => bin[severity]).map((severity) => {
        const height = (bin[severity] / most) * 100;
        top -= height;
        return svg`<rect class=${severity} x=${n + 0.1} y=${top} width="0.8" height=${height} />`;
      });
    });
  }

  /** @param {Bin} bin */
  known(bin) {
    const { knownSince, stepMinutes, down } = this.told;
    const [since, until] = [Date.parse(bin.since), Date.parse(bin.since) + stepMinutes * 60_000];
    const heard = total(bin) || !down.some((one) => Date.parse(one.since) < until && Date.parse(one.until) > since);
    return heard && knownSince !== null && Date.parse(bin.since) + stepMinutes * 60_000 > Date.parse(knownSince);
  }

  /** @param {Bin} bin such as "14:20 to 14:30: 3 alarms (1 high, 2 low)" */
  words(bin) {
    const since = Date.parse(bin.since);
    const [from, to] = [since, since + this.told.stepMinutes * 60_000].map((at) => this.clock.minutes.format(at));
    const parts = SEVERITIES.filter((severity) => bin[severity]).map((severity) => `${bin[severity]} ${severityName(severity)}`);
    const number = total(bin);
    const what = !this.known(bin) ? t("no alarms were kept then")
      : number ? tn(number, "{n} alarm ({parts})", "{n} alarms ({parts})", { parts: parts.join(", ") }) : t("no alarm");
    return t("{from} to {to}: {what}", { from, to, what });
  }
}

/** @param {Bin} bin */
function total(bin) {
  return SEVERITIES.reduce((sum, severity) => sum + bin[severity], 0);
}

customElements.define("day-line", DayLine);
