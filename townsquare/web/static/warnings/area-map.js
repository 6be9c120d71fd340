/**
 * The area of a warning on the map, and a way to draw a polygon of it.
 *
 * Always holds: what the form says is what the map shows; drawing writes into the form, and whoever
 * draws nothing writes corners there.
 */

import { LitElement, html, nothing } from "lit";
import { t, tn } from "../text.js";
import { around } from "../control/city.js";
import { CREDIT } from "../control/ground.js";
import { corners, features, round, written } from "./shapes.js";

/** @import { Corner } from "./shapes.js" */

const SOURCE = "area";
const FEWEST = 3;
const ANYWHERE = { center: /** @type {[number, number]} */ ([0, 0]), zoom: 1 };

class AreaMap extends LitElement {
  static properties = { town: { attribute: false }, form: { attribute: false }, shapes: { attribute: false } };

  constructor() {
    super();
    this.trouble = "";
    this.map = /** @type {import("maplibre-gl").Map|null} */ (null);
    this.drawn = /** @type {Corner[]} */ ([]);
    this.into = /** @type {HTMLTextAreaElement|null} */ (null); // the corners of the area that is drawn
    /** Of a message that is no draft any more. */
    this.shapes = { polygons: /** @type {string[]} */ ([]), circles: /** @type {string[]} */ ([]) };
  }

  createRenderRoot() {
    return this;
  }

  async firstUpdated() {
    this.form?.addEventListener("input", () => this.show());
    this.form?.addEventListener("click", (/** @type {any} */ event) => this.chosen(event));
    try {
      if (!document.createElement("canvas").getContext("webgl2")) throw new Error("no WebGL 2");
      const { openMap } = await import("../control/map-library.js");
      this.map = openMap(this.querySelector(".ground"), this.home());
    } catch (error) {
      this.trouble = t("This machine cannot draw the map (no WebGL 2); corners can be written all the same.");
      console.warn("map:", error);
      this.requestUpdate();
      return;
    }
    this.map.on("style.load", () => this.add());
    this.map.on("click", ({ lngLat }) => this.corner([lngLat.lng, lngLat.lat]));
    this.requestUpdate();
  }

  /** @returns {Corner[][]} */
  get rings() {
    return [...this.lines("polygons").map(corners), ...this.lines("circles").map(round)];
  }

  /** @param {"polygons"|"circles"} name @returns {string[]} */
  lines(name) {
    if (!this.form) return this.shapes[name];
    return [...this.form.querySelectorAll(`[name=${name}]`)].flatMap((one) => one.value.split("\n"));
  }

  home() {
    const all = this.rings.flat();
    const { centre, zoom } = this.town;
    if (all.length) return around(all);
    return centre ? { center: centre, zoom } : ANYWHERE;
  }

  add() {
    if (!this.map || this.map.getSource(SOURCE)) return;
    this.map.addSource(SOURCE, { type: "geojson", data: /** @type {any} */ (features(this.rings, this.drawn)) });
    const ink = getComputedStyle(this).getPropertyValue("--critical").trim() || "#b00020";
    this.map.addLayer({ id: "area-inside", type: "fill", source: SOURCE, filter: ["==", ["geometry-type"], "Polygon"], paint: { "fill-color": ink, "fill-opacity": 0.18 } });
    this.map.addLayer({ id: "area-edge", type: "line", source: SOURCE, paint: { "line-color": ink, "line-width": 2.5 } });
    this.map.addLayer({ id: "area-corners", type: "circle", source: SOURCE, filter: ["==", ["geometry-type"], "Point"], paint: { "circle-color": ink, "circle-radius": 5 } });
  }

  show() {
    const source = /** @type {any} */ (this.map?.getSource(SOURCE));
    source?.setData(features(this.rings, this.drawn));
    this.requestUpdate();
  }

  whole() {
    this.map?.jumpTo(this.home());
  }

  /** @param {MouseEvent} event a click in the form: on the button that begins to draw, or to take an area out */
  chosen(event) {
    const button = /** @type {HTMLElement} */ (event.target);
    if (button.matches(".drop")) setTimeout(() => this.show());
    if (!button.matches(".draw")) return;
    this.into = button.closest(".area").querySelector("[name=polygons]");
    this.drawn = [];
    this.show();
    this.scrollIntoView({ block: "nearest" });
    this.updateComplete.then(() => /** @type {HTMLElement|null} */ (this.querySelector(".maplibregl-canvas"))?.focus());
  }

  /** @param {Corner} at */
  corner(at) {
    if (!this.into) return;
    this.drawn.push(at);
    this.show();
  }

  middle() {
    const { lng, lat } = this.map.getCenter();
    this.corner([lng, lat]);
  }

  undo() {
    this.drawn.pop();
    this.show();
  }

  /** @param {boolean} keep */
  end(keep) {
    const { into } = this;
    if (keep) into.value = [into.value.trim(), written(this.drawn)].filter(Boolean).join("\n");
    this.into = null;
    this.drawn = [];
    this.show();
    into.focus();
  }

  render() {
    return html`
      ${this.trouble ? html`<p class="quiet" role="status">${this.trouble}</p>` : nothing}
      <div class="frame ${this.into ? "drawing" : ""}" ?hidden=${this.trouble !== ""}>
        <div class="ground" role="region" aria-label=${t("Area of the warning on the map")}></div>
        ${this.into ? html`<span class="cross" aria-hidden="true">+</span>` : nothing}
        <p class="credit">${CREDIT}</p>
      </div>
      ${this.map ? html`<p class="acts">
        <button type="button" @click=${() => this.whole()}>${t("Show all of it")}</button>
        ${this.into ? this.tools() : nothing}</p>` : nothing}`;
  }

  tools() {
    const few = this.drawn.length < FEWEST;
    return html`<button type="button" @click=${() => this.middle()}>${t("Corner at the cross")}</button>
      <button type="button" ?disabled=${!this.drawn.length} @click=${() => this.undo()}>${t("Take the last corner back")}</button>
      <button type="button" ?disabled=${few} @click=${() => this.end(true)}>${t("Close the polygon")}</button>
      <button type="button" @click=${() => this.end(false)}>${t("Do not draw")}</button>
      <output>${tn(this.drawn.length, "{n} corner", "{n} corners")}</output>`;
  }
}

customElements.define("area-map", AreaMap);
