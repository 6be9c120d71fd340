/**
 * The queue of open alarms: what, where, how long, what follows and what to do; in rows, of which
 * one may have several.
 *
 * What opens a row is read out, and every critical alarm at once; what was there on arrival is not.
 */

import { html, nothing } from "lit";
import { repeat } from "lit/directives/repeat.js";
import { t } from "../text.js";
import { Acts, RowActs, occurrence } from "./alarm-acts.js";
import { details } from "./alarm-details.js";
import "./aside-list.js";
import { cameraAt, isUnanswered, isWaiting, place } from "./city.js";
import { age } from "./format.js";
import { incidentForm, incidentLink } from "./incident-link.js";
import "./key-help.js";
import { Panel } from "./panel.js";
import { MOST_LINKED, rowGroup } from "./row-group.js";
import { flood, isGroup, isShort, items, linked, picked, rows, silences } from "./rows.js";
import { severityName, sign } from "./severity.js";
import { shelveForm } from "./shelve-form.js";

/** @import { Entity } from "./types.js" */
/** @import { Item, Row } from "./rows.js" */

const STATES = {
  UNACK: t("new alarm"),
  ACKED: t("acknowledged"),
  RTN_UNACK: t("over, not acknowledged"),
  LATCHED_RTN: t("over, to be reset"),
};

class AlarmQueue extends Panel {
  static properties = { clock: { attribute: false } };

  constructor() {
    super();
    this.acts = new Acts(() => this.requestUpdate());
    this.rowActs = new RowActs(this.acts);
    this.chosen = /** @type {Map<string, boolean>} */ (new Map()); // rows that somebody opened or closed
    this.rowId = ""; // the selected row, where it is not one of its alarms
    this.here = /** @type {Item|undefined} */ (undefined); // what is selected
    this.shelvingId = ""; // the alarm whose form is open
    this.heard = /** @type {Set<string>|null} */ (null); // rows that call, and alarms as they occurred
    this.said = { critical: "", other: "" };
  }

  willUpdate() {
    if (!this.store.loaded) return;
    const all = rows(this.store);
    if (this.heard) for (const alarm of fresh(all, this.heard)) this.announce(alarm);
    const calls = all.filter((row) => row.waiting.length);
    this.heard = new Set([...calls.map((row) => row.id), ...all.flatMap((row) => row.alarms.map(occurrence))]);
  }

  /** @param {Entity} alarm */
  announce(alarm) {
    const severity = severityName(alarm.severity);
    const words = t("{severity} alarm: {name}, {place}", { severity, name: alarm.name, place: place(this.store, alarm) });
    if (alarm.severity === "critical") this.said.critical = words;
    else this.said.other = words;
  }

  render() {
    const all = rows(this.store);
    const high = flood(this.store);
    this.here = this.picked;
    return html`
      <h2>${t("Alarms")}</h2>
      <p class="hidden" role="alert">${this.said.critical}</p>
      <p class="hidden" role="status">${this.said.other}</p>
      ${high ? html`<p class="flood">${high}</p>` : nothing}
      ${all.length ? nothing : this.none()}
      <ol class="alarms ${high ? "flooded" : ""}">
        ${repeat(all, (row) => row.id, (row) => (isGroup(row) ? this.group(row) : this.row(row.alarms[0])))}
      </ol>
      <aside-list .store=${this.store} .clock=${this.clock}></aside-list>
      <key-help .store=${this.store}></key-help>
    `;
  }

  /** @param {Row} row */
  group(row) {
    const answer = this.rowActs.answers.get(row.id);
    const look = {
      open: this.isOpen(row),
      selected: this.here?.row.id === row.id && !this.here.alarm,
      busy: answer === "",
      said: answer ?? "",
      commands: this.commands,
    };
    return rowGroup(this.store, row, look, {
      toggle: () => this.toggle(row),
      acknowledge: () => this.rowActs.acknowledge(row.id, row.waiting),
      incident: () => this.incidentOf(row),
      link: (id, alarms) => this.rowActs.link(row.id, id, alarms),
      one: (alarm) => this.row(alarm),
    });
  }

  /** @param {Row} row */
  isOpen(row) {
    const shelving = row.alarms.some((alarm) => alarm.id === this.shelvingId);
    return shelving || (this.chosen.get(row.id) ?? isShort(this.store, row));
  }

  /** @param {Row} row */
  toggle(row) {
    this.chosen.set(row.id, !this.isOpen(row));
    this.selectRow(row);
  }

  /** @param {Row} row with the worst of it on the map */
  selectRow(row) {
    this.select(row.alarms[0]);
    this.rowId = row.id;
  }

  /** @param {Row} row of those that are in no incident as many as it can have, the worst first */
  async incidentOf(row) {
    const { free } = linked(row);
    const id = await this.rowActs.incident(row.id, (free.length ? free : row.alarms).slice(0, MOST_LINKED));
    if (id) location.assign(`/control/incidents/${encodeURIComponent(id)}`);
  }

