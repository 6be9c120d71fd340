/** The list of incidents, and the form that opens one: by hand, from a call or from an alarm. */

import { html, nothing } from "lit";
import { repeat } from "lit/directives/repeat.js";
import { Refused, asked, post } from "/static/control/act.js";
import { sign } from "/static/control/severity.js";
import { Asking } from "./asking.js";
import { STATES, short } from "./words.js";

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
      <h1>Incidents</h1>
      <p><a href="/control/procedures">Procedures</a></p>
      ${this.session.acts ? this.form() : nothing}
      <section aria-labelledby="listed">
        <h2 id="listed">${this.which === "open" ? "Open" : "Ended"}</h2>
        <p><label>Show <select @change=${(e) => this.choose(e.target.value)}>
          <option value="open">open</option><option value="ended">ended</option>
        </select></label></p>
        ${this.stale()}
        ${this.told ? this.table(this.told.incidents) : html`<p class="quiet">Asking …</p>`}
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
    if (!incidents.length) return html`<p class="quiet">None.</p>`;
    return html`<div class="scroll" tabindex="0" role="region" aria-label="Incidents"><table class="cells incidents">
      <thead><tr><th scope="col">Severity</th><th scope="col">Incident</th><th scope="col">State</th>
        <th scope="col">Who has it</th><th scope="col">Opened</th></tr></thead>
      <tbody>${repeat(incidents, (one) => one.id, (one) => html`<tr>
        <td>${sign(one.severity)}</td>
        <th scope="row"><a href="/control/incidents/${encodeURIComponent(one.id)}">${one.name}</a></th>
        <td>${STATES[one.state]}</td>
        <td>${one.owner ? short(one.owner) : html`<b>nobody</b>`}</td>
        <td>${this.time(one.openedAt)}</td></tr>`)}</tbody>
    </table></div>
    ${this.told.more ? html`<p class="note">There are more than ${incidents.length}.</p>` : nothing}`;
  }

  form() {
    const alarm = this.session.alarm;
    return html`<form class="open" @submit=${(e) => this.open(e)}>
      <h2>Open an incident${alarm ? ` from ${short(alarm)}` : ""}</h2>
      <label>What it is <input name="name" maxlength="200" ?required=${!alarm} /></label>
      <label>How it was noticed <select name="origin" ?disabled=${Boolean(alarm)}>
        <option value="hand">somebody here saw it</option><option value="call">by a call</option></select></label>
      <label>Severity <select name="severity">
        ${alarm ? html`<option value="">as the alarm</option>` : nothing}
        ${["medium", "critical", "high", "low"].map((one) => html`<option>${one}</option>`)}</select></label>
      <label>Where <input name="place" maxlength="200" /></label>
      <label>Procedure <select name="procedure"><option value="">none</option>
        ${this.procedures.map((one) => html`<option value=${one.id}>${one.name}</option>`)}</select></label>
      <label class="wide">What was seen or heard; not who called
        <textarea name="report" maxlength="4000" rows="2"></textarea></label>
      <button>Open an incident</button>
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
