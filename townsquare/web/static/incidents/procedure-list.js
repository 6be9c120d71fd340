/**
 * The procedures for incidents, and the form in which engineers write one.
 *
 * Always holds: what is saved is a whole procedure, made from the version that was shown; whether its
 * steps lead anywhere, the server says.
 */

import { LitElement, html, nothing } from "lit";
import { t, tn } from "../text.js";
import { Refused, asked } from "/static/control/act.js";
import { flow } from "./flow.js";
import { short } from "./words.js";

const JSON_TYPE = { "content-type": "application/json", accept: "application/json" };
const FRESH = { name: "", steps: [{ id: "step-1", text: "", mandatory: false, branches: [], then: "" }] };

class ProcedureList extends LitElement {
  static properties = { session: { attribute: false } };

  constructor() {
    super();
    this.procedures = null;
    this.edited = null;
    this.said = "";
    this.refused = "";
  }

  createRenderRoot() {
    return this;
  }

  connectedCallback() {
    super.connectedCallback();
    this.ask();
  }

  async ask() {
    await this.trying(async () => {
      const told = await (await asked("/procedures", { headers: { accept: "application/json" } })).json();
      this.procedures = told.procedures;
    });
  }

  /** @param {() => Promise<void>} act */
  async trying(act) {
    this.refused = "";
    try {
      await act();
    } catch (refused) {
      if (!(refused instanceof Refused)) throw refused;
      this.refused = refused.message;
      this.said = "";
    }
    this.requestUpdate();
  }

  render() {
    return html`<p><a href="/control/incidents">${t("All incidents")}</a></p>
      <h1>${t("Procedures")}</h1>
      <p class="lead">${t("Steps in their order; an answer can lead to a later step or to the end.")}
        ${t("An incident keeps the steps as they were when it was opened.")}</p>
      ${this.list()} ${this.edited ? this.editor() : nothing}
      <p class="quiet" role="status">${this.said}</p>
      ${this.refused ? html`<p class="refused" role="alert">${this.refused}</p>` : nothing}`;
  }

  list() {
    if (!this.procedures) return html`<p class="quiet">${t("Asking …")}</p>`;
    return html`<ul class="plain">${this.procedures.map((one) => html`<li>
        <button @click=${() => this.edit(one)}>${one.name}</button>
        <span class="quiet">${short(one.id)}, ${tn(one.steps.length, "{n} step", "{n} steps")}</span></li>`)}
      ${this.procedures.length ? nothing : html`<li class="quiet">${t("None yet.")}</li>`}</ul>
      ${this.session.writes ? html`<p><button @click=${() => this.edit({ ...FRESH, version: 0 })}>${t("A new procedure")}</button></p>` : nothing}`;
  }

  /** @param {any} one */
  edit(one) {
    this.edited = structuredClone({ ...one, key: one.id ? short(one.id) : "" });
    for (const step of this.edited.steps) step.branches ??= [];
    this.said = "";
    this.refused = "";
    this.requestUpdate();
  }

  editor() {
    const { edited } = this;
    return html`<form class="procedure" @submit=${(e) => this.save(e)}>
      <h2>${edited.version ? edited.name : t("A new procedure")}</h2>
      <fieldset ?disabled=${!this.session.writes}>
        <legend>${t("Names")}</legend>
        <label>${t("Name in addresses")} <input .value=${edited.key} ?readonly=${Boolean(edited.version)} required
          pattern="[A-Za-z0-9._\\-]{1,80}" @input=${(e) => (edited.key = e.target.value)} /></label>
        <label class="wide">${t("Title")} <input .value=${edited.name} required maxlength="200" @input=${(e) => (edited.name = e.target.value)} /></label>
      </fieldset>
      ${edited.steps.map((step, place) => this.step(step, place))}
      ${this.session.writes
        ? html`<p class="acts"><button type="button" @click=${() => this.add()}>${t("Add a step")}</button> <button>${t("Save the procedure")}</button></p>`
        : nothing}
      <h3>${t("The way through it")}</h3>
      <div class="scroll" tabindex="0" role="region" aria-label=${t("Picture of the procedure")}>${flow(edited.steps)}</div>
    </form>`;
  }

