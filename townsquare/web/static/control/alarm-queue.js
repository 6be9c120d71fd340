/**
 * The queue of open alarms: what, where, how long, what follows and what to do.
 *
 * New alarms are read out, critical ones at once; alarms that were there on arrival are not.
 */

import { html, nothing } from "lit";
import { repeat } from "lit/directives/repeat.js";
import { Acts, occurrence, who } from "./alarm-acts.js";
import "./aside-list.js";
import { cameraOf, isWaiting, openAlarms, place } from "./city.js";
import { age } from "./format.js";
import { incidentForm, incidentLink } from "./incident-link.js";
import "./key-help.js";
import { Panel } from "./panel.js";
import { sign } from "./severity.js";
import { shelveForm } from "./shelve-form.js";

/** @import { Entity } from "./types.js" */

const STATES = {
  UNACK: "new",
  ACKED: "acknowledged",
  RTN_UNACK: "over, not acknowledged",
  LATCHED_RTN: "over, to be reset",
};

class AlarmQueue extends Panel {
  static properties = { clock: { attribute: false } };

  constructor() {
    super();
    this.acts = new Acts(() => this.requestUpdate());
    this.shelvingId = ""; // the alarm whose form is open
    this.heard = /** @type {Set<string>|null} */ (null);
    this.said = { critical: "", other: "" };
  }

  willUpdate() {
    if (!this.store.loaded) return;
    const open = openAlarms(this.store);
    const fresh = open.filter((alarm) => !this.heard?.has(occurrence(alarm)));
    if (this.heard) for (const alarm of fresh) this.announce(alarm);
    this.heard = new Set(open.map(occurrence));
  }

  /** @param {Entity} alarm */
  announce(alarm) {
    const words = `${alarm.severity} alarm: ${alarm.name}, ${place(this.store, alarm)}`;
    if (alarm.severity === "critical") this.said.critical = words;
    else this.said.other = words;
  }

  render() {
    const open = openAlarms(this.store);
    return html`
      <h2>Alarms</h2>
      <p class="hidden" role="alert">${this.said.critical}</p>
      <p class="hidden" role="status">${this.said.other}</p>
      ${open.length ? nothing : this.none()}
      <ol class="alarms">
        ${repeat(open, (alarm) => alarm.id, (alarm) => this.row(alarm))}
      </ol>
      <aside-list .store=${this.store} .clock=${this.clock}></aside-list>
      <key-help .store=${this.store}></key-help>
    `;
  }

  /** May this role give commands? */
  get commands() {
    return this.store.session.may.includes("acknowledge");
  }

  none() {
    if (!this.store.loaded) return html`<p class="quiet">Waiting for the first news …</p>`;
    return html`<p class="quiet">No open alarm.</p>`;
  }

  /** @param {Entity} alarm */
  row(alarm) {
    const selected = alarm.id === this.store.alarmId;
    const look = `${alarm.severity} ${alarm.state} ${selected ? "selected" : ""}`;
    return html`<li class="alarm ${look}" aria-current=${selected ? "true" : nothing}>
      <button class="pick" data-alarm=${alarm.id} @click=${() => this.select(alarm)}>
        ${sign(alarm.severity)}
        <span class="what">${alarm.name}</span>
        <span class="where">${place(this.store, alarm)}</span>
      </button>
      <p class="state">
        <b>${STATES[alarm.state] ?? alarm.state}</b>
        <span>${age(alarm.dateIssued, this.store.now)}</span>
      </p>
      <dl>${this.details(alarm)}</dl>
      ${this.commands ? [this.choices(alarm), incidentLink(alarm)] : nothing}
    </li>`;
  }

  /** @param {Entity} alarm */
  details(alarm) {
    const times = alarm.count > 1 ? `, ${alarm.count} times so far` : "";
    const at = (/** @type {string} */ time) => this.clock.seconds.format(Date.parse(time));
    const raised = `${at(alarm.dateIssued)}${times}${alarm.value == null ? "" : `, at ${alarm.value}`}`;
    const taken = alarm.acknowledgedBy && `${who(alarm.acknowledgedBy)}, ${at(alarm.acknowledgedAt)}`;
    const all = isWaiting(alarm) || alarm.id === this.store.alarmId;
    const known = [
      ["Do", alarm.response],
      ["Or else", all && alarm.consequence],
      ["Raised", all && raised],
      ["Ended", alarm.returnedAt && at(alarm.returnedAt)],
      ["Taken by", taken],
    ];
    return known.filter(([, text]) => text).map(([name, text]) => html`<dt>${name}</dt><dd>${text}</dd>`);
  }

