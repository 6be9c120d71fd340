/** MapLibre as we use it: its worker from our own address, no fading, its look with the machine's. */

import * as mapLibrary from "maplibre-gl";
import { mapStyle } from "./map-style.js";

/** @import { Town } from "./types.js" */

mapLibrary.setWorkerUrl("/modules/maplibre-gl/dist/maplibre-gl-worker.mjs");
mapLibrary.setWorkerCount(1); // one small file of streets

/** @param {HTMLElement} container @param {Town} town */
export function openMap(container, town) {
  const night = matchMedia("(prefers-color-scheme: dark)");
  const map = new mapLibrary.Map({
    container,
    style: mapStyle(night.matches),
    center: town.centre,
    zoom: town.zoom,
    minZoom: 11,
    maxZoom: 19,
    attributionControl: false, // ours is in the page, always open
    dragRotate: false,
    pitchWithRotate: false,
    touchPitch: false,
    fadeDuration: 0, // draws once, then rests
  });
  map.touchZoomRotate.disableRotation();
  night.addEventListener("change", () => map.setStyle(mapStyle(night.matches)));
  return map;
}

export { mapLibrary };