  /** @param {any} step @param {number} place */
  step(step, place) {
    const changes = (name) => (e) => this.change(() => (step[name] = e.target.value));
    return html`<fieldset class="step" ?disabled=${!this.session.writes}><legend>${t("Step {n}", { n: place + 1 })}</legend>
      <label class="short">${t("Id")} <input .value=${step.id} required pattern="[A-Za-z0-9\\-]{1,40}" @change=${changes("id")} /></label>
      <label class="wide">${t("What is to be done or asked")} <input .value=${step.text} required maxlength="1000" @input=${changes("text")} /></label>
      <label class="tick"><input type="checkbox" .checked=${Boolean(step.mandatory)}
        @change=${(e) => this.change(() => (step.mandatory = e.target.checked))} /> ${t("must be done, or skipped with a reason")}</label>
      ${step.branches.map((branch, n) => this.branch(step, branch, n, place))}
      ${step.branches.length ? nothing : this.leads(t("Then"), step, place)}
      <p class="acts"><button type="button" @click=${() => this.change(() => step.branches.push({ answer: "", then: "" }))}>${t("Add an answer")}</button>
        <button type="button" ?disabled=${!place} @click=${() => this.move(place)}>${t("Move step {n} up", { n: place + 1 })}</button>
        <button type="button" ?disabled=${this.edited.steps.length < 2} @click=${() => this.change(() => this.edited.steps.splice(place, 1))}>${t("Take step {n} out", { n: place + 1 })}</button></p>
    </fieldset>`;
  }

  branch(step, branch, n, place) {
    return html`<div class="branch"><label>${t("Answer {n}", { n: n + 1 })} <input .value=${branch.answer} required maxlength="80"
        @input=${(e) => this.change(() => (branch.answer = e.target.value))} /></label>
      ${this.leads(t("leads to ({n})", { n: n + 1 }), branch, place)}
      <button type="button" @click=${() => this.change(() => step.branches.splice(n, 1))}>${t("Take answer {n} out", { n: n + 1 })}</button></div>`;
  }

  /** @param {string} label @param {{ then: string }} from @param {number} place */
  leads(label, from, place) {
    const later = this.edited.steps.slice(place + 1);
    const known = ["", "end", ...later.map((step) => step.id)];
    const gone = known.includes(from.then ?? "") ? [] : [from.then];
    return html`<label>${label} <select @change=${(e) => this.change(() => (from.then = e.target.value))}>
      <option value="" ?selected=${!from.then}>${t("the next step")}</option>
      ${later.map((step) => html`<option value=${step.id} ?selected=${from.then === step.id}>${step.text || step.id}</option>`)}
      ${gone.map((id) => html`<option value=${id} selected>${t("{id}, which is no later step", { id })}</option>`)}
      <option value="end" ?selected=${from.then === "end"}>${t("the end")}</option></select></label>`;
  }

  /** @param {() => void} how */
  change(how) {
    how();
    this.requestUpdate();
  }

  /** @param {number} place */
  move(place) {
    const { steps } = this.edited;
    this.change(() => steps.splice(place - 1, 0, ...steps.splice(place, 1)));
  }

  add() {
    const taken = new Set(this.edited.steps.map((step) => step.id));
    let number = this.edited.steps.length + 1;
    while (taken.has(`step-${number}`)) number += 1;
    const step = { ...FRESH.steps[0], id: `step-${number}`, branches: [] };
    this.change(() => this.edited.steps.push(step));
  }

  /** @param {SubmitEvent} event */
  async save(event) {
    event.preventDefault();
    const { key, name, steps, version } = this.edited;
    await this.trying(async () => {
      const body = JSON.stringify({ name, steps, version });
      await asked(`/procedures/${encodeURIComponent(key)}`, { method: "PUT", headers: JSON_TYPE, body });
      await this.ask();
      const kept = this.procedures.find((one) => short(one.id) === key);
      if (kept) this.edit(kept);
      this.said = t("Saved: {name}.", { name });
    });
  }
}

customElements.define("procedure-list", ProcedureList);