  /** May this role give commands? */
  get commands() {
    return this.store.session.may.includes("acknowledge");
  }

  none() {
    if (!this.store.loaded) return html`<p class="quiet">${t("Waiting for the first news …")}</p>`;
    return html`<p class="quiet">${t("No open alarm.")}</p>`;
  }

  /** @param {Entity} alarm */
  row(alarm) {
    const selected = this.here?.alarm?.id === alarm.id;
    const quiet = silences(this.store, alarm);
    const look = `${alarm.severity} ${alarm.state} ${selected ? "selected" : ""}`;
    return html`<li class="alarm ${look}" aria-current=${selected ? "true" : nothing}>
      <button class="pick" data-alarm=${alarm.id} @click=${() => this.select(alarm)}>
        ${sign(alarm.severity)}
        <span class="what">${alarm.name}</span>
        <span class="where">${place(this.store, alarm)}</span>
      </button>
      <p class="state">
        <b>${STATES[alarm.state] ?? alarm.state}</b>
        ${isUnanswered(alarm) ? html`<span class="unanswered">${t("nobody has answered")}</span>` : nothing}
        ${quiet ? html`<span>${t("silences {n}", { n: quiet })}</span>` : nothing}
        <span>${age(alarm.dateIssued, this.store.now)}</span>
      </p>
      <dl>${details(this.store, this.clock, alarm)}</dl>
      ${this.commands ? [this.choices(alarm), incidentLink(alarm)] : nothing}
    </li>`;
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
              ${asked ? t("Acknowledging …") : t("Acknowledge")}
            </button>`
          : nothing}
        ${alarm.state === "LATCHED_RTN"
          ? html`<button class="acknowledge" ?disabled=${asked} @click=${() => this.reset(alarm)}>${t("Reset")}</button>`
          : nothing}
        ${form || !(isWaiting(alarm) || alarm.id === this.store.alarmId)
          ? nothing
          : html`<button @click=${() => this.openShelf(alarm)}>${t("Shelve …")}</button>`}
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
    this.rowId = "";
    const where = cameraAt(this.store, alarm);
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

  /** @returns {Item[]} what keys step through */
  get items() {
    return items(rows(this.store), (row) => this.isOpen(row));
  }

  /** @returns {Item|undefined} what is selected */
  get picked() {
    return picked(this.items, this.rowId, this.store.alarmId);
  }

  /** By key: select the next (1) or previous (-1) row or alarm. */
  step(/** @type {number} */ by) {
    const all = this.items;
    const last = picked(all, this.rowId, this.store.alarmId);
    const here = last ? all.indexOf(last) : -1;
    const there = all[here < 0 ? 0 : Math.min(all.length - 1, Math.max(0, here + by))];
    if (!there) return;
    if (there.alarm) this.select(there.alarm);
    else this.selectRow(there.row);
    this.focusOn(there.alarm, there.row);
  }

  /** @param {Entity|null} alarm @param {Row} [row] where it is no alarm */
  focusOn(alarm, row) {
    const buttons = [...this.querySelectorAll("button.pick")];
    const wanted = (/** @type {HTMLElement} */ { dataset }) =>
      alarm ? dataset.alarm === alarm.id : dataset.row === row?.id;
    buttons.find(wanted)?.focus();
  }

  /** @returns {Entity|undefined} the selected alarm, where this role may give it commands */
  get selected() {
    if (!this.commands) return undefined;
    return this.picked?.alarm ?? undefined;
  }

  /** By key: acknowledge the selected alarm, or each one of the selected row. */
  acknowledgeSelected() {
    const here = this.commands && this.picked;
    if (!here) return;
    if (!here.alarm) this.rowActs.acknowledge(here.row.id, here.row.waiting);
    else if (isWaiting(here.alarm)) this.acknowledge(here.alarm);
  }

  /** By key: ask why and for how long the selected alarm is shelved. */
  shelveSelected() {
    if (this.selected) this.openShelf(this.selected);
  }

  /** By key: to the form of an incident from the selected alarm; of a row to one of all its alarms. */
  openIncident() {
    const here = this.commands && this.picked;
    if (!here) return;
    if (here.alarm) location.assign(incidentForm(here.alarm));
    else this.incidentOf(here.row);
  }

  /** By key: reset the selected alarm. */
  resetSelected() {
    if (this.selected?.state === "LATCHED_RTN") this.reset(this.selected);
  }
}

/** One that joins a row which calls already is counted there and does not call anew, unless it is critical. */
function fresh(/** @type {Row[]} */ all, /** @type {Set<string>} */ heard) {
  return all.flatMap((row) =>
    row.alarms.filter((alarm) =>
      !heard.has(occurrence(alarm)) && (!isGroup(row) || !heard.has(row.id) || alarm.severity === "critical")));
}

customElements.define("alarm-queue", AlarmQueue);
