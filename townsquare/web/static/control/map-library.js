/** MapLibre as we use it: its worker from our own address, no fading, its look with the machine's. */

import * as mapLibrary from "maplibre-gl";
import { GROUND } from "./ground.js";
import { mapStyle } from "./map-style.js";

if (GROUND) {
  const { Protocol } = await import("pmtiles");
  mapLibrary.addProtocol("pmtiles", new Protocol().tile);
}
mapLibrary.setWorkerUrl("/modules/maplibre-gl/dist/maplibre-gl-worker.mjs");
mapLibrary.setWorkerCount(1); // one small file of streets

/** @param {HTMLElement} container @param {{center: [number, number], zoom: number}} view */
export function openMap(container, view) {
  const night = matchMedia("(prefers-color-scheme: dark)");
  const map = new mapLibrary.Map({
    container,
    style: mapStyle(night.matches, GROUND),
    ...view,
    minZoom: Math.min(11, view.zoom),
    maxZoom: 19,
    attributionControl: false, // ours is in the page, always open
    dragRotate: false,
    pitchWithRotate: false,
    touchPitch: false,
    fadeDuration: 0, // draws once, then rests
  });
  map.touchZoomRotate.disableRotation();
  night.addEventListener("change", () => map.setStyle(mapStyle(night.matches, GROUND)));
  return map;
}

export { mapLibrary };
