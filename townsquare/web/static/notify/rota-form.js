/** One rota to be changed: who takes turns in which order, when they change, and who stands in. */

import { LitElement, html, nothing } from "lit";
import { repeat } from "lit/directives/repeat.js";
import { t } from "../text.js";
import { Refused } from "/static/control/act.js";

const NEW = { name: "", people: [], begins: "", handover: "08:00", days: 7, hours: "", override: [], version: 0, kept: false };

class RotaForm extends LitElement {
  static properties = {
    rota: { attribute: false },
    contacts: { attribute: false },
    today: { attribute: false },
  };

  constructor() {
    super();
    this.people = /** @type {string[]} */ ([]);
    this.overrides = /** @type {{person: string, since: string, until: string}[]} */ ([]);
    this.trouble = "";
    this.keep = async (/** @type {string} */ _name, /** @type {object} */ _wish) => {};
    this.back = async () => {};
    this.leave = () => {};
  }

  createRenderRoot() {
    return this;
  }

  connectedCallback() {
    super.connectedCallback();
    this.people = [...(this.rota?.people ?? this.contacts.slice(0, 1))];
    this.overrides = (this.rota?.override ?? []).map((one) => ({ ...one }));
  }

  render() {
    const rota = this.rota ?? { ...NEW, begins: this.today };
    return html`<form class="rota" @submit=${(/** @type {SubmitEvent} */ e) => this.submit(e, rota)}>
      <h3 tabindex="-1">${this.rota ? t("Change {rota}", { rota: rota.name }) : t("A new rota")}</h3>
      ${this.rota ? nothing : html`<label>${t("Name")} <input name="name" required pattern="[a-z0-9][a-z0-9\\-]*" autocomplete="off"></label>`}
      <fieldset><legend>${t("People, in the order of their turns")}</legend>${this.order()}</fieldset>
      <fieldset class="turns"><legend>${t("Turns")}</legend>
        <label>${t("First turn begins")} <input type="date" name="begins" required .defaultValue=${rota.begins}></label>
        <label>${t("Handover at")} <input type="time" name="handover" required .defaultValue=${rota.handover}></label>
        <label>${t("Days of a turn")} <input type="number" name="days" min="1" max="366" required .defaultValue=${String(rota.days)}></label>
        <label>${t("Hours on call")} <input name="hours" .defaultValue=${rota.hours} aria-describedby="hours-help" autocomplete="off"></label>
        <small class="quiet" id="hours-help">${t("Such as {example}; empty is always.", { example: "Mon-Fri 18:00-06:00, Sat-Sun 00:00-24:00" })}</small>
      </fieldset>
      <fieldset><legend>${t("Who stands in")}</legend>${this.instead()}</fieldset>
      ${this.trouble ? html`<p class="refused" role="alert">${this.trouble}</p>` : nothing}
      <p class="acts"><button class="primary">${t("Keep it")}</button>
        <button type="button" @click=${() => this.leave()}>${t("Leave it")}</button>
        ${rota.kept ? html`<button type="button" @click=${() => this.tried(this.back)}>${t("As in the settings again")}</button>` : nothing}</p>
    </form>`;
  }

  order() {
    const rest = this.contacts.filter((one) => !this.people.includes(one));
    return html`<ol class="order">${this.people.map((person, n) => html`<li><span>${person}</span>
        <button type="button" ?disabled=${n === 0} aria-label=${t("{person} earlier", { person })} @click=${() => this.move(n, -1)}>↑</button>
        <button type="button" ?disabled=${n === this.people.length - 1} aria-label=${t("{person} later", { person })} @click=${() => this.move(n, 1)}>↓</button>
        <button type="button" ?disabled=${this.people.length === 1} aria-label=${t("Take {person} out", { person })} @click=${() => this.move(n, 0)}>×</button></li>`)}</ol>
      ${rest.length
        ? html`<p class="acts">${rest.map((one) => html`<button type="button" @click=${() => this.add(one)}>${t("Add {person}", { person: one })}</button>`)}</p>`
        : nothing}`;
  }

  /** @param {number} n @param {number} by 0 takes out */
  move(n, by) {
    const [person] = this.people.splice(n, 1);
    if (by) this.people.splice(n + by, 0, person);
    this.requestUpdate();
  }

  /** @param {string} person */
  add(person) {
    this.people.push(person);
    this.requestUpdate();
  }

  instead() {
    const set = (/** @type {any} */ one, /** @type {string} */ name) => (/** @type {any} */ e) => (one[name] = e.target.value);
    return html`${repeat(this.overrides, (one) => one, (one) => html`<p class="instead">
        <label>${t("Who")} <select @change=${set(one, "person")}>
          ${["", ...this.contacts].map((who) => html`<option value=${who} ?selected=${who === one.person}>${who || t("nobody")}</option>`)}</select></label>
        <label>${t("From")} <input type="datetime-local" required .value=${one.since} @change=${set(one, "since")}></label>
        <label>${t("Until")} <input type="datetime-local" required .value=${one.until} @change=${set(one, "until")}></label>
        <button type="button" @click=${() => this.drop(one)}>${t("Take out")}</button></p>`)}
      <p class="acts"><button type="button" @click=${() => this.swap()}>${t("Add a swap")}</button></p>`;
  }

  async swap() {
    this.overrides.push({ person: this.contacts[0], since: `${this.today}T08:00`, until: "" });
    this.requestUpdate();
    await this.updateComplete;
    /** @type {HTMLElement} */ ([...this.querySelectorAll(".instead select")].pop()).focus();
  }

  /** @param {any} one */
  drop(one) {
    this.overrides = this.overrides.filter((other) => other !== one);
    this.requestUpdate();
  }

  /** @param {SubmitEvent} event @param {any} rota */
  submit(event, rota) {
    event.preventDefault();
    const given = Object.fromEntries(new FormData(/** @type {HTMLFormElement} */ (event.target)));
    const { begins, handover, hours } = given;
    const wish = { people: this.people, begins, handover, days: Number(given.days), hours, override: this.overrides, version: rota.version };
    return this.tried(() => this.keep(String(given.name ?? rota.name), wish));
  }

  /** @param {() => Promise<void>} act */
  async tried(act) {
    this.trouble = "";
    try {
      await act();
    } catch (refused) {
      if (!(refused instanceof Refused)) throw refused;
      this.trouble = refused.message;
    }
    this.requestUpdate();
  }
}

customElements.define("rota-form", RotaForm);
