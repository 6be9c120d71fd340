/** The whole page: status bar, alarms, map, camera, last hour; and a veil when data is old. */

import { html, nothing } from "lit";
import { t } from "../text.js";
import { openAlarms } from "./city.js";
import { Clock } from "./format.js";
import { Panel } from "./panel.js";
import "./alarm-queue.js";
import "./camera-tile.js";
import "./day-line.js";
import "./hour-panel.js";
import "./status-bar.js";
import "./town-map.js";

class ControlRoom extends Panel {
  constructor() {
    super();
    this.clock = /** @type {Clock|undefined} */ (undefined);
  }

  willUpdate() {
    this.clock ??= new Clock(this.store.session.town.timezone);
    const waiting = openAlarms(this.store).length;
    const name = `${t("Control room")} · ${this.store.session.town.name}`;
    document.title = waiting ? `(${waiting}) ${name}` : name;
  }

  render() {
    const { store, clock } = this;
    return html`
      <status-bar .store=${store} .clock=${clock}></status-bar>
      <p class="veil ${store.staleSince ? "lost" : ""}" role="status">${this.veil()}</p>
      <main id="main" class="room ${store.staleSince ? "stale" : ""}">
        <alarm-queue class="panel queue" .store=${store} .clock=${clock}></alarm-queue>
        <town-map class="panel map" .store=${store} .clock=${clock}></town-map>
        <camera-tile class="panel tile" tabindex="0" role="region" aria-label=${t("Camera")} .store=${store} .clock=${clock}></camera-tile>
        <hour-panel class="panel hour" .store=${store} .clock=${clock}></hour-panel>
        <day-line class="panel day" role="region" aria-label=${t("Last 24 hours")} .store=${store} .clock=${clock}></day-line>
      </main>
    `;
  }

  veil() {
    const { staleSince, loaded, away } = this.store;
    if (!staleSince) return away ? this.wasAway(away) : nothing;
    const since = this.clock.seconds.format(staleSince);
    const old = loaded ? t("What you see below is of that time.") : "";
    return html`<strong>${t("STALE since {time}", { time: since })}</strong> ${t("Connection lost, trying again.")} ${old}`;
  }

  /** @param {{since: number, until: number}} away */
  wasAway({ since, until }) {
    const [from, to] = [since, until].map((at) => this.clock.seconds.format(at));
    return html`${t("Connection was lost from {from} to {to}. All that changed meanwhile is here now.", { from, to })}
      <button @click=${() => this.store.back()}>${t("Understood")}</button>`;
  }
}

customElements.define("control-room", ControlRoom);
