/** What a dry run found: one sentence, a chart of its days, a list, and what is not known. */

import { html, nothing, svg } from "lit";
import { lasting } from "./words.js";

const HIGH = 40; // of the chart, in its own units
const SHORT = (id) => id.replace(/^urn:ngsi-ld:/, "");

/** @param {any} found */
export function sentence(found) {
  const chatter = found.chattering ? `, ${found.chattering} of them chattering` : "";
  return `It would have raised ${found.alarms} ${found.alarms === 1 ? "alarm" : "alarms"}${chatter}`;
}

/** @param {any} found @param {boolean} running @param {(at: string) => string} time */
export function dryRun(found, running, time) {
  const longest = found.longestS === null ? "" : ` The longest lasted ${lasting(found.longestS)}.`;
  return html`<section aria-labelledby="tried"><h3 id="tried">In the last 30 days</h3>
    <p class="lead" role="status">${running
      ? `Looked at ${found.entities} of ${found.of} …`
      : `${sentence(found)}, ${found.aDay} a day, ${found.busiest} on the busiest day.${longest}`}</p>
    ${found.cut ? html`<p class="refused">Only ${found.entities} of ${found.of} were looked at: ${found.cut}.</p>` : nothing}
    ${chart(found.days)} ${unknown(found, time)} ${listed(found, time)}
  </section>`;
}

/** @param {{date: string, number: number | null}[]} days */
function chart(days) {
  const top = Math.max(1, ...days.map((day) => day.number ?? 0));
  const said = days.map((day) => `${day.date}: ${day.number ?? "unknown"}`).join(", ");
  return html`<figure class="days"><svg viewBox="0 0 ${days.length} ${HIGH}" preserveAspectRatio="none" role="img" aria-label="Alarms a day. ${said}">
      ${days.map((day, x) => {
        const high = day.number === null ? HIGH : (HIGH * day.number) / top;
        return svg`<rect class=${day.number === null ? "none" : "c1"} x=${x + 0.1} y=${HIGH - high} width="0.8" height=${high}><title>${day.date}: ${day.number ?? "unknown"}</title></rect>`;
      })}</svg>
    <figcaption><span>${days[0].date}</span><span>most on a day: ${top}; grey: no history</span><span>${days.at(-1).date}</span></figcaption></figure>`;
}

function unknown(found, time) {
  if (!found.unknownInAll) return nothing;
  const more = found.unknownInAll - found.unknown.length;
  return html`<details><summary>${found.unknownInAll} of ${found.of} are unknown for a part of that time or all of it</summary>
    <ul>${found.unknown.map((one) => html`<li>${SHORT(one.entity)}: ${one.since ? `unknown before ${time(one.since)}` : "no history is kept of it"}</li>`)}</ul>
    ${more > 0 ? html`<p class="quiet">And ${more} more.</p>` : nothing}</details>`;
}

function listed(found, time) {
  if (!found.listed.length) return nothing;
  const newest = [...found.listed].reverse();
  return html`<div class="scroll" tabindex="0" role="region" aria-label="Alarms it would have raised"><table class="cells">
    <caption>${found.alarms > newest.length ? `The last ${newest.length} of ${found.alarms}` : "Each of them"}</caption>
    <thead><tr><th scope="col">Raised</th><th scope="col">By</th><th scope="col">Value</th><th scope="col">Lasted</th></tr></thead>
    <tbody>${newest.map((one) => html`<tr><th scope="row">${time(one.since)}</th><td>${SHORT(one.source)}</td>
      <td>${one.value ?? "–"}</td><td>${lasting(one.lastedS)}${one.until ? "" : ", and still does"}</td></tr>`)}</tbody></table></div>`;
}
