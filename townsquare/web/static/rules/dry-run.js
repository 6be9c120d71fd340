/** What a dry run found: one sentence, a chart of its days, a list, and what is not known. */

import { html, nothing, svg } from "lit";
import { t, tn } from "../text.js";
import { lasting } from "./words.js";

const HIGH = 40; // of the chart, in its own units
const SHORT = (id) => id.replace(/^urn:ngsi-ld:/, "");

/** @param {any} found */
export function sentence(found) {
  const alarms = tn(found.alarms, "It would have raised {n} alarm", "It would have raised {n} alarms");
  return found.chattering ? t("{alarms}, {n} of them chattering", { alarms, n: found.chattering }) : alarms;
}

/** @param {any} found @param {boolean} running @param {(at: string) => string} time */
export function dryRun(found, running, time) {
  const { entities, of, cut } = found;
  return html`<section aria-labelledby="tried"><h3 id="tried">${t("In the last 30 days")}</h3>
    <p class="lead" role="status">${running
      ? t("Looked at {n} of {of} …", { n: entities, of })
      : figures(found)}</p>
    ${cut ? html`<p class="refused">${t("Only {n} of {of} were looked at: {why}.", { n: entities, of, why: cut })}</p>` : nothing}
    ${chart(found.days)} ${unknown(found, time)} ${listed(found, time)}
  </section>`;
}

/** @param {any} found */
function figures(found) {
  const said = { alarms: sentence(found), each: found.aDay, most: found.busiest };
  const all = t("{alarms}, {each} a day, {most} on the busiest day.", said);
  return found.longestS === null ? all : `${all} ${t("The longest lasted {time}.", { time: lasting(found.longestS) })}`;
}

/** @param {{date: string, number: number | null}[]} days */
function chart(days) {
  const top = Math.max(1, ...days.map((day) => day.number ?? 0));
  const said = days.map((day) => `${day.date}: ${day.number ?? t("unknown")}`).join(", ");
  return html`<figure class="days"><svg viewBox="0 0 ${days.length} ${HIGH}" preserveAspectRatio="none" role="img" aria-label=${t("Alarms a day. {days}", { days: said })}>
      ${days.map((day, x) => {
        const high = day.number === null ? HIGH : (HIGH * day.number) / top;
        return svg`<rect class=${day.number === null ? "none" : "c1"} x=${x + 0.1} y=${HIGH - high} width="0.8" height=${high}><title>${day.date}: ${day.number ?? t("unknown")}</title></rect>`;
      })}</svg>
    <figcaption><span>${days[0].date}</span><span>${t("most on a day: {n}; grey: no history", { n: top })}</span><span>${days.at(-1).date}</span></figcaption></figure>`;
}

function unknown(found, time) {
  if (!found.unknownInAll) return nothing;
  const more = found.unknownInAll - found.unknown.length;
  return html`<details><summary>${t("{n} of {of} are unknown for a part of that time or all of it", { n: found.unknownInAll, of: found.of })}</summary>
    <ul>${found.unknown.map((one) => html`<li>${SHORT(one.entity)}: ${one.since ? t("unknown before {time}", { time: time(one.since) }) : t("no history is kept of it")}</li>`)}</ul>
    ${more > 0 ? html`<p class="quiet">${tn(more, "And {n} more.", "And {n} more.")}</p>` : nothing}</details>`;
}

function listed(found, time) {
  if (!found.listed.length) return nothing;
  const newest = [...found.listed].reverse();
  return html`<div class="scroll" tabindex="0" role="region" aria-label=${t("Alarms it would have raised")}><table class="cells">
    <caption>${found.alarms > newest.length ? t("The last {n} of {of}", { n: newest.length, of: found.alarms }) : t("Each of them")}</caption>
    <thead><tr><th scope="col">${t("Raised")}</th><th scope="col">${t("By")}</th><th scope="col">${t("Value")}</th><th scope="col">${t("Lasted")}</th></tr></thead>
    <tbody>${newest.map((one) => html`<tr><th scope="row">${time(one.since)}</th><td>${SHORT(one.source)}</td>
      <td>${one.value ?? "–"}</td><td>${one.until ? lasting(one.lastedS) : t("{time}, and still does", { time: lasting(one.lastedS) })}</td></tr>`)}</tbody></table></div>`;
}
