/** One rule to be changed: fields with their help, the dry run, and the question whether it is meant. */

import { LitElement, html, nothing } from "lit";
import { t, tn } from "../text.js";
import { Refusal, keep, tryOut } from "./doors.js";
import { dryRun, sentence } from "./dry-run.js";
import { CONDITIONS, GROUPS, applies, conditionOf, ruleOf } from "./fields.js";

class RuleForm extends LitElement {
  static properties = {
    rule: { attribute: false },
    version: { attribute: false },
    procedures: { attribute: false },
    time: { attribute: false },
  };

  constructor() {
    super();
    this.found = null;
    this.running = false;
    this.problem = null;
    this.condition = "";
    this.tooMany = null;
  }

  createRenderRoot() {
    return this;
  }

  render() {
    const now = this.condition || conditionOf(this.rule);
    return html`<form class="rule" @submit=${(e) => this.submit(e)}>
      <h2 tabindex="-1">${this.version ? t("Change {name}", { name: this.rule.name }) : t("A new rule")}</h2>
      ${GROUPS.map((group) => html`<fieldset><legend>${group.title}</legend>
        ${group.fields.some((field) => field.name === "attribute") ? this.choice(now) : nothing}
        ${group.fields.filter((field) => applies(field, now)).map((field) => this.field(field, now))}</fieldset>`)}
      ${this.problem ? html`<p class="refused" role="alert">${this.problem.message}</p>` : nothing}
      <p class="acts"><button value="try" ?disabled=${this.running}>${t("Try it on the last 30 days")}</button>
        <button value="keep" ?disabled=${this.running}>${t("Keep it")}</button>
        <button type="button" @click=${() => this.leave(false)}>${t("Leave it")}</button></p>
      ${this.found ? dryRun(this.found, this.running, this.time) : nothing}
      ${this.running && !this.found ? html`<p role="status">${t("Looking at the last 30 days …")}</p>` : nothing}
    </form>
    <dialog aria-labelledby="many">${this.tooMany ? this.question() : nothing}</dialog>`;
  }

  choice(now) {
    return html`<label class="wide">${t("It raises when")} <select name="condition" @change=${(e) => this.turn(e.target.value)}>
      ${Object.entries(CONDITIONS).map(([name, title]) => html`<option value=${name} ?selected=${name === now}>${title}</option>`)}
    </select></label>`;
  }

  turn(condition) {
    this.condition = condition;
    this.requestUpdate();
  }

  field(field, now) {
    const wrong = this.problem?.problem.field === field.name;
    const help = field.help ? html`<small class="quiet" id="help-${field.name}">${field.help}</small>` : nothing;
    const label = field.kind === "flag" ? html`${this.input(field, wrong, now)} ${field.label}` : html`${field.label} ${this.input(field, wrong, now)}`;
    return html`<div class=${field.wide ? "field wide" : "field"}><label>${label}</label>${help}</div>`;
  }

  input(field, wrong, now) {
    const value = this.rule[field.name] ?? "";
    const bad = wrong ? "true" : nothing;
    const help = field.help ? `help-${field.name}` : nothing;
    const needed = field.needed || (field.name === "area" && now === "area");
    if (field.kind === "flag") return html`<input type="checkbox" name=${field.name} ?checked=${value === true} />`;
    if (field.kind === "choice") return this.options(field.name, field.choices.map((one) => [one, t(one)]), value);
    if (field.kind === "procedure") return this.options(field.name, [["", t("none")], ...this.procedures], value);
    if (field.kind === "lines") {
      return html`<textarea name=${field.name} rows="2" aria-invalid=${bad} aria-describedby=${help} ?required=${needed} .defaultValue=${value}></textarea>`;
    }
    const fixed = field.name === "name" && this.version > 0;
    return html`<input name=${field.name} type=${field.kind} step="any" .defaultValue=${String(value)} ?required=${needed}
      ?readonly=${fixed} aria-invalid=${bad} aria-describedby=${help} autocomplete="off" />`;
  }

  options(name, choices, value) {
    return html`<select name=${name}>${choices.map(([id, title]) => html`<option value=${id} ?selected=${id === value}>${title}</option>`)}</select>`;
  }

  /** @param {SubmitEvent} event */
  async submit(event) {
    event.preventDefault();
    const rule = ruleOf(new FormData(this.querySelector("form")), this.condition || conditionOf(this.rule));
    if (event.submitter?.value === "try") await this.act(() => this.try(rule));
    else await this.act(() => this.keep(rule, 0));
  }

  async try(rule) {
    this.found = null;
    await tryOut(rule, (found) => {
      this.found = found;
      this.requestUpdate();
    });
  }

  async keep(rule, confirmed) {
    try {
      await keep(rule, this.version, confirmed);
      this.leave(true);
    } catch (refused) {
      if (!(refused instanceof Refusal) || !refused.problem.dryRun) throw refused;
      this.found = refused.problem.dryRun;
      this.tooMany = rule;
      this.requestUpdate();
      await this.updateComplete;
      this.querySelector("dialog").showModal();
    }
  }

  question() {
    return html`<h3 id="many">${t("That would be too many")}</h3>
      <p>${t("{alarms}, and {n} of them on one day. An operator cannot look after more than 50 a day.", { alarms: sentence(this.found), n: this.found.busiest })}</p>
      <p class="acts"><button autofocus @click=${() => this.shut()}>${t("Change the rule")}</button>
        <button @click=${() => this.meant()}>${tn(this.found.alarms, "Keep it with {n} alarm", "Keep it with {n} alarms")}</button></p>`;
  }

  shut() {
    this.querySelector("dialog").close();
  }

  async meant() {
    this.shut();
    await this.act(() => this.keep(this.tooMany, this.found.alarms));
  }

  /** @param {() => Promise<void>} what */
  async act(what) {
    this.running = true;
    this.problem = null;
    this.requestUpdate();
    try {
      await what();
    } catch (refused) {
      if (!(refused instanceof Refusal)) throw refused;
      this.problem = refused;
    }
    this.running = false;
    this.requestUpdate();
    await this.updateComplete;
    if (this.problem) this.querySelector("[aria-invalid=true]")?.focus();
  }

  leave(kept) {
    this.dispatchEvent(new CustomEvent("left", { detail: kept }));
  }
}

customElements.define("rule-form", RuleForm);
