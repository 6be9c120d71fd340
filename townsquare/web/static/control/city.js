/** Questions to the state: which cameras, what they count, which alarms. Pure. */

import { LOCALE, t } from "../text.js";

/** @import { Entity, Measure, Place, Severity } from "./types.js" */
/** @import { Store } from "./store.js" */

/** @type {Severity[]} */
export const SEVERITIES = ["critical", "high", "medium", "low"];
export const UNACKNOWLEDGED = ["UNACK", "RTN_UNACK"];
export const PUT_ASIDE = ["SHELVED", "SUPPRESSED", "OUT_OF_SERVICE"];
/** Alarms that one person can deal with in ten minutes. */
export const MOST_LOAD = 10;

const alphabet = new Intl.Collator(LOCALE);

/** @param {Store} store */
export function cameras(store) {
  return store.once("cameras", ["Camera"], () =>
    store.ofType("Camera").sort((a, b) => alphabet.compare(title(a), title(b))));
}

/** @param {Store} store @returns {Entity|undefined} the selected camera, or the first */
export function camera(store) {
  return store.entities.get(store.cameraId) ?? cameras(store)[0];
}

/** @param {Entity} camera */
export function title(camera) {
  return camera.cameraName ?? shortName(camera.id);
}

/** @param {string} id */
export function shortName(id) {
  return id.slice(id.lastIndexOf(":") + 1);
}

/** @param {Store} store @param {Entity} camera @returns {Measure[]} zones first, as people look */
export function measures(store, camera) {
  const zones = (camera.zones ?? []).map((zone) => [zone.name, "zone", [t("mean"), t("most at once")]]);
  const lines = (camera.lines ?? []).map((line) => [line.name, "line", [line.towards, line.away]]);
  return [...zones, ...lines].map(([name, kind, columns]) => {
    const id = `urn:ngsi-ld:CrowdFlowObserved:${shortName(camera.id)}-${name}`;
    const now = (/** @type {string} */ id) =>
      camera.status === "working" ? store.entities.get(`${id}-live`) : undefined;
    const queue = `urn:ngsi-ld:TrafficFlowObserved:${shortName(camera.id)}-${name}-queue`;
    return { id, name, kind, columns, live: now(id), queue: now(queue), closed: store.entities.get(id) };
  });
}

/** @param {Store} store @param {Entity} camera */
export function health(store, camera) {
  return store.entities.get(`urn:ngsi-ld:CameraHealth:${shortName(camera.id)}`);
}

/** What cameras watch for beside counting, as people say it, of a zone. */
const WORDS = {
  stoppedVehicle: (zone) => t("Vehicle stopped in zone {zone}", { zone }),
  wrongWay: (zone) => t("Somebody goes the wrong way in zone {zone}", { zone }),
  intrusion: (zone) => t("Somebody in the restricted zone {zone}", { zone }),
  crowding: (zone) => t("Too many people in zone {zone}", { zone }),
  leftObject: (zone) => t("Something left behind in zone {zone}", { zone }),
  queue: (zone) => t("Vehicles queue in zone {zone}", { zone }),
  sceneChanged: () => t("The camera is covered, blinded or turned"),
};

/** @param {Store} store @param {Entity} camera @returns {Entity[]} what lasts there now, longest first */
export function events(store, camera) {
  if (camera.status !== "working") return [];
  return store.ofType("CameraEvent")
    .filter((event) => event.refDevice === camera.id && event.active === 1)
    .sort((a, b) => a.validFrom.localeCompare(b.validFrom));
}

/** @param {Entity} event such as "Vehicle stopped in zone bay" */
export function inWords(event) {
  const words = /** @type {{[what: string]: (zone: string) => string}} */ (WORDS)[event.eventType];
  return words ? words(event.name ?? "").trim() : [event.eventType, event.name].filter(Boolean).join(" ");
}

/** @param {Store} store worst and newest first; what nobody has acknowledged before the rest */
export function openAlarms(store) {
  return store.once("open alarms", ["Alert"], () =>
    store.ofType("Alert")
      .filter((alarm) => alarm.state && alarm.state !== "NORMAL" && !PUT_ASIDE.includes(alarm.state))
      .sort((a, b) => rank(a) - rank(b) || newest(a, b)));
}

/** ISO 8601 in UTC: in the order of their letters. */
function newest(/** @type {Entity} */ a, /** @type {Entity} */ b) {
  return a.dateIssued < b.dateIssued ? 1 : a.dateIssued > b.dateIssued ? -1 : 0;
}

/** @param {Store} store what comes back first before the rest */
export function putAside(store) {
  const end = (/** @type {Entity} */ alarm) => alarm.suppressedUntil ?? "~"; // "~": after all times
  return store.ofType("Alert")
    .filter((alarm) => PUT_ASIDE.includes(alarm.state))
    .sort((a, b) => end(a).localeCompare(end(b)) || a.id.localeCompare(b.id));
}

/** @param {Entity} alarm */
export function isWaiting(alarm) {
  return UNACKNOWLEDGED.includes(alarm.state);
}

/** @param {Entity} alarm Everybody has been called, to the end of the chain. */
export function isUnanswered(alarm) {
  return alarm.state === "UNACK" && Boolean(alarm.unansweredAt);
}

/** @param {Store} store @returns {string[]} cameras that fail, and what alarms say that nothing is heard of */
export function lostSources(store) {
  return store.once("lost sources", ["Alert", "Camera"], () => {
    const failing = store.ofType("Camera").filter(({ status }) => status === "failing").map(({ id }) => id);
    const silent = store.ofType("Alert").filter(({ active, unheard, silences }) => active && (unheard || silences));
    return [...new Set([...failing, ...silent.map(({ id, asset, alertSource }) => asset ?? alertSource ?? id)])];
  });
}

