/** What a camera counts: people in its zones now, crossings in this window and today. */

import { html, nothing } from "lit";
import { measures } from "./city.js";
import { count } from "./format.js";
import { Panel } from "./panel.js";

/** @import { Entity, Measure } from "./types.js" */

class CameraNumbers extends Panel {
  static properties = { clock: { attribute: false }, camera: { attribute: false } };

  render() {
    return measures(this.store, this.camera).map((measure) =>
      measure.kind === "zone" ? this.zone(measure) : this.line(measure));
  }

  /** @param {Measure} measure */
  zone(measure) {
    return html`<div><p class="figure" data-observed-at=${measure.live?.at}>
      <b>${count(measure.live?.peopleCount)}</b>
      <span>people in zone <i>${measure.name}</i> now${density(measure.live)}</span>
    </p>${this.queue(measure)}</div>`;
  }

  /** @param {Measure} measure */
  queue({ name, queue }) {
    if (queue === undefined) return nothing;
    const metres = queue.queueLength ? html`, ${count(queue.queueLength)} m long` : "";
    return html`<p class="figure queue" data-observed-at=${queue.at}>
      <b>${count(queue.queueVehicles)}</b>
      <span>vehicles queue in zone <i>${name}</i>${metres}</span>
    </p>`;
  }

  /** @param {Measure} measure */
  line({ name, columns, live }) {
    const [towards, away] = columns;
    const { now } = this.store;
    return html`<table class="crossings" data-observed-at=${live?.at}>
      <caption>Across line <i>${name}</i></caption>
      <thead><tr>
        <td></td>
        <th scope="col">since ${this.clock.since(live?.dateObservedFrom, now)}</th>
        <th scope="col">today${this.today(live?.todaySince)}</th>
      </tr></thead>
      <tbody>
        <tr><th scope="row">${towards}</th>
          <td>${count(live?.peopleCountTowards)}${between(live, "peopleCountTowards")}</td><td>${count(live?.todayTowards)}</td></tr>
        <tr><th scope="row">${away}</th>
          <td>${count(live?.peopleCountAway)}${between(live, "peopleCountAway")}</td><td>${count(live?.todayAway)}</td></tr>
      </tbody>
      <tfoot><tr><td colspan="3">${measured(live)}</td></tr></tfoot>
    </table>`;
  }

  /** A day that was not watched from its start says from when. */
  today(/** @type {string|undefined} */ since) {
    if (since === undefined) return "";
    const from = this.clock.minutes.format(Date.parse(since));
    return from === "00:00" ? "" : html`, from ${from}`;
  }
}

/** How close people are to each other, where metres are known. @param {Entity|undefined} live */
function density(live) {
  return typeof live?.peopleDensity === "number" ? `, ${live.peopleDensity.toFixed(2)} per m²` : "";
}

/** The interval beside a count. @param {Entity|undefined} live @param {string} name */
function between(live, name) {
  const [low, high] = [live?.[`${name}Low`], live?.[`${name}High`]];
  return low === undefined ? "" : html`<small class="between">${low} to ${high}</small>`;
}

/** How sure the counts of this window are. @param {Entity|undefined} live */
function measured(live) {
  if (live?.peopleCountTowards === undefined) return "";
  if (live.countEvaluated === undefined) return "Error unknown: not measured in this light, or never.";
  const day = live.countEvaluated;
  return `The true number lies in the small interval 19 times in 20: hand count of ${day}.`;
}

customElements.define("camera-numbers", CameraNumbers);
