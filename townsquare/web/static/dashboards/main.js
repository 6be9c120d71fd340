/** Draws the charts of a dashboard, and hands them out as pictures. Tables and CSV need no script. */

import { Drawing } from "./drawing.js";
import { save } from "./picture.js";

const page = JSON.parse(document.getElementById("charts").textContent);
const drawings = new Map();
for (const place of document.querySelectorAll("[data-chart]")) {
  const number = Number(/** @type {HTMLElement} */ (place).dataset.chart);
  drawings.set(number, new Drawing(place, page.charts[number], page));
}
for (const button of document.querySelectorAll("[data-png]")) {
  const number = Number(/** @type {HTMLElement} */ (button).dataset.png);
  button.addEventListener("click", () => save(drawings.get(number), page));
}
