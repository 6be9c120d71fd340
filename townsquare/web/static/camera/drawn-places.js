/** Zones, known points of the ground, and masks as lists. */

import { html, nothing } from "lit";
import { Fields } from "./fields.js";

const GOOD_M = 0.25; // a pixel that is longer tells no metres

class DrawnPlaces extends Fields {
  static properties = { ...Fields.properties, ground: { attribute: false } };

  render() {
    const { zones, ground, masks } = this.board.drawing;
    return html`
      <h2>Zones</h2>
      ${zones.length ? nothing : html`<p class="quiet">None. In a zone it is counted who is there.</p>`}
      ${zones.map((zone, n) => this.zone(zone, n))}
      <h2>Known points of the ground</h2>
      <p class="quiet">Four or more give metres: corners of markings or kerbs, and how many metres each lies from a
        place of your choice, in two directions at right angles.</p>
      ${this.wrong("ground").map(({ what }) => html`<p class="refused" role="alert">${what}</p>`)}
      ${ground.map((known, n) => this.known(known, n))}
      ${this.said()}
      <h2>Privacy masks</h2>
      <p class="quiet">Windows, doors, gardens: burnt in before anything looks at the picture.</p>
      ${masks.map((_, n) => this.thing("masks", n, `Mask ${n + 1}`, html`<b>Mask ${n + 1}</b>
        ${this.corners("masks", n)}<p class="acts">${this.removes("masks", n, `mask ${n + 1}`)}</p>`))}
    `;
  }

  zone(zone, n) {
    const events = Object.entries(zone).filter(([key, value]) => value && !["name", "corners"].includes(key));
    return this.thing("zones", n, `Zone ${zone.name}`, html`
      <div class="fields">${this.text("Name", zone.name, (name) => (zone.name = name), this.of("zones", n))}</div>
      ${events.length ? html`<p class="quiet">Watched for ${events.map(([key]) => key.replaceAll("_", " ")).join(", ")}.</p>` : nothing}
      ${this.corners("zones", n)}
      <p class="acts">${this.removes("zones", n, zone.name)}</p>`);
  }

  corners(kind, n) {
    return html`<details><summary>Corners</summary>${this.points(kind, n)}</details>`;
  }

  known(known, n) {
    const { ground } = this;
    const off = ground?.off_m[n];
    const coarse = ground?.metres_per_pixel[n];
    return this.thing("ground", n, `Point ${n + 1}`, html`<b>Point ${n + 1}</b>
      ${this.points("ground", n, ["pixel"])}
      <div class="points">
        ${this.number("metres across", known.metres[0], (x) => (known.metres = [x, known.metres[1]]), "0.01")}
        ${this.number("metres along", known.metres[1], (y) => (known.metres = [known.metres[0], y]), "0.01")}
      </div>
      ${coarse === undefined ? nothing : html`<p class="quiet">${coarse.toFixed(3)} m a pixel here${coarse > GOOD_M ? ": too coarse to measure" : ""};
        ${off.toFixed(2)} m from where the points together put it.</p>`}
      <p class="acts">${this.removes("ground", n, `point ${n + 1}`)}</p>`);
  }

  said() {
    const { ground } = this;
    const number = this.board.drawing.ground.length;
    if (!ground) return number ? html`<p role="status">${number} of at least 4 points.</p>` : nothing;
    const more = number === 4
      ? "Four points always fit; a fifth shows how good they are."
      : `Mean error of the points: ${ground.residual_m.toFixed(2)} m.`;
    return html`<p role="status">The grid on the picture is every ${ground.step_m} m. ${more}</p>`;
  }
}

customElements.define("drawn-places", DrawnPlaces);
