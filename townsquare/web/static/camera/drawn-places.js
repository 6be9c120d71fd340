/** Zones, known points of the ground, and masks as lists. */

import { html, nothing } from "lit";
import { t } from "../text.js";
import { Fields } from "./fields.js";

const GROUND = t(
  "Four or more give metres: corners of markings or kerbs, and how many metres each lies from a place of your choice, in two directions at right angles.",
);
/** @type {Record<string, string>} */
const EVENTS = {
  stopped_vehicle: t("stopped vehicles"),
  wrong_way: t("the wrong way"),
  intrusion: t("intrusion"),
  crowding: t("crowding"),
  queue: t("queues"),
  left_object: t("left objects"),
};
const GOOD_M = 0.25; // a pixel that is longer tells no metres

class DrawnPlaces extends Fields {
  static properties = { ...Fields.properties, ground: { attribute: false } };

  render() {
    const { zones, ground, masks } = this.board.drawing;
    return html`
      <h2>${t("Zones")}</h2>
      ${zones.length ? nothing : html`<p class="quiet">${t("None. In a zone it is counted who is there.")}</p>`}
      ${zones.map((zone, n) => this.zone(zone, n))}
      <h2>${t("Known points of the ground")}</h2>
      <p class="quiet">${GROUND}</p>
      ${this.wrong("ground").map(({ what }) => html`<p class="refused" role="alert">${what}</p>`)}
      ${ground.map((known, n) => this.known(known, n))}
      ${this.said()}
      <h2>${t("Privacy masks")}</h2>
      <p class="quiet">${t("Windows, doors, gardens: burnt in before anything looks at the picture.")}</p>
      ${masks.map((_, n) => this.thing("masks", n, t("Mask {n}", { n: n + 1 }), html`<b>${t("Mask {n}", { n: n + 1 })}</b>
        ${this.corners("masks", n)}<p class="acts">${this.removes("masks", n, t("mask {n}", { n: n + 1 }))}</p>`))}
    `;
  }

  zone(zone, n) {
    const events = Object.entries(zone).filter(([key, value]) => value && !["name", "corners"].includes(key));
    return this.thing("zones", n, t("Zone {name}", { name: zone.name }), html`
      <div class="fields">${this.text(t("Name"), zone.name, (name) => (zone.name = name), this.of("zones", n))}</div>
      ${events.length ? html`<p class="quiet">${t("Watched for {events}.", { events: events.map(([key]) => EVENTS[key] ?? key).join(", ") })}</p>` : nothing}
      ${this.corners("zones", n)}
      <p class="acts">${this.removes("zones", n, zone.name)}</p>`);
  }

  corners(kind, n) {
    return html`<details><summary>${t("Corners")}</summary>${this.points(kind, n)}</details>`;
  }

  known(known, n) {
    const { ground } = this;
    const off = ground?.off_m[n];
    const coarse = ground?.metres_per_pixel[n];
    return this.thing("ground", n, t("Point {n}", { n: n + 1 }), html`<b>${t("Point {n}", { n: n + 1 })}</b>
      ${this.points("ground", n, [t("pixel")])}
      <div class="points">
        ${this.number(t("metres across"), known.metres[0], (x) => (known.metres = [x, known.metres[1]]), "0.01")}
        ${this.number(t("metres along"), known.metres[1], (y) => (known.metres = [known.metres[0], y]), "0.01")}
      </div>
      ${coarse === undefined ? nothing : html`<p class="quiet">${t("{m} m a pixel here.", { m: coarse.toFixed(3) })}
        ${coarse > GOOD_M ? t("Too coarse to measure.") : nothing}
        ${t("{m} m from where the points together put it.", { m: off.toFixed(2) })}</p>`}
      <p class="acts">${this.removes("ground", n, t("point {n}", { n: n + 1 }))}</p>`);
  }

  said() {
    const { ground } = this;
    const number = this.board.drawing.ground.length;
    if (!ground) return number ? html`<p role="status">${t("{n} of at least 4 points.", { n: number })}</p>` : nothing;
    const more = number === 4
      ? t("Four points always fit; a fifth shows how good they are.")
      : t("Mean error of the points: {m} m.", { m: ground.residual_m.toFixed(2) });
    return html`<p role="status">${t("The grid on the picture is every {m} m.", { m: ground.step_m })} ${more}</p>`;
  }
}

customElements.define("drawn-places", DrawnPlaces);
