/** Who is on call, what a chain does, which ways work, and what was sent. */

import { html, nothing } from "lit";
import { repeat } from "lit/directives/repeat.js";
import { Refused, post } from "/static/control/act.js";
import { LOCALE, t, tn } from "../text.js";
import { sign } from "/static/control/severity.js";
import { Asking } from "/static/incidents/asking.js";
import { chainPicture } from "./chain-picture.js";
import "./rota-week.js";
import "./this-browser.js";
import { STATES, WAYS, about, works } from "./words.js";

const SOON_MS = 1000;
const MOST_GAPS = 5;
const OPEN = ["queued", "failed"];
/** @type {Record<string, string>} */
const SEVERITIES = { critical: t("critical"), high: t("high"), medium: t("medium"), low: t("low") };

class NotifyPage extends Asking {
  constructor() {
    super();
    this.refused = "";
    this.tested = "";
  }

  get path() {
    return "/notify";
  }

  /** What is under way is asked for sooner. @param {any} told */
  take(told) {
    super.take(told);
    clearTimeout(this.soon);
    if (told.sent.some((call) => OPEN.includes(call.state))) this.soon = setTimeout(() => this.ask(), SOON_MS);
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    clearTimeout(this.soon);
  }

  render() {
    const told = this.told;
    if (!told) return html`<h1>${t("Calling people")}</h1>${this.stale()}`;
    return html`<h1>${t("Calling people")}</h1>
      <p class="lead">${t("Who is called about an alarm that nobody acknowledges, and what became of each call.")}</p>
      ${this.stale()}
      ${told.rotas.length ? nothing : html`<p class="note alarm">${t("Nobody is called: there is no rota in {settings} of the settings.", { settings: html`<code>[notify]</code>` })}</p>`}
      ${told.waiting.length ? this.waiting(told.waiting) : nothing}
      ${told.gaps.length ? this.gaps(told.gaps) : nothing}
      ${told.rotas.length ? this.rotas(told.rotas) : nothing}
      ${this.section("week", t("Rotas"), html`<rota-week .timezone=${this.session.timezone} @rota-changed=${() => this.ask()}></rota-week>`)}
      ${told.chains.length ? this.chains(told) : nothing}
      ${told.ways.length ? this.ways(told.ways) : nothing}
      ${this.session.registers && told.browser.contacts.length ? this.browser(told.browser) : nothing}
      ${this.sent(told.sent)}`;
  }

  /** @param {any[]} alarms */
  waiting(alarms) {
    return this.section("waiting", t("Waits for an answer"), this.table(t("Alarms that wait, table"),
      [t("Severity"), t("Alarm"), t("Since"), t("Next step")],
      alarms.map((one) => html`<tr><td>${sign(one.severity)}</td><th scope="row">${one.name}</th>
        <td>${this.time(one.since)}</td>
        <td>${one.unanswered ? html`<span class="badge alarm">${t("nobody has answered")}</span>` : one.next ? this.time(one.next) : ""}</td></tr>`)));
  }

  /** @param {{rota: string, since: string, until: string}[]} gaps of the next fortnight */
  gaps(gaps) {
    const number = tn(gaps.length, "{n} gap in the next 14 days", "{n} gaps in the next 14 days");
    return html`<div class="note alarm gaps"><p><b>${t("Nobody is on call")}</b>: ${number}</p>
      <ul>${gaps.slice(0, MOST_GAPS).map((gap) => html`<li>${this.span(gap)}${
        gap.rota ? html`, ${t("in {rota}", { rota: gap.rota })}` : nothing}</li>`)}
        ${gaps.length > MOST_GAPS ? html`<li>${t("and {n} more", { n: gaps.length - MOST_GAPS })}</li>` : nothing}</ul></div>`;
  }

