/** How the base map looks: greys only, so that colour is left for what is abnormal. Pure. */

const LIGHT = {
  ground: "#d3d6d8", path: "#c2c7ca", service: "#e1e3e4", side: "#eceded", main: "#f8f8f8",
  edge: "#b4babe", rail: "#8f979c", text: "#59636b",
};
const DARK = {
  ground: "#262b2f", path: "#343a3f", service: "#363d42", side: "#414950", main: "#525c64",
  edge: "#1d2124", rail: "#6a747c", text: "#9aa4ac",
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

/** @param {boolean} dark @returns {import("maplibre-gl").StyleSpecification} */
export function mapStyle(dark) {
  const colours = dark ? DARK : LIGHT;
  return {
    version: 8,
    sources: { town: { type: "geojson", data: "/static/basemap.geojson" } },
    layers: [
      { id: "ground", type: "background", paint: { "background-color": colours.ground } },
      street("path", colours.path),
      street("service", colours.service),
      street("side", colours.edge, 1.5),
      street("main", colours.edge, 1.5),
      street("side", colours.side),
      street("main", colours.main),
      street("tram", colours.rail),
      street("rail", colours.rail),
      names("main", 13, colours),
      names("side", 15, colours),
    ],
  };
}

/** Edges are drawn as a wider line below. */
function street(/** @type {string} */ name, /** @type {string} */ colour, edge_px = 0) {
  const [far, mid, near] = WIDTHS[name].map((width) => width + edge_px);
  return {
    id: edge_px ? `${name}-edge` : name,
    type: "line",
    source: "town",
    filter: ["==", ["get", "class"], name],
    layout: { "line-cap": "round", "line-join": "round" },
    paint: {
      "line-color": colour,
      "line-width": ["interpolate", ["exponential", 1.6], ["zoom"], 12, far, 15, mid, 18, near],
    },
  };
}

function names(/** @type {string} */ name, /** @type {number} */ minzoom, /** @type {typeof LIGHT} */ colours) {
  return {
    id: `${name}-names`,
    type: "symbol",
    source: "town",
    minzoom,
    filter: ["all", ["==", ["get", "class"], name], ["has", "name"]],
    layout: {
      "symbol-placement": "line",
      "symbol-spacing": 420,
      "text-field": ["get", "name"],
      "text-font": ["sans-serif"], // no glyph server: drawn with the machine's own font
      "text-size": 13,
    },
    paint: {
      "text-color": colours.text,
      "text-halo-color": name === "main" ? colours.main : colours.side,
      "text-halo-width": 1.5,
    },
  };
}
