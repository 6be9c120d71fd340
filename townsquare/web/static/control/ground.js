/** The ground of the map: the town's own tiles, or the streets of the demo. */

/** @typedef {{url: string, schema: "protomaps"|"openmaptiles", credit: string}} Ground */

/** @type {Ground|null} null where the town has no tiles */
export const GROUND = ground();
export const CREDIT = GROUND?.credit ?? "© OpenStreetMap contributors, ODbL";

/** What the page says of it. */
function ground() {
  const said = /** @type {HTMLMetaElement|null} */ (document.querySelector("meta[name=townsquare-map]"));
  if (!said) return null;
  const { tiles, schema, credit } = JSON.parse(said.content);
  return { url: `pmtiles://${location.origin}${tiles}`, schema, credit };
}