  /** @param {{since: string, until: string}} gap */
  span({ since, until }) {
    const how = /** @type {const} */ ({ weekday: "short", day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
    const format = new Intl.DateTimeFormat(LOCALE, { ...how, timeZone: this.session.timezone });
    return format.formatRange(new Date(since), new Date(until));
  }

  /** @param {any[]} rotas */
  rotas(rotas) {
    return this.section("rotas", t("On call"), html`<dl class="rotas">${rotas.map((rota) => html`<div>
      <dt>${rota.name}</dt><dd class="who">${rota.person || html`<em>${t("nobody yet")}</em>`}</dd>
      <dd class="quiet">${rota.next ? t("then {person}, from {time}", { person: rota.next.person, time: this.time(rota.next.since) }) : t("nobody follows")}</dd>
    </div>`)}</dl>`);
  }

  /** @param {any} told */
  chains(told) {
    return this.section("chains", t("What happens"), html`
      ${told.chains.map((chain) => html`<div class="course">
        <h3>${chain.severities.map((one) => html`${sign(one)} ${SEVERITIES[one]} `)}</h3>${chainPicture(chain)}</div>`)}
      <p>${told.quiet.length ? t("Quiet hours, in which a chain waits:") : t("There are no quiet hours.")}
        ${told.quiet.map((one) => t("{severities} from {since} to {until}.", { severities: html`<b>${one.severities.map((of) => SEVERITIES[of]).join(", ")}</b>`, since: one.since, until: one.until }))}
        ${t("Critical alarms are never quiet.")}</p>`);
  }

  /** @param {any[]} ways */
  ways(ways) {
    const tests = this.session.tests;
    return this.section("ways", t("Ways"), html`
      ${this.refused ? html`<p class="refused" role="alert">${this.refused}</p>` : nothing}
      ${this.table(t("Ways to call people, table"),
        [t("Contact"), t("Way"), t("State"), t("Last sent"), t("Last answer"), ...(tests ? [t("Test")] : [])],
        ways.map((way) => html`<tr><th scope="row">${way.contact}</th><td>${WAYS[way.kind]}</td>
          <td>${way.failing ? html`<span class="badge alarm">${works(way)}</span>` : works(way)}</td>
          <td>${way.sentAt ? this.time(way.sentAt) : ""}</td><td class="answer">${way.answer ?? ""}</td>
          ${tests ? html`<td><button aria-label=${t("Test {way} to {contact}", { way: WAYS[way.kind], contact: way.contact })} @click=${() => this.test(way)}>${t("Test")}</button></td>` : nothing}</tr>`))}`);
  }

  /** @param {any} offered */
  browser(offered) {
    return this.section("browser", t("This browser"), html`<this-browser .contacts=${offered.contacts} .key=${offered.key}></this-browser>`);
  }

  /** @param {any[]} calls */
  sent(calls) {
    const own = (/** @type {any} */ one) => (one.id === this.tested ? "own" : "");
    return this.section("sent", t("Last calls"), calls.length ? this.table(t("Last calls, table"),
      [t("When"), t("To"), t("Way"), t("About"), t("Step"), t("State"), t("Tries"), t("Answer")],
      repeat(calls, (one) => one.id, (one) => html`<tr class="${one.state} ${own(one)}">
        <td>${this.time(one.queuedAt)}</td><th scope="row">${one.contact || html`<em>${t("nobody")}</em>`}</th>
        <td>${WAYS[one.channel] ?? ""}</td><td>${about(one)}</td><td>${one.step === null ? "" : one.step + 1}</td>
        <td>${one.state === "givenUp" ? html`<span class="badge overdue">${STATES.givenUp}</span>` : STATES[one.state]}</td>
        <td>${one.tries}</td><td class="answer">${one.answer ?? ""}</td></tr>`)) : html`<p class="quiet">${t("None yet.")}</p>`);
  }

  /** @param {string} id @param {string} title @param {unknown} inside */
  section(id, title, inside) {
    return html`<section aria-labelledby=${id}><h2 id=${id}>${title}</h2>${inside}</section>`;
  }

  /** @param {string} name @param {string[]} heads @param {unknown} rows */
  table(name, heads, rows) {
    return html`<div class="scroll" tabindex="0" role="region" aria-label=${name}><table class="cells">
      <thead><tr>${heads.map((head) => html`<th scope="col">${head}</th>`)}</tr></thead><tbody>${rows}</tbody></table></div>`;
  }

  /** @param {any} way */
  async test(way) {
    this.refused = "";
    try {
      this.tested = (await post("/notify/test", { contact: way.contact, channel: way.kind })).id;
    } catch (refused) {
      if (!(refused instanceof Refused)) throw refused;
      this.refused = refused.message;
      this.requestUpdate();
    }
    await this.ask();
  }
}

customElements.define("notify-page", NotifyPage);
