/** A row of several alarms: how many, how bad, what they have in common; and each of them inside. */

import { html, nothing } from "lit";
import { repeat } from "lit/directives/repeat.js";
import { t } from "../text.js";
import { isUnanswered, place } from "./city.js";
import { age } from "./format.js";
import { MOST_NAMED, critical, linked, words } from "./rows.js";
import { sign } from "./severity.js";

export const MOST_LINKED = 100; // alarms of an incident

/** @import { TemplateResult } from "lit" */
/** @import { Entity } from "./types.js" */
/** @import { Row } from "./rows.js" */
/** @import { Store } from "./store.js" */

/**
 * @typedef {{open: boolean, selected: boolean, busy: boolean, said: string, commands: boolean}} Look
 * `busy` while the server is asked for all of them; `said` is what it refused.
 * @typedef {{toggle: () => void, acknowledge: () => void, incident: () => void,
 *   link: (incident: string, alarms: Entity[]) => void, one: (alarm: Entity) => TemplateResult}} Deeds
 * @param {Store} store
 * @param {Row} row
 * @param {Look} look
 * @param {Deeds} deeds
 */
export function rowGroup(store, row, look, deeds) {
  const { what, where } = words(store, row);
  const unanswered = row.alarms.filter(isUnanswered).length;
  const members = `members-${row.id}`;
  return html`<li class="row ${row.worst} ${row.waiting.length ? "waits" : ""} ${look.selected ? "selected" : ""}"
    aria-current=${look.selected ? "true" : nothing}>
    <button class="pick" data-row=${row.id} aria-expanded=${look.open} aria-controls=${members} @click=${deeds.toggle}>
      ${sign(row.worst)}
      <span class="what"><span class="number">${row.alarms.length} ×</span> ${what}</span>
      <span class="where">${where}</span>
    </button>
    <p class="state">
      <b>${row.waiting.length ? t("{n} to acknowledge", { n: row.waiting.length }) : t("all acknowledged")}</b>
      ${unanswered
        ? html`<span class="unanswered">${t("{n} without an answer", { n: unanswered })}</span>`
        : nothing}
      <span>${t("newest {age}", { age: age(row.newest, store.now) })}</span>
    </p>
    ${look.open ? nothing : named(store, row)}
    ${look.commands ? choices(row, look, deeds) : nothing}
    <ol class="members" id=${members} ?hidden=${!look.open}>
      ${look.open ? repeat(row.alarms, (alarm) => alarm.id, deeds.one) : nothing}
    </ol>
  </li>`;
}

/** A closed row hides no critical alarm. @param {Store} store @param {Row} row */
function named(store, row) {
  const all = critical(row);
  if (!all.length || row.alarms.every((alarm) => alarm.name === all[0].name)) return nothing;
  const more = all.length - MOST_NAMED;
  return html`<ul class="named">
    ${all.slice(0, MOST_NAMED).map((alarm) => html`<li>${sign("critical")} ${alarm.name}, ${place(store, alarm)}</li>`)}
    ${more > 0 ? html`<li>${t("and {n} more critical", { n: more })}</li>` : nothing}
  </ul>`;
}

/** @param {Row} row @param {Look} look @param {Deeds} deeds */
function choices(row, look, deeds) {
  const [waiting, all] = [row.waiting.length, row.alarms.length];
  const { incident, free } = linked(row);
  return html`<div class="do">
    <p class="choices">
      ${waiting
        ? html`<button class="acknowledge" ?disabled=${look.busy} @click=${deeds.acknowledge}>
            ${look.busy ? t("Acknowledging …") : howMany(waiting, all)}
          </button>`
        : nothing}
      ${incident && free.length
        ? html`<button ?disabled=${look.busy} @click=${() => deeds.link(incident, free)}>
            ${t("Add {n} to its incident", { n: free.length })}
          </button>`
        : nothing}
      <button ?disabled=${look.busy} @click=${deeds.incident}>
        ${all > MOST_LINKED ? t("Open one incident of the worst {n}", { n: MOST_LINKED }) : t("Open one incident")}
      </button>
    </p>
    ${incident ? html`<p class="incident"><a href=${`/control/incidents/${encodeURIComponent(incident)}`}>${t("Its incident")}</a></p>` : nothing}
    ${look.said ? html`<p class="refused" role="alert">${look.said}</p>` : nothing}
  </div>`;
}

function howMany(/** @type {number} */ waiting, /** @type {number} */ all) {
  return waiting === all ? t("Acknowledge all {all}", { all }) : t("Acknowledge {n} of {all}", { n: waiting, all });
}
