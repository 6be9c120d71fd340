/**
 * The town with its cameras, as a map and as a list that says the same.
 *
 * Where the machine cannot draw maps, the list stands alone, with a sentence that says so.
 */

import { html, nothing, render } from "lit";
import { around, camera, cameras, measures, points, title, worstAlarm } from "./city.js";
import { count } from "./format.js";
import { Panel } from "./panel.js";
import { sign } from "./severity.js";
import "./camera-list.js";

/** @import { Entity } from "./types.js" */

const STEP_PX = 160;

class TownMap extends Panel {
  static properties = {
    clock: { attribute: false },
    listed: { state: true },
    trouble: { state: true },
  };

  constructor() {
    super();
    this.listed = false;
    this.trouble = "";
    this.started = false;
    this.moved = false;
    this.shownPoints = 0;
    /** @type {Map<string, import("maplibre-gl").Marker>} */
    this.markers = new Map();
  }

  /** Alarms first: the map's megabyte is asked for when they are on the screen. */
  async start() {
    this.started = true;
    try {
      await new Promise((painted) => setTimeout(painted));
      await this.open();
    } catch (error) {
      this.trouble = "This machine cannot draw the map (no WebGL 2), so here is the list.";
      console.warn("map:", error);
    }
  }

  async open() {
    if (!document.createElement("canvas").getContext("webgl2")) throw new Error("no WebGL 2");
    const { mapLibrary, openMap } = await import("./map-library.js");
    this.library = mapLibrary;
    this.map = openMap(this.querySelector(".ground"), this.home());
    this.map.on("movestart", ({ originalEvent }) => (this.moved ||= Boolean(originalEvent)));
    this.shownPoints = points(this.store).length;
    this.requestUpdate();
  }

  updated() {
    if (this.store.loaded && !this.started && !this.empty) this.start();
    if (!this.map) return;
    this.fit();
    const there = cameras(this.store);
    for (const one of there) this.mark(one);
    for (const id of this.markers.keys()) if (!this.store.entities.has(id)) this.unmark(id);
  }

  /** Whether nothing says where the town is. */
  get empty() {
    return !this.store.session.town.centre && points(this.store).length === 0;
  }

  /** Without a centre, what comes with a place comes into view, until somebody moves the map. */
  fit() {
    const there = points(this.store).length;
    if (this.moved || this.store.session.town.centre || there <= this.shownPoints) return;
    this.shownPoints = there;
    this.map.jumpTo(this.home());
  }

  /** @param {Entity} one */
  mark(one) {
    const lonLat = one.location.coordinates;
    let marker = this.markers.get(one.id);
    if (!marker) {
      const element = document.createElement("div");
      marker = new this.library.Marker({ element, anchor: "bottom" }).setLngLat(lonLat);
      this.markers.set(one.id, marker.addTo(this.map));
    }
    const [lon, lat] = lonLat;
    const at = marker.getLngLat();
    if (at.lng !== lon || at.lat !== lat) marker.setLngLat(lonLat);
    render(this.flag(one), marker.getElement());
  }

  /** @param {string} id */
  unmark(id) {
    this.markers.get(id).remove();
    this.markers.delete(id);
  }

  /** @param {Entity} one */
  flag(one) {
    const alarm = worstAlarm(this.store, one);
    const zone = measures(this.store, one).find((measure) => measure.kind === "zone");
    const selected = camera(this.store)?.id === one.id;
    const look = `${selected ? "selected" : ""} ${one.status} ${alarm?.severity ?? ""}`;
    return html`<button class="flag ${look}" @click=${() => this.store.selectCamera(one.id)}>
      ${alarm ? sign(alarm.severity) : nothing}
      <span class="name">${title(one)}</span>
      ${zone ? html`<b>${count(zone.live?.peopleCount)}</b>` : nothing}
      ${one.status === "failing" ? html`<em>failing</em>` : nothing}
    </button>`;
  }

  render() {
    if (this.store.loaded && this.empty) return this.nowhere();
    const listed = this.listed || this.trouble !== "";
    return html`
      <h2>Town
        ${this.trouble ? nothing : html`<span class="switch">
          <button aria-pressed=${!listed} @click=${() => (this.listed = false)}>Map</button>
          <button aria-pressed=${listed} @click=${() => (this.listed = true)}>List</button>
        </span>`}
      </h2>
      ${this.trouble ? html`<p class="quiet" role="status">${this.trouble}</p>` : nothing}
      ${listed ? html`<camera-list .store=${this.store} .clock=${this.clock}></camera-list>` : nothing}
      <div class="frame" ?hidden=${listed}>
        <div class="ground"></div>
        ${this.map ? this.controls() : nothing}
        <p class="credit">© OpenStreetMap contributors, ODbL</p>
      </div>
    `;
  }

  nowhere() {
    return html`
      <h2>Town</h2>
      <p class="quiet" role="status">Nothing here has a place yet. Cameras and sensors appear on the map as soon as
        one has a position; <code>centre</code> in <code>[town]</code> of townsquare.toml says where it begins.</p>
    `;
  }

  controls() {
    const move = (x, y) => () => {
      this.moved = true;
      this.map.panBy([x * STEP_PX, y * STEP_PX], { duration: 0 });
    };
    const zoom = (by) => () => this.map.jumpTo({ zoom: this.map.getZoom() + by });
    const keys = [
      ["north", "▲", "Move north", move(0, -1)],
      ["west", "◀", "Move west", move(-1, 0)],
      ["home", "⌂", "Whole town", () => this.map.jumpTo(this.home())],
      ["east", "▶", "Move east", move(1, 0)],
      ["south", "▼", "Move south", move(0, 1)],
      ["in", "+", "Zoom in", zoom(1)],
      ["out", "−", "Zoom out", zoom(-1)],
    ];
    return html`<div class="pad">
      ${keys.map(([side, mark, name, act]) => html`
        <button class=${side} aria-label=${name} title=${name} @click=${act}>${mark}</button>`)}
    </div>`;
  }

  home() {
    const { centre, zoom } = this.store.session.town;
    return centre ? { center: centre, zoom } : around(points(this.store));
  }
}

customElements.define("town-map", TownMap);
