/**
 * How the base map looks: greys only, so that colour is left for what is abnormal. Pure.
 *
 * The same look for the demo's streets and for a town's own tiles, whose layers are those of Protomaps
 * or of OpenMapTiles.
 */

/** @import { Ground } from "./ground.js" */

const LIGHT = {
  ground: "#d3d6d8", path: "#c2c7ca", service: "#e1e3e4", side: "#eceded", main: "#f8f8f8",
  edge: "#b4babe", rail: "#8f979c", text: "#59636b", water: "#b3bcc2", building: "#c6cacd",
};
const DARK = {
  ground: "#262b2f", path: "#343a3f", service: "#363d42", side: "#414950", main: "#525c64",
  edge: "#1d2124", rail: "#6a747c", text: "#9aa4ac", water: "#1a1e22", building: "#30363b",
};

/** Width in pixels at zooms 12, 15 and 18. */
const WIDTHS = {
  path: [0.3, 1, 4],
  service: [0.5, 2, 9],
  side: [1, 5, 18],
  main: [2, 9, 28],
  tram: [0.6, 1.4, 3],
  rail: [0.8, 2, 5],
};

/** @typedef {{[name in keyof typeof WIDTHS]: string[]}} Classes what each kind of way is called in the data */
/** @typedef {{streets?: string, key: string, classes: Classes, names?: string, water?: string, buildings?: string, places?: string}} Schema */

/** @type {Schema} our own file has no layers */
const OURS = {
  key: "class",
  classes: { path: ["path"], service: ["service"], side: ["side"], main: ["main"], tram: ["tram"], rail: ["rail"] },
};
/** @type {{[schema in Ground["schema"]]: Schema}} */
const SCHEMAS = {
  protomaps: {
    streets: "roads", key: "kind", names: "roads", water: "water", buildings: "buildings", places: "places",
    classes: {
      path: ["path"], service: ["other"], side: ["minor_road"], main: ["major_road", "highway"], tram: [], rail: ["rail"],
    },
  },
  openmaptiles: {
    streets: "transportation", key: "class", names: "transportation_name",
    water: "water", buildings: "building", places: "place",
    classes: {
      path: ["path"], service: ["service", "track"], side: ["minor"],
      main: ["motorway", "trunk", "primary", "secondary", "tertiary"], tram: ["transit"], rail: ["rail"],
    },
  },
};

/** @param {boolean} dark @param {Ground|null} ground @returns {import("maplibre-gl").StyleSpecification} */
export function mapStyle(dark, ground) {
  const colours = dark ? DARK : LIGHT;
  const schema = ground ? SCHEMAS[ground.schema] : OURS;
  const street = streets(schema);
  return {
    version: 8,
    sources: { town: ground ? { type: "vector", url: ground.url } : { type: "geojson", data: "/static/basemap.geojson" } },
    layers: [
      { id: "ground", type: "background", paint: { "background-color": colours.ground } },
      ...area(schema.water, colours.water),
      ...area(schema.buildings, colours.building, 14),
      street("path", colours.path),
      street("service", colours.service),
      street("side", colours.edge, 1.5),
      street("main", colours.edge, 1.5),
      street("side", colours.side),
      street("main", colours.main),
      street("tram", colours.rail),
      street("rail", colours.rail),
      names(schema, "main", 13, colours),
      names(schema, "side", 15, colours),
      ...towns(schema.places, colours),
    ],
  };
}

/** @param {string|undefined} layer of the tiles; our own file has none */
function from(layer) {
  return layer ? { source: "town", "source-layer": layer } : { source: "town" };
}

/** @param {Schema} schema @param {keyof Classes} name */
function isA({ key, classes }, name) {
  return ["in", ["get", key], ["literal", classes[name]]];
}

/** @param {string|undefined} layer @param {string} colour @param {number} [minzoom] */
function area(layer, colour, minzoom = 0) {
  if (!layer) return [];
  const shape = ["==", ["geometry-type"], "Polygon"];
  return [{ id: layer, type: "fill", ...from(layer), minzoom, filter: shape, paint: { "fill-color": colour } }];
}

/** Edges are drawn as a wider line below. @param {Schema} schema */
function streets(schema) {
  return (/** @type {keyof Classes} */ name, /** @type {string} */ colour, edge_px = 0) => {
    const [far, mid, near] = WIDTHS[name].map((width) => width + edge_px);
    return {
      id: edge_px ? `${name}-edge` : name,
      type: "line",
      ...from(schema.streets),
      filter: isA(schema, name),
      layout: { "line-cap": "round", "line-join": "round" },
      paint: {
        "line-color": colour,
        "line-width": ["interpolate", ["exponential", 1.6], ["zoom"], 12, far, 15, mid, 18, near],
      },
    };
  };
}

/** @param {Schema} schema @param {keyof Classes} name @param {number} minzoom @param {typeof LIGHT} colours */
function names(schema, name, minzoom, colours) {
  return {
    id: `${name}-names`,
    type: "symbol",
    ...from(schema.names),
    minzoom,
    filter: ["all", isA(schema, name), ["has", "name"]],
    layout: { ...lettering(13), "symbol-placement": "line", "symbol-spacing": 420 },
    paint: written(colours.text, name === "main" ? colours.main : colours.side),
  };
}

/** @param {string|undefined} layer @param {typeof LIGHT} colours */
function towns(layer, colours) {
  if (!layer) return [];
  return [{
    id: layer, type: "symbol", ...from(layer), maxzoom: 15, filter: ["has", "name"],
    layout: lettering(14), paint: written(colours.text, colours.ground),
  }];
}

function lettering(/** @type {number} */ size) {
  // No glyph server: drawn with the machine's own font.
  return { "text-field": ["get", "name"], "text-font": ["sans-serif"], "text-size": size };
}

function written(/** @type {string} */ colour, /** @type {string} */ halo) {
  return { "text-color": colour, "text-halo-color": halo, "text-halo-width": 1.5 };
}
