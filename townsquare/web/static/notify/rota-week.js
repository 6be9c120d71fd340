/** Who is on call in a week, day by day with the times of each handover, and the way to change it. */

import { LitElement, html, nothing } from "lit";
import { LOCALE, t } from "../text.js";
import { Refused, asked, post } from "/static/control/act.js";
import "./rota-form.js";

/** @typedef {{person: string, kind: "turn"|"off"|"gap", since: string, until: string}} Watch */

class RotaWeek extends LitElement {
  static properties = { timezone: { attribute: false } };

  constructor() {
    super();
    this.told = /** @type {any} */ (null);
    this.changing = ""; // the rota whose form is open; "+" for a new one
    this.trouble = "";
  }

  createRenderRoot() {
    return this;
  }

  connectedCallback() {
    super.connectedCallback();
    this.ask("");
  }

  /** @param {string} week any day of it, "" for this one */
  async ask(week) {
    try {
      const answer = await asked(`/notify/rotas?week=${week}`, { headers: { accept: "application/json" } });
      this.told = await answer.json();
      this.trouble = "";
    } catch (refused) {
      if (!(refused instanceof Refused)) throw refused;
      this.trouble = refused.message;
    }
    this.requestUpdate();
  }

  render() {
    const told = this.told;
    if (!told) return this.refused();
    return html`${this.refused()}
      <p class="acts week">
        <button @click=${() => this.ask(told.before)}>${t("Week before")}</button>
        <button @click=${() => this.ask("")}>${t("This week")}</button>
        <button @click=${() => this.ask(told.after)}>${t("Week after")}</button>
        ${told.changes && told.contacts.length
          ? html`<button @click=${() => this.open("+")}>${t("New rota …")}</button>`
          : nothing}
      </p>
      ${told.rotas.length ? this.table() : nothing}
      ${this.changing === "+" ? this.form(null) : nothing}
      ${told.rotas.filter((rota) => rota.name === this.changing).map((rota) => this.form(rota))}`;
  }

  refused() {
    return this.trouble ? html`<p class="refused" role="alert">${this.trouble}</p>` : nothing;
  }

  table() {
    const { days, rotas, changes } = this.told;
    const starts = days.slice(0, -1);
    return html`<div class="scroll" tabindex="0" role="region" aria-label=${t("On call this week, table")}>
      <table class="cells on-call"><thead><tr><th scope="col">${t("Rota")}</th>
        ${starts.map((at) => html`<th scope="col">${this.day(at)}</th>`)}</tr></thead>
      <tbody>${rotas.map((rota) => html`<tr><th scope="row">${rota.name}
        ${changes
          ? html`<button aria-label=${t("Change {rota}", { rota: rota.name })} @click=${() => this.open(rota.name)}>${t("Change …")}</button>`
          : nothing}</th>
        ${starts.map((at, n) => html`<td>${this.within(rota.watches, at, days[n + 1])}</td>`)}</tr>`)}</tbody>
      </table></div>`;
  }

  /** @param {Watch[]} watches @param {string} since @param {string} until of one day */
  within(watches, since, until) {
    const [begin, end] = [since, until].map((at) => Date.parse(at));
    const its = watches.filter((one) => Date.parse(one.since) < end && Date.parse(one.until) > begin);
    return its.map((one) => html`<p class=${one.kind}><span class="hours">${this.hours(one, begin, end)}</span> ${
      one.kind === "gap" ? html`<b class="badge alarm">${t("nobody")}</b>` : one.kind === "off" ? "–" : one.person}</p>`);
  }

  /** @param {Watch} watch @param {number} begin @param {number} end of the day, ms */
  hours(watch, begin, end) {
    const [since, until] = [Math.max(Date.parse(watch.since), begin), Math.min(Date.parse(watch.until), end)];
    if (since === begin && until === end) return t("all day");
    return `${this.clock(since)}–${until === end ? "24:00" : this.clock(until)}`;
  }

  clock(/** @type {number} */ at) {
    return this.format({ hour: "2-digit", minute: "2-digit", hourCycle: "h23" }, at);
  }

  day(/** @type {string} */ at) {
    return this.format({ weekday: "short", day: "numeric", month: "short" }, Date.parse(at));
  }

  format(/** @type {Intl.DateTimeFormatOptions} */ how, /** @type {number} */ at) {
    return new Intl.DateTimeFormat(LOCALE, { ...how, timeZone: this.timezone }).format(at);
  }

  /** @param {any} rota null for a new one */
  form(rota) {
    return html`<rota-form .rota=${rota} .contacts=${this.told.contacts} .today=${this.told.today}
      .keep=${(/** @type {string} */ name, /** @type {object} */ wish) => this.keep(name, wish)}
      .back=${() => this.back(rota)} .leave=${() => this.open("")}></rota-form>`;
  }

  /** @param {string} name */
  async open(name) {
    this.changing = name;
    this.requestUpdate();
    await this.updateComplete;
    const form = /** @type {any} */ (this.querySelector("rota-form"));
    await form?.updateComplete;
    form?.querySelector("h3")?.focus();
  }

  /** @param {string} name @param {object} wish @returns {Promise<void>} @throws {Refused} */
  async keep(name, wish) {
    const headers = { "content-type": "application/json", accept: "application/json" };
    await asked(`/notify/rotas/${encodeURIComponent(name)}`, { method: "PUT", headers, body: JSON.stringify(wish) });
    await this.done();
  }

  /** @param {any} rota @throws {Refused} */
  async back(rota) {
    await post(`/notify/rotas/${encodeURIComponent(rota.name)}/as-in-settings`, { version: rota.version });
    await this.done();
  }

  async done() {
    this.changing = "";
    await this.ask(this.told.week);
    this.dispatchEvent(new CustomEvent("rota-changed", { bubbles: true }));
  }
}

customElements.define("rota-week", RotaWeek);
