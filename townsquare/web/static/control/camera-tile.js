/** One camera: its picture on demand, its numbers, its state. */

import { html, nothing } from "lit";
import { camera, health, title } from "./city.js";
import { Panel } from "./panel.js";
import "./camera-numbers.js";
import "./camera-picture.js";

/** @import { Entity } from "./types.js" */

class CameraTile extends Panel {
  static properties = { clock: { attribute: false } };

  render() {
    const one = camera(this.store);
    if (!one) return html`<h2>Camera</h2><p class="quiet">${this.none()}</p>`;
    return html`
      <h2>${title(one)} ${one.sample ? html`<span class="badge">recorded sample</span>` : nothing}</h2>
      <camera-picture .store=${this.store} .clock=${this.clock} .camera=${one}></camera-picture>
      <camera-numbers .store=${this.store} .clock=${this.clock} .camera=${one}></camera-numbers>
      ${this.state(one)}
    `;
  }

  none() {
    return this.store.loaded ? "No camera is set in townsquare.toml." : "Waiting for the first news …";
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
    return html` · ${known.analysedPerSecond.toFixed(1)} looks a second${quality}`;
  }
}

customElements.define("camera-tile", CameraTile);
