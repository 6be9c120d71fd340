/** Polygons and circles as CAP writes them ("lat,lon lat,lon …" and "lat,lon km"), as shapes of a map. Pure. */

const EDGES = 64; // of a circle
const KM_PER_DEGREE = 111.32;

/** @typedef {[number, number]} Corner lon, lat */

/** @param {string} text @returns {Corner[]} as far as it can be read */
export function corners(text) {
  return text.trim().split(/\s+/).map(corner).filter((one) => one !== null);
}

/** @param {string} pair @returns {Corner|null} */
function corner(pair) {
  const [lat, lon, ...more] = pair.split(",").map((one) => (one.trim() ? Number(one) : NaN));
  const known = !more.length && Math.abs(lat) <= 90 && Math.abs(lon) <= 180;
  return known ? [lon, lat] : null;
}

/** @param {string} text @returns {Corner[]} round it, the last one being the first; none where it cannot be read */
export function round(text) {
  const [middle, km] = text.trim().split(/\s+/);
  const at = corner(middle ?? "");
  if (!at || !(Number(km) > 0)) return [];
  const [lon, lat] = at;
  const high = Number(km) / KM_PER_DEGREE;
  const wide = high / Math.max(0.01, Math.cos((lat * Math.PI) / 180));
  return Array.from({ length: EDGES + 1 }, (_, n) => {
    const turn = (2 * Math.PI * (n % EDGES)) / EDGES;
    return /** @type {Corner} */ ([lon + wide * Math.cos(turn), lat + high * Math.sin(turn)]);
  });
}

/** @param {Corner[]} ring that is not closed @returns {string} as CAP writes it */
export function written(ring) {
  return [...ring, ring[0]].map(([lon, lat]) => `${lat.toFixed(5)},${lon.toFixed(5)}`).join(" ");
}

/** @param {Corner[][]} rings @param {Corner[]} [drawn] of a polygon that is being drawn */
export function features(rings, drawn = []) {
  const shapes = rings.filter((ring) => ring.length > 3).map((ring) => ({ type: "Polygon", coordinates: [ring] }));
  const line = drawn.length > 1 ? [{ type: "LineString", coordinates: drawn }] : [];
  const points = drawn.map((coordinates) => ({ type: "Point", coordinates }));
  return {
    type: "FeatureCollection",
    features: [...shapes, ...line, ...points].map((geometry) => ({ type: "Feature", properties: {}, geometry })),
  };
}
