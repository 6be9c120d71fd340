/** The rules that are kept and declared, what they mean, their versions, and the form for one. */

import { LitElement, html, nothing } from "lit";
import { sign } from "/static/control/severity.js";
import { LOCALE, t } from "../text.js";
import { Refusal, every, read, takeAway, versions } from "./doors.js";
import "./rule-form.js";
import { changed, meaning } from "./words.js";

const NEW = { rule: { severity: "medium", scope: "" }, version: 0 };

/** @param {string} id */
const who = (id) => id.replace(/^urn:ngsi-ld:[^:]+:/, "");

class RuleList extends LitElement {
  static properties = { session: { attribute: false } };

  constructor() {
    super();
    this.told = null;
    this.procedures = [];
    this.trouble = "";
    this.open = null; // in the form
    this.past = null; // versions of one rule
  }

  createRenderRoot() {
    return this;
  }

  connectedCallback() {
    super.connectedCallback();
    this.ask();
  }

  ask() {
    return this.safely(async () => {
      this.told = await every();
      if (!this.session.changes) return;
      const { procedures } = await read("/procedures");
      this.procedures = procedures.map((one) => [one.id, one.name]);
    });
  }

  /** @param {() => Promise<unknown>} what */
  async safely(what) {
    this.trouble = "";
    try {
      await what();
    } catch (refused) {
      if (!(refused instanceof Refusal)) throw refused;
      this.trouble = refused.message;
    }
    this.requestUpdate();
  }

  time = (/** @type {string} */ at) => {
    const how = { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", second: "2-digit" };
    return new Intl.DateTimeFormat(LOCALE, { ...how, timeZone: this.session.timezone }).format(new Date(at));
  };

  render() {
    return html`<h1>${t("Rules of alarms")}</h1>
      <p class="lead">${t("A rule says when a value calls for an operator. Try one on the last 30 days before you keep it.")}</p>
      ${this.trouble ? html`<p class="refused" role="alert">${this.trouble}</p>` : nothing}
      ${this.open ? this.form() : this.session.changes ? html`<p><button @click=${() => this.edit(NEW)}>${t("New rule")}</button></p>` : nothing}
      ${this.told ? this.lists() : html`<p class="quiet">${t("Asking …")}</p>`}`;
  }

  form() {
    return html`<rule-form .rule=${this.open.rule} .version=${this.open.version} .procedures=${this.procedures}
      .time=${this.time} @left=${(e) => this.left(e.detail)}></rule-form>`;
  }

  async edit(one) {
    this.open = one;
    this.requestUpdate();
    await this.updateComplete;
    this.querySelector("rule-form h2")?.focus();
  }

  left(kept) {
    this.open = null;
    this.requestUpdate();
    if (kept) this.ask();
  }

  lists() {
    return html`<section aria-labelledby="kept"><h2 id="kept">${t("Kept by engineers")}</h2>
        ${this.told.kept.length ? this.table(this.told.kept, t("Kept by engineers, table"), true) : html`<p class="quiet">${t("None.")}</p>`}
        ${this.past ? this.story() : nothing}</section>
      <section aria-labelledby="declared"><h2 id="declared">${t("Declared in the settings and by rooms")}</h2>
        ${this.table(this.told.declared, t("Declared, table"), false)}</section>`;
  }

  table(rules, title, kept) {
    return html`<div class="scroll" tabindex="0" role="region" aria-label=${title}><table class="cells rules">
      <thead><tr><th scope="col">${t("Severity")}</th><th scope="col">${t("Rule")}</th><th scope="col">${t("Raises for")}</th><th scope="col">${t("What to do")}</th>${kept ? html`<th scope="col">${t("Changed by")}</th>` : nothing}</tr></thead>
      <tbody>${rules.map((one) => html`<tr class=${one.holds === false ? "gone" : ""}>
        <td>${sign(one.rule.severity ?? "medium")}</td>
        <th scope="row">${one.rule.title}<small class="quiet">${one.rule.name}</small>${one.holds === false ? html`<span class="badge">${t("taken away")}</span>` : nothing}</th>
        <td>${meaning(one.rule)}</td><td>${one.rule.response || "–"}</td>${kept ? html`<td>${this.acts(one)}</td>` : nothing}</tr>`)}</tbody></table></div>`;
  }

  acts(one) {
    const name = one.rule.name;
    return html`${who(one.by)}<span class="acts"><button @click=${() => this.look(name)} aria-label=${t("Versions of {name}", { name })}>${t("Version {n}", { n: one.version })}</button>
      ${this.session.changes
        ? html`<button @click=${() => this.edit(one)} aria-label=${t("Change {name}", { name })}>${t("Change")}</button>
          ${one.holds ? html`<button @click=${() => this.away(one)} aria-label=${t("Take {name} away", { name })}>${t("Take away")}</button>` : nothing}`
        : nothing}</span>`;
  }

  away(one) {
    return this.safely(async () => {
      await takeAway(one.rule.name, one.version);
      this.told = await every();
      if (this.past?.name === one.rule.name) await this.recall(one.rule.name);
    });
  }

  async recall(name) {
    this.past = { name, versions: await versions(name) };
  }

  look(name) {
    return this.safely(() => this.recall(name));
  }

  story() {
    const all = this.past.versions;
    return html`<section aria-labelledby="versions"><h3 id="versions">${t("Versions of {name}", { name: this.past.name })}</h3>
      <div class="scroll" tabindex="0" role="region" aria-label=${t("Versions, table")}><table class="cells rules">
      <thead><tr><th scope="col">${t("When")}</th><th scope="col">${t("Who")}</th><th scope="col">${t("What changed")}</th></tr></thead>
      <tbody>${all.map((one, n) => html`<tr><th scope="row">${this.time(one.at)}</th>
        <td>${who(one.by)}</td><td>${changed(one, all[n + 1])}</td></tr>`)}</tbody></table></div></section>`;
  }
}

customElements.define("rule-list", RuleList);
