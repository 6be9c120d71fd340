/**
 * One chart: what was, and lighter what was at the same time before.
 *
 * Always holds: a step of which nothing is known is a gap. What is a sample, was watched in part or
 * still grows is paler, with an outline; what lies between two thin lines is the error interval.
 */

import uPlot from "uplot";
import { LOCALE, t } from "../text.js";

const LIGHT = { text: "#3d464d", grid: "#c3c8cb", value: "#3f4f5c", before: "#8a6a2f", bound: "#14507a", field: "#e9ebec" };
const DARK = { text: "#b4bdc4", grid: "#3d454b", value: "#c3ccd3", before: "#d1a95a", bound: "#7db8e0", field: "#282d31" };
const FONT = "13px system-ui, sans-serif";
const BAR = 0.8; // of a step
const HIDDEN = { paths: () => null, points: { show: false } };

export class Drawing {
  /** @param {Element} place @param {any} chart @param {any} page */
  constructor(place, chart, page) {
    Object.assign(this, { place, chart, page });
    this.dark = matchMedia("(prefers-color-scheme: dark)");
    this.legend = Object.assign(document.createElement("ul"), { className: "legend" });
    this.plain = Object.assign(document.createElement("div"), { className: "plot" });
    this.plain.setAttribute("role", "img");
    this.plain.setAttribute("aria-label", t("Chart of {title}; the table says the same", { title: chart.title }));
    place.append(this.legend, this.plain);
    this.make();
    this.dark.addEventListener("change", () => this.make());
    new ResizeObserver(() => this.fit()).observe(this.plain);
  }

  get look() {
    return this.dark.matches ? DARK : LIGHT;
  }

  /** @returns {{words: string, paint: (pen: CanvasRenderingContext2D, w: number, h: number) => void}[]} */
  get keys() {
    const { chart, page, look } = this;
    const bar = (/** @type {boolean} */ pale) => (pen, w, h) => block(pen, [0, 0, w, h], look.value, pale);
    const line = (/** @type {string} */ colour, /** @type {number[]} */ dash) => (pen, w, h) => {
      Object.assign(pen, { strokeStyle: colour, lineWidth: h / 5 });
      pen.setLineDash(dash);
      pen.beginPath();
      pen.moveTo(0, h / 2);
      pen.lineTo(w, h / 2);
      pen.stroke();
    };
    const any = (/** @type {unknown[]} */ list) => list.some((one) => one !== null && one !== false);
    const whole = chart.value.some((one, i) => one !== null && !chart.sample[i] && !chart.light[i]);
    const keys = whole ? [{ words: t("this time"), paint: bar(false) }] : [];
    if (any(chart.sample)) keys.push({ words: t("sample, not counted here"), paint: bar(true) });
    if (chart.light.some((pale, i) => pale && chart.value[i] !== null && !chart.sample[i])) keys.push({ words: t("watched in part, or still growing"), paint: bar(true) });
    if (page.compares) keys.push({ words: page.before, paint: line(look.before, []) });
    if (any(chart.low)) keys.push({ words: t("19 times in 20 between"), paint: line(look.bound, []) });
    return [...keys, { words: t("gap: unknown"), paint: () => {} }];
  }

  make() {
    this.plot?.destroy();
    this.legend.replaceChildren(...this.keys.map(entry));
    const { chart, page } = this;
    const empty = chart.at.map(() => null);
    const columns = [chart.at, chart.value, page.compares ? chart.before : empty, chart.low, chart.high];
    this.plot = new uPlot(this.options(), columns, this.plain);
  }

  fit() {
    const { clientWidth: width, clientHeight: height } = this.plain;
    if (width && height) this.plot.setSize({ width, height });
  }

  options() {
    const { chart, look, page } = this;
    const axis = { stroke: look.text, font: FONT, ticks: { show: false } };
    const number = new Intl.NumberFormat(LOCALE);
    const stepped = uPlot.paths.stepped({ align: 1 });
    return {
      width: this.plain.clientWidth || 600,
      height: this.plain.clientHeight || 240,
      legend: { show: false },
      cursor: { show: false },
      padding: [12, 12, null, null],
      scales: {
        x: { time: false, range: () => [chart.at[0], chart.until] },
        y: { range: (_, least, most) => [Math.min(0, least ?? 0), Math.max(1, (most ?? 0) * 1.1)] },
      },
      axes: [
        { ...axis, size: 30, grid: { show: false }, splits: () => this.times(),
          values: (_, at) => at.map((s) => this.time(s)) },
        { ...axis, size: 60, grid: { stroke: look.grid, width: 1 },
          values: (_, at) => at.map((n) => number.format(n)) },
      ],
      series: [
        {},
        HIDDEN,
        { stroke: look.before, width: 2, spanGaps: false, paths: stepped, points: { show: false } },
        { stroke: look.bound, width: 1, spanGaps: false, paths: stepped, points: { show: false } },
        { stroke: look.bound, width: 1, spanGaps: false, paths: stepped, points: { show: false } },
      ],
      hooks: { drawAxes: [(plot) => this.bars(plot)] },
    };
  }

  /** Here, since uPlot's own bars cannot be pale one by one. */
  bars(plot) {
    const { at, until, value, light, sample } = this.chart;
    for (const [i, number] of value.entries()) {
      if (number === null) continue;
      const length = (at[i + 1] ?? until) - at[i];
      const [left, right] = [at[i], at[i] + length * BAR].map((x) => plot.valToPos(x, "x", true));
      const [top, bottom] = [number, 0].map((y) => plot.valToPos(y, "y", true));
      block(plot.ctx, [left, top, Math.max(1, right - left), bottom - top], this.look.value, light[i] || sample[i]);
    }
  }

  times() {
    const { at } = this.chart;
    const most = Math.max(2, Math.floor(this.plain.clientWidth / 95));
    const zone = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", timeZone: this.page.timezone });
    const round = this.page.span === "week" ? at.filter((s) => zone.format(s * 1000) === "00:00") : at;
    const each = Math.ceil(round.length / most);
    return round.filter((_, i) => i % each === 0);
  }

  /** @param {number} s */
  time(s) {
    const day = { weekday: "short", day: "numeric" };
    const clock = { hour: "2-digit", minute: "2-digit", hourCycle: "h23" };
    const how = { hour: clock, day: clock, week: day, year: { day: "numeric", month: "short" } }[this.page.span];
    return new Intl.DateTimeFormat(LOCALE, { ...how, timeZone: this.page.timezone }).format(s * 1000);
  }
}

/** @param {CanvasRenderingContext2D} pen @param {number[]} box @param {string} colour @param {boolean} pale */
function block(pen, box, colour, pale) {
  pen.save();
  Object.assign(pen, { fillStyle: colour, strokeStyle: colour, lineWidth: devicePixelRatio });
  pen.globalAlpha = pale ? 0.4 : 1;
  pen.fillRect(...box);
  pen.globalAlpha = 1;
  if (pale) pen.strokeRect(...box);
  pen.restore();
}

function entry({ words, paint }) {
  const item = document.createElement("li");
  const key = Object.assign(document.createElement("canvas"), { width: 44, height: 26 });
  key.setAttribute("aria-hidden", "true");
  paint(key.getContext("2d"), key.width, key.height);
  item.append(key, words);
  return item;
}
