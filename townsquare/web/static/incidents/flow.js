/** A procedure as a picture: its steps from top to bottom, and where answers lead. Pure. */

import { nothing, svg } from "lit";
import { t } from "../text.js";

const WIDE = 300, HIGH = 44, EACH = 78, LEFT = 12, LANE = 26;

/** @param {any[]} steps @returns {any} nothing without steps */
export function flow(steps) {
  if (!steps.length) return nothing;
  const places = new Map(steps.map((step, place) => [step.id, place]));
  const ways = steps.flatMap((step, place) => waysOf(step, place, places, steps.length));
  const jumps = ways.filter((way) => way.to !== way.from + 1);
  const width = LEFT + WIDE + 24 + LANE * Math.max(1, jumps.length) + 90;
  return svg`<svg class="flow" viewBox="0 0 ${width} ${steps.length * EACH + 40}" width=${width} role="img"
      aria-label=${t("The way through the steps; the list says the same")}>
    <defs><marker id="arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">
      <path d="M0,0 L8,4 L0,8 z" /></marker></defs>
    ${ways.filter((way) => way.to === way.from + 1).map(down)}
    ${jumps.map(aside)}
    ${steps.map(box)}
    <g class="end"><rect x=${LEFT + WIDE / 2 - 40} y=${steps.length * EACH + 4} width="80" height="28" rx="14" />
      <text x=${LEFT + WIDE / 2} y=${steps.length * EACH + 23}>${t("end")}</text></g>
  </svg>`;
}

/** @returns {{ from: number, to: number, label: string }[]} `to` of the end is behind the last step */
function waysOf(step, place, places, end) {
  const goes = (then) => (then === "end" ? end : (places.get(then) ?? place + 1));
  if (!step.branches?.length) return [{ from: place, to: goes(step.then), label: "" }];
  return step.branches.map(({ answer, then }) => ({ from: place, to: goes(then || step.then), label: answer }));
}

function box(step, place) {
  const y = place * EACH + 4;
  return svg`<g class=${step.mandatory ? "needed" : ""}><rect x=${LEFT} y=${y} width=${WIDE} height=${HIGH} rx="5" />
    <text x=${LEFT + WIDE / 2} y=${y + HIGH / 2 + 5}>${cut(step.text || step.id)}</text></g>`;
}

function down({ from, label }, index, all) {
  const x = LEFT + WIDE / 2, y = from * EACH + 4 + HIGH;
  const same = all.filter((way) => way.from === from);
  const text = same.map((way) => way.label).filter(Boolean).join(", ");
  return svg`<path class="way" d="M${x},${y} V${y + EACH - HIGH - 2}" marker-end="url(#arrow)" />
    ${same[0].label === label ? svg`<text class="answer" x=${x + 8} y=${y + 21}>${cut(text)}</text>` : nothing}`;
}

function aside({ from, to, label }, lane) {
  const x = LEFT + WIDE, far = x + 24 + lane * LANE;
  const y1 = from * EACH + 4 + HIGH / 2, y2 = to * EACH + 4 + 16;
  const ends = y2 + 2;
  return svg`<path class="way" d="M${x},${y1} H${far} V${ends} H${x + 3}" marker-end="url(#arrow)" />
    <text class="answer" x=${far + 5} y=${y1 + 14}>${cut(label, 14)}</text>`;
}

/** @param {string} text */
function cut(text, most = 40) {
  return text.length > most ? `${text.slice(0, most - 1)}…` : text;
}
