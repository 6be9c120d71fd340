/** Other cameras near the selected alarm: small pictures, under leases of their own. */

import { html, nothing } from "lit";
import { t } from "../text.js";
import { repeat } from "lit/directives/repeat.js";
import { nearCameras, title } from "./city.js";
import { statusName } from "./format.js";
import { Panel } from "./panel.js";
import "./camera-picture.js";

/** @import { Entity } from "./types.js" */

class NearCameras extends Panel {
  static properties = { clock: { attribute: false } };

  render() {
    const near = nearCameras(this.store);
    if (!near.length) return nothing;
    return html`<h3 id="near">${t("Near the alarm")}</h3>
      <ul class="near" aria-labelledby="near">
        ${repeat(near, ({ camera }) => camera.id, ({ camera, m }) => this.one(camera, m))}
      </ul>`;
  }

  /** @param {Entity} camera @param {number} m */
  one(camera, m) {
    return html`<li>
      <button @click=${() => this.store.selectCamera(camera.id)}>${title(camera)} <small>${Math.round(m / 10) * 10} m</small></button>
      ${camera.status === "working"
        ? html`<camera-picture .store=${this.store} .clock=${this.clock} .camera=${camera}></camera-picture>`
        : html`<p class="health ${camera.status}"><b>${statusName(camera.status)}</b></p>`}
    </li>`;
  }
}

customElements.define("near-cameras", NearCameras);