/** @param {Entity} alarm */
function rank(alarm) {
  return (isWaiting(alarm) ? 0 : 10) + SEVERITIES.indexOf(alarm.severity);
}

/** @param {Store} store @returns {Entity|undefined} what the alarms ask of an operator now */
export function alarmLoad(store) {
  return store.ofType("AlarmLoad")[0];
}

/** @param {Store} store @param {Entity} alarm @returns {Entity|undefined} where it happens */
export function cameraOf(store, alarm) {
  const asset = store.entities.get(alarm.asset);
  if (asset?.type === "Camera") return asset;
  const source = store.entities.get(alarm.alertSource);
  if (source?.type === "Camera") return source;
  return store.entities.get(source?.refDevice ?? "") ?? cameraByName(store, alarm.alertSource);
}

/** A source that is gone still has the camera in its name: …:square-plaza-live. */
function cameraByName(/** @type {Store} */ store, /** @type {string} */ source = "") {
  const name = shortName(source);
  for (let end = name.lastIndexOf("-"); end > 0; end = name.lastIndexOf("-", end - 1)) {
    const camera = store.entities.get(`urn:ngsi-ld:Camera:${name.slice(0, end)}`);
    if (camera) return camera;
  }
}

/** @param {Store} store @param {Entity} alarm */
export function place(store, alarm) {
  const where = cameraOf(store, alarm);
  return where ? title(where) : alarm.alertSource ? shortName(alarm.alertSource) : t("unknown place");
}

/** @param {Store} store @param {Entity} camera @returns {Entity|undefined} */
export function worstAlarm(store, camera) {
  return worstAlarms(store).get(camera.id);
}

/** @param {Store} store @returns {Map<string, Entity>} by camera */
function worstAlarms(store) {
  return store.once("worst alarms", ["Alert", "Camera"], () => {
    const worst = new Map();
    for (const alarm of openAlarms(store)) {
      const id = cameraOf(store, alarm)?.id;
      if (id && !worst.has(id)) worst.set(id, alarm);
    }
    return worst;
  });
}

/** @param {Store} store @returns {Place[]} cameras, and alarms that happen where none is */
export function places(store) {
  return store.once("places", ["Alert", "Camera"], () => {
    const alarms = openAlarms(store).filter((alarm) => !cameraOf(store, alarm));
    const watched = cameras(store).map((one) => placeOf(one, worstAlarm(store, one)));
    return [...watched, ...alarms.map((alarm) => placeOf(alarm, alarm))].filter((one) => one.at);
  });
}

/** @param {Entity} entity @param {Entity} [alarm] @returns {Place} */
function placeOf({ id, location, status }, alarm) {
  const at = location?.type === "Point" ? location.coordinates : undefined;
  const rank = alarm ? SEVERITIES.indexOf(alarm.severity) : SEVERITIES.length;
  return { id, at, rank, failing: status === "failing" };
}

const NEAR_M = 300;
const MOST_NEAR = 3; // beside the camera that is shown large: who sees more at once sees less
const DEGREE_M = 111_195; // of latitude, on a sphere of 6,371 km

/** @param {Store} store @param {Entity} alarm @returns {Entity|undefined} the camera that sees it, else the nearest */
export function cameraAt(store, alarm) {
  return cameraOf(store, alarm) ?? near(store, alarm)[0]?.camera;
}

/** @param {Store} store @returns {{camera: Entity, m: number}[]} near the selected alarm, but the one that is shown */
export function nearCameras(store) {
  const alarm = store.entities.get(store.alarmId);
  const shown = camera(store)?.id;
  return alarm ? near(store, alarm).filter((one) => one.camera.id !== shown).slice(0, MOST_NEAR) : [];
}

/** @param {Store} store @param {Entity} alarm @returns {{camera: Entity, m: number}[]} nearest first */
function near(store, alarm) {
  const at = alarm.location ?? cameraOf(store, alarm)?.location;
  if (at?.type !== "Point") return [];
  return cameras(store)
    .filter((one) => one.location?.type === "Point")
    .map((one) => ({ camera: one, m: metres(at.coordinates, one.location.coordinates) }))
    .filter(({ m }) => m <= NEAR_M)
    .sort((a, b) => a.m - b.m);
}

/** Good to a metre within a town. @param {number[]} a @param {number[]} b as [lon, lat] */
function metres([lon, lat], [lon2, lat2]) {
  const x = (lon2 - lon) * Math.cos((lat * Math.PI) / 180);
  return Math.hypot(x, lat2 - lat) * DEGREE_M;
}

const FIT_PX = 300; // what is around stays in view, also on a phone
const TILE_PX = 512;
const CLOSEST = 16;

/**
 * A view of the map with all of these, north up.
 * @param {[number, number][]} points at least one, as [lon, lat]
 * @returns {{center: [number, number], zoom: number}}
 */
export function around(points) {
  const [lons, lats] = [points.map(([lon]) => lon), points.map(([, lat]) => lat)];
  const [west, east] = [Math.min(...lons), Math.max(...lons)];
  const [south, north] = [Math.min(...lats), Math.max(...lats)];
  const middle = (south + north) / 2;
  // A degree of latitude is higher on the map than one of longitude is wide (Mercator).
  const span = Math.max(east - west, (north - south) / Math.cos((middle * Math.PI) / 180), 1e-6);
  const zoom = Math.min(CLOSEST, Math.log2((360 * FIT_PX) / (TILE_PX * span)));
  return { center: [(west + east) / 2, middle], zoom };
}
