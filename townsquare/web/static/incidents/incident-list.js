/** The list of incidents, and the form that opens one: by hand, from a call or from an alarm. */

import { html, nothing } from "lit";
import { repeat } from "lit/directives/repeat.js";
import { later, t } from "../text.js";
import { Refused, asked, post } from "/static/control/act.js";
import { sign } from "/static/control/severity.js";
import { Asking } from "./asking.js";
import { STATES, short } from "./words.js";

const SEVERITIES = [later("medium"), later("critical"), later("high"), later("low")];

class IncidentList extends Asking {
  constructor() {
    super();
    this.which = "open";
    this.refused = "";
    this.procedures = [];
  }

  connectedCallback() {
    super.connectedCallback();
    this.askProcedures();
  }

  /** Without them one can still open an incident. */
  async askProcedures() {
    try {
      const answer = await asked("/procedures", { headers: { accept: "application/json" } });
      this.procedures = (await answer.json()).procedures;
    } catch (refused) {
      if (!(refused instanceof Refused)) throw refused;
      this.trouble = refused.message;
    }
    this.requestUpdate();
  }

  get path() {
    return `/incidents?state=${this.which}`;
  }

  render() {
    return html`
      <h1>${t("Incidents")}</h1>
      <p><a href="/control/procedures">${t("Procedures")}</a></p>
      ${this.session.acts ? this.form() : nothing}
      <section aria-labelledby="listed">
        <h2 id="listed">${this.which === "open" ? t("Open") : t("Ended")}</h2>
        <p><label>${t("Show")} <select @change=${(e) => this.choose(e.target.value)}>
          <option value="open">${t("open")}</option><option value="ended">${t("ended")}</option>
        </select></label></p>
        ${this.stale()}
        ${this.told ? this.table(this.told.incidents) : html`<p class="quiet">${t("Asking …")}</p>`}
      </section>`;
  }

  /** @param {string} which */
  choose(which) {
    this.which = which;
    this.told = null;
    this.requestUpdate();
    this.ask();
  }

  /** @param {any[]} incidents */
  table(incidents) {
    if (!incidents.length) return html`<p class="quiet">${t("None.")}</p>`;
    return html`<div class="scroll" tabindex="0" role="region" aria-label=${t("Incidents")}><table class="cells incidents">
      <thead><tr><th scope="col">${t("Severity")}</th><th scope="col">${t("Incident")}</th><th scope="col">${t("State")}</th>
        <th scope="col">${t("Who has it")}</th><th scope="col">${t("Opened")}</th></tr></thead>
      <tbody>${repeat(incidents, (one) => one.id, (one) => html`<tr>
        <td>${sign(one.severity)}</td>
        <th scope="row"><a href="/control/incidents/${encodeURIComponent(one.id)}">${one.name}</a></th>
        <td>${STATES[one.state]}</td>
        <td>${one.owner ? short(one.owner) : html`<b>${t("nobody")}</b>`}</td>
        <td>${this.time(one.openedAt)}</td></tr>`)}</tbody>
    </table></div>
    ${this.told.more ? html`<p class="note">${t("There are more than {n}.", { n: incidents.length })}</p>` : nothing}`;
  }

  form() {
    const alarm = this.session.alarm;
    return html`<form class="open" @submit=${(e) => this.open(e)}>
      <h2>${alarm ? t("Open an incident from {alarm}", { alarm: short(alarm) }) : t("Open an incident")}</h2>
      <label>${t("What it is")} <input name="name" maxlength="200" ?required=${!alarm} /></label>
      <label>${t("How it was noticed")} <select name="origin" ?disabled=${Boolean(alarm)}>
        <option value="hand">${t("somebody here saw it")}</option><option value="call">${t("by a call")}</option></select></label>
      <label>${t("Severity")} <select name="severity">
        ${alarm ? html`<option value="">${t("as the alarm")}</option>` : nothing}
        ${SEVERITIES.map((one) => html`<option value=${one}>${t(one)}</option>`)}</select></label>
      <label>${t("Where")} <input name="place" maxlength="200" /></label>
      <label>${t("Procedure")} <select name="procedure"><option value="">${t("none")}</option>
        ${this.procedures.map((one) => html`<option value=${one.id}>${one.name}</option>`)}</select></label>
      <label class="wide">${t("What was seen or heard; not who called")}
        <textarea name="report" maxlength="4000" rows="2"></textarea></label>
      <button>${t("Open an incident")}</button>
      ${this.refused ? html`<p class="refused" role="alert">${this.refused}</p>` : nothing}
    </form>`;
  }

  /** @param {SubmitEvent} event */
  async open(event) {
    event.preventDefault();
    const form = /** @type {HTMLFormElement} */ (event.target);
    const given = [...new FormData(form)].filter(([, value]) => value !== "");
    const alarms = this.session.alarm ? [this.session.alarm] : [];
    const button = form.querySelector("button");
    button.disabled = true;
    try {
      const made = await post("/incidents", { ...Object.fromEntries(given), alarms });
      location.assign(`/control/incidents/${encodeURIComponent(made.id)}`);
    } catch (refused) {
      if (!(refused instanceof Refused)) throw refused;
      this.refused = refused.message;
      button.disabled = false;
      this.requestUpdate();
    }
  }
}

customElements.define("incident-list", IncidentList);
