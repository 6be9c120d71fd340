/**
 * The town with its cameras and alarms, as a map and as a list that says the same.
 *
 * Where the machine cannot draw maps, the list stands alone, with a sentence that says so.
 */

import { html, nothing, render } from "lit";
import { t, tn } from "../text.js";
import { SEVERITIES, around, camera, measures, places, title, worstAlarm } from "./city.js";
import { count } from "./format.js";
import { CREDIT } from "./ground.js";
import { Panel } from "./panel.js";
import { severityName, sign } from "./severity.js";
import "./camera-list.js";

/** @import { Entity } from "./types.js" */
/** @import { One, Several } from "./map-places.js" */

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
    this.shownPlaces = 0;
    /** @type {Map<string, import("maplibre-gl").Marker>} */
    this.markers = new Map();
  }

  firstUpdated() {
    // Read and compiled while the town's state is on its way; where it cannot be, `start` says so.
    import("./map-library.js").catch(() => {});
  }

  /** Alarms first: the map is made when they are on the screen. */
  async start() {
    this.started = true;
    try {
      await new Promise((painted) => setTimeout(painted));
      await this.open();
    } catch (error) {
      this.trouble = t("This machine cannot draw the map (no WebGL 2), so here is the list.");
      console.warn("map:", error);
    }
  }

  async open() {
    if (!document.createElement("canvas").getContext("webgl2")) throw new Error("no WebGL 2");
    const [{ mapLibrary, openMap }, { Places }] = await Promise.all([
      import("./map-library.js"),
      import("./map-places.js"),
    ]);
    this.library = mapLibrary;
    this.map = openMap(this.querySelector(".ground"), this.home());
    this.places = new Places(this.map, () => this.requestUpdate());
    this.map.on("movestart", ({ originalEvent }) => (this.moved ||= Boolean(originalEvent)));
    this.shownPlaces = places(this.store).length;
    this.requestUpdate();
  }

  updated() {
    if (this.store.loaded && !this.started && !this.empty) this.start();
    if (!this.map) return;
    this.fit();
    this.places.show(places(this.store));
    const marks = this.places.marks.filter((mark) => "count" in mark || this.store.entities.has(mark.id));
    for (const mark of marks) this.mark(mark);
    const keys = new Set(marks.map((mark) => mark.key));
    for (const key of this.markers.keys()) if (!keys.has(key)) this.unmark(key);
  }

  /** Whether nothing says where the town is. */
  get empty() {
    return !this.store.session.town.centre && places(this.store).length === 0;
  }

  /** Without a centre, what comes with a place comes into view, until somebody moves the map. */
  fit() {
    const there = places(this.store).length;
    if (this.moved || this.store.session.town.centre || there <= this.shownPlaces) return;
    this.shownPlaces = there;
    this.map.jumpTo(this.home());
  }

  /** @param {One | Several} mark */
  mark(mark) {
    let marker = this.markers.get(mark.key);
    if (!marker) {
      const element = document.createElement("div");
      const anchor = "count" in mark ? "center" : "bottom";
      marker = new this.library.Marker({ element, anchor }).setLngLat(mark.at).addTo(this.map);
      this.markers.set(mark.key, marker);
    }
    const { lng, lat } = marker.getLngLat();
    if (lng !== mark.at[0] || lat !== mark.at[1]) marker.setLngLat(mark.at);
    render("count" in mark ? this.cluster(mark) : this.one(mark.id), marker.getElement());
  }

  /** @param {string} key */
  unmark(key) {
    this.markers.get(key).remove();
    this.markers.delete(key);
  }

  /** @param {Several} several */
  cluster({ cluster, at, count, rank, failing }) {
    const worst = SEVERITIES[rank];
    const fail = failing && t("{n} failing", { n: failing });
    const inside = [tn(count, "{n} place", "{n} places"), worst && t("worst alarm {severity}", { severity: severityName(worst) }), fail];
    const open = () => {
      this.moved = true;
      this.places.open(cluster, at);
    };
    return html`<button class="cluster ${worst ?? ""}" @click=${open}
      aria-label=${t("{places}; zoom in", { places: inside.filter(Boolean).join(", ") })}>
      ${worst ? sign(worst) : nothing} <b>${count}</b>
      ${failing ? html`<em>${fail}</em>` : nothing}
    </button>`;
  }

  /** @param {string} id */
  one(id) {
    const entity = this.store.entities.get(id);
    return entity.type === "Alert" ? this.alarmFlag(entity) : this.flag(entity);
  }

  /** @param {Entity} alarm where no camera is */
  alarmFlag(alarm) {
    const selected = this.store.alarmId === alarm.id;
    return html`<button class="flag ${alarm.severity} ${selected ? "selected" : ""}"
      @click=${() => this.store.selectAlarm(alarm.id)}>
      ${sign(alarm.severity)} <span class="name">${alarm.name}</span>
    </button>`;
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
      ${one.status === "failing" ? html`<em>${t("failing")}</em>` : nothing}
    </button>`;
  }

  render() {
    if (this.store.loaded && this.empty) return this.nowhere();
    const listed = this.listed || this.trouble !== "";
    return html`
      <h2>${t("Town")}
        ${this.trouble ? nothing : html`<span class="switch">
          <button aria-pressed=${!listed} @click=${() => (this.listed = false)}>${t("Map")}</button>
          <button aria-pressed=${listed} @click=${() => (this.listed = true)}>${t("List")}</button>
        </span>`}
      </h2>
      ${this.trouble ? html`<p class="quiet" role="status">${this.trouble}</p>` : nothing}
      ${listed ? html`<camera-list .store=${this.store} .clock=${this.clock}></camera-list>` : nothing}
      <div class="frame" ?hidden=${listed}>
        <div class="ground"></div>
        ${this.map ? this.controls() : nothing}
        <p class="credit">${CREDIT}</p>
      </div>
    `;
  }

  nowhere() {
    return html`
      <h2>${t("Town")}</h2>
      <p class="quiet" role="status">${t("Nothing here has a place yet. Cameras and sensors appear on the map as soon as one has a position; {centre} in {town} of townsquare.toml says where it begins.",
        { centre: code("centre"), town: code("[town]") })}</p>
    `;
  }

  controls() {
    const move = (x, y) => () => {
      this.moved = true;
      this.map.panBy([x * STEP_PX, y * STEP_PX], { duration: 0 });
    };
    const zoom = (by) => () => this.map.jumpTo({ zoom: this.map.getZoom() + by });
    const keys = [
      ["north", "▲", t("Move north"), move(0, -1)],
      ["west", "◀", t("Move west"), move(-1, 0)],
      ["home", "⌂", t("Whole town"), () => this.map.jumpTo(this.home())],
      ["east", "▶", t("Move east"), move(1, 0)],
      ["south", "▼", t("Move south"), move(0, 1)],
      ["in", "+", t("Zoom in"), zoom(1)],
      ["out", "−", t("Zoom out"), zoom(-1)],
    ];
    return html`<div class="pad">
      ${keys.map(([side, mark, name, act]) => html`
        <button class=${side} aria-label=${name} title=${name} @click=${act}>${mark}</button>`)}
    </div>`;
  }

  home() {
    const { centre, zoom } = this.store.session.town;
    return centre ? { center: centre, zoom } : around(places(this.store).map(({ at }) => at));
  }
}

function code(/** @type {string} */ words) {
  return html`<code>${words}</code>`;
}

customElements.define("town-map", TownMap);
