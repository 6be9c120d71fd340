/**
 * What has a place, on the map: what lies close together is one cluster, which knows the worst inside.
 *
 * Always holds: every place is in exactly one mark, and no mark looks better than the worst in it.
 * MapLibre clusters in its worker, so that thousands of places cost the page little.
 */

/** @import { Place } from "./types.js" */

const SOURCE = "places";
const RADIUS_PX = 80;
const APART_FROM = 17; // zoom from which nothing is put together
const GATHER_MS = 200;

/**
 * @typedef {{key: string, at: [number, number], id: string}} One
 * @typedef {{key: string, at: [number, number], cluster: number, count: number, rank: number, failing: number}} Several
 */

export class Places {
  /** @param {import("maplibre-gl").Map} map @param {() => void} changed */
  constructor(map, changed) {
    this.map = map;
    this.changed = changed;
    /** @type {Place[]} */
    this.places = [];
    /** @type {(One | Several)[]} what is to be drawn in this view */
    this.marks = [];
    this.waiting = 0;
    map.on("style.load", () => this.add()); // also by night
    map.on("idle", () => this.look()); // what this view needs is there
    if (map.isStyleLoaded()) this.add();
  }

  /** @param {Place[]} places the same list while nothing changed */
  show(places) {
    if (places === this.places) return;
    this.places = places;
    this.waiting ||= setTimeout(() => {
      this.waiting = 0;
      this.map.getSource(SOURCE)?.setData(features(this.places));
    }, GATHER_MS);
  }

  add() {
    if (this.map.getSource(SOURCE)) return;
    this.map.addSource(SOURCE, {
      type: "geojson",
      data: features(this.places),
      cluster: true,
      clusterRadius: RADIUS_PX,
      clusterMaxZoom: APART_FROM - 1,
      clusterProperties: { rank: ["min", ["get", "rank"]], failing: ["+", ["get", "failing"]] },
    });
    // Only what a layer asks for is clustered; the marks are buttons in the page, for keyboards too.
    const paint = { "circle-radius": 1, "circle-opacity": 0 };
    this.map.addLayer({ id: SOURCE, type: "circle", source: SOURCE, paint });
  }

  look() {
    if (!this.map.getSource(SOURCE)) return;
    const marks = this.map.querySourceFeatures(SOURCE).map(mark);
    // A place at the edge of a tile is in several.
    this.marks = [...new Map(marks.map((one) => [one.key, one])).values()];
    this.changed();
  }

  /** @param {number} cluster @param {[number, number]} at */
  async open(cluster, at) {
    const zoom = await this.map.getSource(SOURCE).getClusterExpansionZoom(cluster);
    this.map.jumpTo({ center: at, zoom });
  }
}

/** @param {Place[]} places */
function features(places) {
  return {
    type: "FeatureCollection",
    features: places.map(({ id, at, rank, failing }) => ({
      type: "Feature",
      geometry: { type: "Point", coordinates: at },
      properties: { id, rank, failing: failing ? 1 : 0 },
    })),
  };
}

/** @returns {One | Several} */
function mark(/** @type {any} */ { geometry, properties }) {
  const at = geometry.coordinates;
  const { id, cluster_id, point_count, rank, failing } = properties;
  if (cluster_id === undefined) return { key: id, at, id };
  // Its number is another one whenever anything changed; the button keeps the focus.
  const key = at.map((/** @type {number} */ degrees) => degrees.toFixed(5)).join();
  return { key, at, cluster: cluster_id, count: point_count, rank, failing };
}