  /** @param {Entity} alarm */
  choices(alarm) {
    const answer = this.acts.answer(alarm);
    const asked = answer === "";
    const form = this.shelvingId === alarm.id;
    return html`<div class="do">
      <p class="choices">
        ${isWaiting(alarm)
          ? html`<button class="acknowledge" ?disabled=${asked} @click=${() => this.acknowledge(alarm)}>
              ${asked ? "Acknowledging …" : "Acknowledge"}
            </button>`
          : nothing}
        ${alarm.state === "LATCHED_RTN"
          ? html`<button class="acknowledge" ?disabled=${asked} @click=${() => this.reset(alarm)}>Reset</button>`
          : nothing}
        ${form || !(isWaiting(alarm) || alarm.id === this.store.alarmId)
          ? nothing
          : html`<button @click=${() => this.openShelf(alarm)}>Shelve …</button>`}
      </p>
      ${form ? this.form(alarm) : nothing}
      ${answer ? html`<p class="refused" role="alert">${answer}</p>` : nothing}
    </div>`;
  }

  /** @param {Entity} alarm */
  form(alarm) {
    const put = async (/** @type {string} */ command, /** @type {object} */ aside) => {
      if (await this.acts.ask(alarm, command, aside)) this.closeShelf(alarm);
    };
    return shelveForm(put, () => this.closeShelf(alarm), this.store.now);
  }

  /** @param {Entity} alarm */
  async openShelf(alarm) {
    this.shelvingId = alarm.id;
    this.requestUpdate();
    await this.updateComplete;
    this.querySelector("form.shelve input")?.focus();
  }

  /** @param {Entity} alarm */
  closeShelf(alarm) {
    this.shelvingId = "";
    this.requestUpdate();
    this.focusOn(alarm);
  }

  /** @param {Entity} alarm */
  select(alarm) {
    const where = cameraOf(this.store, alarm);
    if (where) this.store.selectCamera(where.id);
    this.store.selectAlarm(alarm.id);
  }

  /** @param {Entity} alarm as it is seen here: what is raised meanwhile is not acknowledged */
  acknowledge(alarm) {
    return this.acts.ask(alarm, "acknowledge", { occurrence: alarm.count });
  }

  /** @param {Entity} alarm */
  reset(alarm) {
    return this.acts.ask(alarm, "reset");
  }

  /** By key: select the next (1) or previous (-1) alarm. */
  step(/** @type {number} */ by) {
    const open = openAlarms(this.store);
    const here = open.findIndex((alarm) => alarm.id === this.store.alarmId);
    const there = here < 0 ? 0 : Math.min(open.length - 1, Math.max(0, here + by));
    if (!open[there]) return;
    this.select(open[there]);
    this.focusOn(open[there]);
  }

  /** @param {Entity} alarm */
  focusOn(alarm) {
    const buttons = [...this.querySelectorAll("button.pick")];
    buttons.find((button) => button.dataset.alarm === alarm.id)?.focus();
  }

  /** @returns {Entity|undefined} the selected alarm, where this role may give it commands */
  get selected() {
    if (!this.commands) return undefined;
    return openAlarms(this.store).find((open) => open.id === this.store.alarmId);
  }

  /** By key: acknowledge the selected alarm. */
  acknowledgeSelected() {
    if (this.selected && isWaiting(this.selected)) this.acknowledge(this.selected);
  }

  /** By key: ask why and for how long the selected alarm is shelved. */
  shelveSelected() {
    if (this.selected) this.openShelf(this.selected);
  }

  /** By key: to the form of an incident from the selected alarm. */
  openIncident() {
    if (this.selected) location.assign(incidentForm(this.selected));
  }

  /** By key: reset the selected alarm. */
  resetSelected() {
    if (this.selected?.state === "LATCHED_RTN") this.reset(this.selected);
  }
}

customElements.define("alarm-queue", AlarmQueue);
