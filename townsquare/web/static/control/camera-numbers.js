/** What a camera counts: people in its zones now, crossings in this window and today. */

import { html, nothing } from "lit";
import { t } from "../text.js";
import { measures } from "./city.js";
import { count, perSquareMetre } from "./format.js";
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
      <span>${t("people in zone {zone} now", { zone: html`<i>${measure.name}</i>` })}${density(measure.live)}</span>
    </p>${this.queue(measure)}</div>`;
  }

  /** @param {Measure} measure */
  queue({ name, queue }) {
    if (queue === undefined) return nothing;
    const metres = queue.queueLength ? html`, ${t("{n} m long", { n: count(queue.queueLength) })}` : "";
    return html`<p class="figure queue" data-observed-at=${queue.at}>
      <b>${count(queue.queueVehicles)}</b>
      <span>${t("vehicles queue in zone {zone}", { zone: html`<i>${name}</i>` })}${metres}</span>
    </p>`;
  }

  /** @param {Measure} measure */
  line({ name, columns, live }) {
    const [towards, away] = columns;
    const { now } = this.store;
    return html`<table class="crossings" data-observed-at=${live?.at}>
      <caption>${t("Across line {line}", { line: html`<i>${name}</i>` })}</caption>
      <thead><tr>
        <td></td>
        <th scope="col">${t("since {time}", { time: this.clock.since(live?.dateObservedFrom, now) })}</th>
        <th scope="col">${this.today(live?.todaySince)}</th>
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
    if (since === undefined) return t("today");
    const from = this.clock.minutes.format(Date.parse(since));
    return from === "00:00" ? t("today") : t("today, from {time}", { time: from });
  }
}

/** How close people are to each other, where metres are known. @param {Entity|undefined} live */
function density(live) {
  return typeof live?.peopleDensity === "number" ? `, ${t("{n} per m²", { n: perSquareMetre(live.peopleDensity) })}` : "";
}

/** The interval beside a count. @param {Entity|undefined} live @param {string} name */
function between(live, name) {
  const [low, high] = [live?.[`${name}Low`], live?.[`${name}High`]];
  return low === undefined ? "" : html`<small class="between">${t("{low} to {high}", { low, high })}</small>`;
}

/** How sure the counts of this window are. @param {Entity|undefined} live */
function measured(live) {
  if (live?.peopleCountTowards === undefined) return "";
  if (live.countEvaluated === undefined) return t("Error unknown: not measured in this light, or never.");
  return t("The true number lies in the small interval 19 times in 20: hand count of {day}.", { day: live.countEvaluated });
}

customElements.define("camera-numbers", CameraNumbers);
