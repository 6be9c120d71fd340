/** From an alarm to the incident that it is or was in, and to the form that opens one. */

import { html, nothing } from "lit";
import { t } from "../text.js";

/** @import { Entity } from "./types.js" */

/** @param {Entity} alarm */
export function incidentForm(alarm) {
  return `/control/incidents?alarm=${encodeURIComponent(alarm.id)}`;
}

/** @param {Entity} alarm */
export function incidentLink(alarm) {
  const known = alarm.incident && `/control/incidents/${encodeURIComponent(alarm.incident)}`;
  return html`<p class="incident">
    ${known ? html`<a href=${known}>${t("Its incident")}</a> · ` : nothing}
    <a href=${incidentForm(alarm)}>${t("Open an incident")}</a></p>`;
}
