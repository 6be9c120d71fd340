/** The cameras as a table: everything that the map says, for those who do not see it. */

import { html } from "lit";
import { t } from "../text.js";
import { camera, cameras, events, inWords, measures, title, worstAlarm } from "./city.js";
import { count, statusName } from "./format.js";
import { Panel } from "./panel.js";
import { sign } from "./severity.js";

/** @import { Entity } from "./types.js" */

class CameraList extends Panel {
  static properties = { clock: { attribute: false } };

  render() {
    return html`<div class="scroll"><table class="cameras">
      <caption class="hidden">${t("Cameras with their state")}</caption>
      <thead><tr>
        <th scope="col">${t("Camera")}</th><th scope="col">${t("State")}</th><th scope="col">${t("Since")}</th>
        <th scope="col" class="number">${t("People now")}</th><th scope="col">${t("What lasts")}</th>
        <th scope="col">${t("Alarm")}</th>
      </tr></thead>
      <tbody>${cameras(this.store).map((one) => this.row(one))}</tbody>
    </table></div>`;
  }

  /** @param {Entity} one */
  row(one) {
    const zone = measures(this.store, one).find((measure) => measure.kind === "zone");
    const alarm = worstAlarm(this.store, one);
    const selected = camera(this.store)?.id === one.id;
    return html`<tr class=${selected ? "selected" : ""}>
      <th scope="row">
        <button @click=${() => this.store.selectCamera(one.id)}>${title(one)}</button>
      </th>
      <td class=${one.status}>${statusName(one.status)}</td>
      <td>${this.clock.since(one.statusSince, this.store.now)}</td>
      <td class="number">${zone ? count(zone.live?.peopleCount) : t("no zone")}</td>
      <td>${this.events(one)}</td>
      <td>${alarm ? html`${sign(alarm.severity)} ${alarm.name}` : t("no alarm")}</td>
    </tr>`;
  }

  /** @param {Entity} one */
  events(one) {
    const { now } = this.store;
    const lasting = events(this.store, one).map((event) =>
      html`<div>${t("{what} since {time}", { what: inWords(event), time: this.clock.since(event.validFrom, now) })}</div>`);
    return lasting.length ? lasting : t("nothing");
  }
}

customElements.define("camera-list", CameraList);
