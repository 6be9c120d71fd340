/** The sign of a severity: shape, letter and colour, so that none of them is needed alone. */

import { html, svg } from "lit";
import { t } from "../text.js";

/** @import { Severity } from "./types.js" */

const SHAPES = {
  critical: svg`<path d="M16 1 31 16 16 31 1 16z"/>`,
  high: svg`<path d="M16 2 31 29H1z"/>`,
  medium: svg`<circle cx="16" cy="16" r="14"/>`,
  low: svg`<rect x="3" y="3" width="26" height="26"/>`,
};
const NAMES = { critical: t("critical"), high: t("high"), medium: t("medium"), low: t("low") };
const LETTERS = { critical: "C", high: "H", medium: "M", low: "L" };

/** @param {string} severity */
export function severityName(severity) {
  return NAMES[severity] ?? severity;
}

/** @param {Severity} severity */
export function sign(severity) {
  const y = severity === "high" ? 26 : 22;
  return html`<svg class="sign ${severity}" viewBox="0 0 32 32" role="img" aria-label=${severityName(severity)}>
    ${SHAPES[severity] ?? SHAPES.low}
    <text x="16" y=${y}>${LETTERS[severity] ?? "?"}</text>
  </svg>`;
}
