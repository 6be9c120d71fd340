/** One camera: its picture on demand, its numbers, its state. */

import { html, nothing } from "lit";
import { camera, events, health, inWords, shortName, title } from "./city.js";
import { age } from "./format.js";
import { Panel } from "./panel.js";
import "./camera-numbers.js";
import "./camera-picture.js";
import "./near-cameras.js";

/** @import { Entity } from "./types.js" */

class CameraTile extends Panel {
  static properties = { clock: { attribute: false } };

  render() {
    const one = camera(this.store);
    if (!one) return html`<h2>Camera</h2><p class="quiet">${this.none()}</p>`;
    return html`
      <h2>${title(one)} ${one.sample ? html`<span class="badge">recorded sample</span>` : nothing}</h2>
      ${this.events(one)}
      <camera-picture .store=${this.store} .clock=${this.clock} .camera=${one}></camera-picture>
      <near-cameras .store=${this.store} .clock=${this.clock}></near-cameras>
      <camera-numbers .store=${this.store} .clock=${this.clock} .camera=${one}></camera-numbers>
      ${this.state(one)}
      ${this.work(one)}
    `;
  }

  none() {
    return this.store.loaded ? "No camera is set in townsquare.toml." : "Waiting for the first news …";
  }

  /** What an engineer can do here. @param {Entity} one */
  work(one) {
    const { may } = this.store.session;
    const at = `/control/cameras/${encodeURIComponent(shortName(one.id))}`;
    return html`<p class="work">
      ${may.includes("calibrate") ? html`<a href="${at}/calibration">Calibrate</a>` : nothing}
      ${may.includes("evaluate") ? html`<a href="${at}/evaluation">Count by hand</a>` : nothing}
    </p>`;
  }

  /** @param {Entity} one */
  events(one) {
    const lasting = events(this.store, one);
    if (!lasting.length) return nothing;
    return html`<ul class="events" aria-label="what lasts here">${lasting.map((event) => html`<li>
      <b>${inWords(event)}</b> since ${this.clock.since(event.validFrom, this.store.now)}
      <small>${age(event.validFrom, this.store.now)}</small>
    </li>`)}</ul>`;
  }

  /** @param {Entity} one */
  state(one) {
    const since = this.clock.since(one.statusSince, this.store.now);
    return html`<p class="health ${one.status}">
      <b>${one.status ?? "unknown"}</b> since ${since}${this.rates(one)}
      ${one.trouble ? html`<span class="trouble">${one.trouble}</span>` : nothing}
    </p>`;
  }

  /** @param {Entity} one */
  rates(one) {
    const known = health(this.store, one);
    if (one.status !== "working" || typeof known?.analysedPerSecond !== "number") return nothing;
    const quality = known.quality ? `, picture ${known.quality}` : "";
    const looks = known.analysedPerSecond.toFixed(1);
    if (known.overloaded !== true || typeof known.askedPerSecond !== "number") {
      return html` · ${looks} looks a second${quality}`;
    }
    return html`${quality} <span class="trouble">looked at ${looks} times a second of
      ${known.askedPerSecond.toFixed(1)} wanted: this machine is too busy; counts will be too low</span>`;
  }
}

customElements.define("camera-tile", CameraTile);
