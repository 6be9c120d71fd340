/**
 * What has a place, on the map: what lies close together is one cluster, which knows the worst inside.
 *
 * Always holds: every place is in exactly one mark, and no mark looks better than the worst in it.
 * The marks are buttons in the page, for keyboards too, and need nothing that the map draws.
 */

import Supercluster from "supercluster";

/** @import { Place } from "./types.js" */

const RADIUS_PX = 80;
const APART_FROM = 17; // zoom from which nothing is put together
const GATHER_MS = 200;
const AROUND = 0.1; // of the view, beyond each edge

/**
 * @typedef {{key: string, at: [number, number], id: string}} One
 * @typedef {{key: string, at: [number, number], cluster: number, count: number, rank: number, failing: number}} Several
 */

export class Places {
  /** @param {import("maplibre-gl").Map} map @param {() => void} changed */
  constructor(map, changed) {
    this.map = map;
    this.changed = changed;
    this.index = new Supercluster({
      radius: RADIUS_PX,
      maxZoom: APART_FROM - 1,
      map: ({ rank, failing }) => ({ rank, failing }),
      reduce: (all, { rank, failing }) => {
        all.rank = Math.min(all.rank, rank);
        all.failing += failing;
      },
    });
    /** @type {Place[]|undefined} */
    this.places = undefined;
    /** @type {(One | Several)[]} what is to be drawn in this view */
    this.marks = [];
    this.waiting = 0;
    map.on("moveend", () => this.look());
  }

  /** @param {Place[]} places the same list while nothing changed */
  show(places) {
    if (places === this.places) return;
    const first = !this.places;
    this.places = places;
    if (first) this.gather();
    else this.waiting ||= setTimeout(() => this.gather(), GATHER_MS);
  }

  gather() {
    this.waiting = 0;
    this.index.load(features(this.places));
    this.look();
  }

  look() {
    if (!this.places) return;
    const bounds = this.map.getBounds();
    const [aside, above] = [bounds.getEast() - bounds.getWest(), bounds.getNorth() - bounds.getSouth()];
    // Names reach into the view from places beyond its edge.
    const view = [
      bounds.getWest() - aside * AROUND, bounds.getSouth() - above * AROUND,
      bounds.getEast() + aside * AROUND, bounds.getNorth() + above * AROUND,
    ];
    this.marks = this.index.getClusters(view, Math.floor(this.map.getZoom())).map(mark);
    this.changed();
  }

  /** @param {number} cluster @param {[number, number]} at */
  open(cluster, at) {
    this.map.jumpTo({ center: at, zoom: this.index.getClusterExpansionZoom(cluster) });
  }
}

/** @param {Place[]} places */
function features(places) {
  return places.map(({ id, at, rank, failing }) => ({
    type: "Feature",
    geometry: { type: "Point", coordinates: at },
    properties: { id, rank, failing: failing ? 1 : 0 },
  }));
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
