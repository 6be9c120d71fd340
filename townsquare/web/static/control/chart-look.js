/**
 * How the chart of the last hour looks. Bars are painted here, since uPlot's own cannot be hatched.
 *
 * Solid: counted. Hatched: sample. Light with an outline: watched in part; dashed: still growing.
 */

import { t } from "../text.js";
import { WINDOW_S, inPart } from "./past.js";

const LIGHT = {
  text: "#3d464d", grid: "#c3c8cb", towards: "#3f4f5c", away: "#8f9ba4", mean: "#14507a",
};
const DARK = {
  text: "#b4bdc4", grid: "#3d454b", towards: "#c3ccd3", away: "#75828c", mean: "#7db8e0",
};
const FONT = "13px system-ui, sans-serif";
const BAR = 0.36; // of a window, each of two

/** @param {any} chart the element: shown, range, clock, night @param {{width: number, height: number}} size */
export function chartOptions(chart, size) {
  const look = chart.night.matches ? DARK : LIGHT;
  const axis = { stroke: look.text, font: FONT, labelFont: FONT, ticks: { show: false } };
  const grid = { stroke: look.grid, width: 1 };
  return {
    ...size,
    legend: { show: false },
    cursor: { show: false },
    padding: [12, null, null, null],
    scales: {
      x: { time: false, range: () => chart.range },
      people: { range: (_, __, most) => [0, Math.max(5, Math.ceil((most ?? 0) * 1.15))] },
      inside: { range: (_, __, most) => [0, Math.max(5, Math.ceil((most ?? 0) * 1.3))] },
    },
    axes: [
      { ...axis, size: 28, grid: { show: false }, splits: (plot) => times(chart.range, plot.width),
        values: (_, at) => at.map((s) => chart.clock.minutes.format(s * 1000)) },
      { ...axis, grid, scale: "people", label: t("across"), size: 52, labelSize: 22,
        incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000] },
      { ...axis, grid: { show: false }, scale: "inside", side: 1, label: t("inside"),
        size: 52, labelSize: 22, incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500] },
    ],
    series: [
      {},
      { scale: "people", paths: () => null, points: { show: false } },
      { scale: "people", paths: () => null, points: { show: false } },
      { scale: "inside", stroke: look.mean, width: 2, spanGaps: false,
        points: { show: true, size: 7, fill: look.mean, stroke: look.mean } },
    ],
    hooks: {
      drawAxes: [(plot) => paintBars(plot, chart, look)],
      draw: [(plot) => paintMoment(plot, chart.shown.at, look)],
    },
  };
}

function times([since, until], width) {
  const every = (width < 500 ? 4 : 2) * WINDOW_S;
  const first = Math.ceil(since / every) * every;
  return Array.from({ length: Math.floor((until - first) / every) + 1 }, (_, i) => first + i * every);
}

function paintBars(plot, chart, look) {
  const { ctx } = plot;
  ctx.save();
  for (const window of chart.shown.lineWindows) {
    // Not before the left edge: the oldest window may have begun earlier.
    if (window.since < chart.range[0]) continue;
    const middle = window.since + WINDOW_S / 2;
    paintBar(plot, window, window.values[0], middle - WINDOW_S * BAR, look.towards);
    paintBar(plot, window, window.values[1], middle, look.away);
  }
  ctx.restore();
}

/** The playhead. @param {number|null} at s */
function paintMoment(plot, at, look) {
  if (at === null) return;
  const { ctx, bbox } = plot;
  const x = plot.valToPos(at, "x", true);
  ctx.save();
  ctx.strokeStyle = look.text;
  ctx.lineWidth = 2 * devicePixelRatio;
  ctx.beginPath();
  ctx.moveTo(x, bbox.top);
  ctx.lineTo(x, bbox.top + bbox.height);
  ctx.stroke();
  ctx.restore();
}

function paintBar(plot, window, value, since, colour) {
  if (value === null) return;
  const { ctx } = plot;
  const [left, right] = [since, since + WINDOW_S * BAR].map((x) => plot.valToPos(x, "x", true));
  const [top, bottom] = [value, 0].map((y) => plot.valToPos(y, "people", true));
  const box = [left + 1, top, right - left - 2, bottom - top];
  const light = window.open || inPart(window);
  ctx.globalAlpha = light ? 0.45 : 1;
  ctx.fillStyle = window.sample ? hatch(ctx, colour) : colour;
  ctx.fillRect(...box);
  ctx.globalAlpha = 1;
  if (!light && !window.sample) return;
  ctx.strokeStyle = colour;
  ctx.lineWidth = devicePixelRatio;
  ctx.setLineDash(window.open ? [4, 3] : []);
  ctx.strokeRect(...box);
  ctx.setLineDash([]);
}

function hatch(ctx, colour) {
  const tile = document.createElement("canvas");
  tile.width = tile.height = 8;
  const pen = tile.getContext("2d");
  pen.strokeStyle = colour;
  pen.lineWidth = 1.6;
  for (const x of [-8, 0, 8]) {
    pen.moveTo(x, 8);
    pen.lineTo(x + 8, 0);
  }
  pen.stroke();
  return ctx.createPattern(tile, "repeat");
}
