/** One camera: its picture on demand, its numbers, its state. */

import { html, nothing } from "lit";
import { t } from "../text.js";
import { camera, events, health, inWords, shortName, title } from "./city.js";
import { age, mean, statusName } from "./format.js";
import { Panel } from "./panel.js";
import "./camera-numbers.js";
import "./camera-picture.js";
import "./near-cameras.js";

/** @import { Entity } from "./types.js" */

/** How good its picture is. */
const QUALITIES = { unknown: t("unknown"), good: t("good"), dark: t("dark"), frozen: t("frozen") };

class CameraTile extends Panel {
  static properties = { clock: { attribute: false } };

  render() {
    const one = camera(this.store);
    if (!one) return html`<h2>${t("Camera")}</h2><p class="quiet">${this.none()}</p>`;
    return html`
      <h2>${title(one)} ${one.sample ? html`<span class="badge">${t("recorded sample")}</span>` : nothing}</h2>
      ${this.events(one)}
      <camera-picture .store=${this.store} .clock=${this.clock} .camera=${one}></camera-picture>
      <near-cameras .store=${this.store} .clock=${this.clock}></near-cameras>
      <camera-numbers .store=${this.store} .clock=${this.clock} .camera=${one}></camera-numbers>
      ${this.state(one)}
      ${this.work(one)}
    `;
  }

  none() {
    return this.store.loaded ? t("No camera is set in townsquare.toml.") : t("Waiting for the first news …");
  }

  /** What this role can do here. @param {Entity} one */
  work(one) {
    const { may } = this.store.session;
    const at = `/control/cameras/${encodeURIComponent(shortName(one.id))}`;
    return html`<p class="work">
      ${may.includes("calibrate") ? html`<a href="${at}/calibration">${t("Calibrate")}</a>` : nothing}
      ${may.includes("see clearly") && !one.countsOnly ? html`<a href="${at}/clear">${t("See it as it is")}</a>` : nothing}
      ${may.includes("evaluate") ? html`<a href="${at}/evaluation">${t("Count by hand")}</a>` : nothing}
    </p>`;
  }

  /** @param {Entity} one */
  events(one) {
    const lasting = events(this.store, one);
    if (!lasting.length) return nothing;
    return html`<ul class="events" aria-label=${t("what lasts here")}>${lasting.map((event) => html`<li>
      ${t("{what} since {time}", { what: html`<b>${inWords(event)}</b>`, time: this.clock.since(event.validFrom, this.store.now) })}
      <small>${age(event.validFrom, this.store.now)}</small>
    </li>`)}</ul>`;
  }

  /** @param {Entity} one */
  state(one) {
    const since = this.clock.since(one.statusSince, this.store.now);
    return html`<p class="health ${one.status}">
      ${t("{what} since {time}", { what: html`<b>${statusName(one.status)}</b>`, time: since })}${this.rates(one)}
      ${one.trouble ? html`<span class="trouble">${one.trouble}</span>` : nothing}
    </p>`;
  }

  /** @param {Entity} one */
  rates(one) {
    const known = health(this.store, one);
    if (one.status !== "working" || typeof known?.analysedPerSecond !== "number") return nothing;
    const quality = known.quality ? `, ${t("picture {quality}", { quality: QUALITIES[known.quality] ?? known.quality })}` : "";
    const looks = mean(known.analysedPerSecond);
    if (known.overloaded !== true || typeof known.askedPerSecond !== "number") {
      return html` · ${t("{n} looks a second", { n: looks })}${quality}`;
    }
    return html`${quality} <span class="trouble">${t("looked at {n} times a second of {wanted} wanted: this machine is too busy; counts will be too low",
      { n: looks, wanted: mean(known.askedPerSecond) })}</span>`;
  }
}

customElements.define("camera-tile", CameraTile);
