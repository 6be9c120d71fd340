/**
 * The queue of open alarms: what, where, how long, what follows and what to do.
 *
 * New alarms are read out, critical ones at once; alarms that were there on arrival are not.
 */

import { html, nothing } from "lit";
import { repeat } from "lit/directives/repeat.js";
import { Refused, post } from "./act.js";
import { cameraOf, isWaiting, openAlarms, place } from "./city.js";
import { age } from "./format.js";
import { keysOn, setKeysOn } from "./keyboard.js";
import { Panel } from "./panel.js";
import { sign } from "./severity.js";

/** @import { Entity } from "./types.js" */

const STATES = {
  UNACK: "new",
  ACKED: "acknowledged",
  RTN_UNACK: "over, not acknowledged",
};

class AlarmQueue extends Panel {
  static properties = { clock: { attribute: false } };

  constructor() {
    super();
    /** Alarm → why it could not be acknowledged, or "" while the server is asked. */
    this.answers = /** @type {Map<string, string>} */ (new Map());
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
      <label class="keys">
        <input type="checkbox" .checked=${keysOn()} @change=${(e) => setKeysOn(e.target.checked)} />
        Keys: <kbd>J</kbd> next, <kbd>K</kbd> previous, <kbd>A</kbd> acknowledge
      </label>
    `;
  }

  /** @param {Entity} alarm waits for an acknowledgement that this role may give */
  isMine(alarm) {
    return isWaiting(alarm) && this.store.session.may.includes("acknowledge");
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
      ${this.isMine(alarm) ? this.button(alarm) : nothing}
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
  button(alarm) {
    const answer = this.answers.get(occurrence(alarm));
    return html`<div class="do">
      <button class="acknowledge" ?disabled=${answer === ""} @click=${() => this.acknowledge(alarm)}>
        ${answer === "" ? "Acknowledging …" : "Acknowledge"}
      </button>
      ${answer ? html`<p class="refused" role="alert">${answer}</p>` : nothing}
    </div>`;
  }

  /** @param {Entity} alarm */
  select(alarm) {
    const where = cameraOf(this.store, alarm);
    if (where) this.store.selectCamera(where.id);
    this.store.selectAlarm(alarm.id);
  }

  /** @param {Entity} alarm */
  async acknowledge(alarm) {
    const key = occurrence(alarm);
    this.answers.set(key, "");
    this.requestUpdate();
    try {
      await post(`/alerts/${encodeURIComponent(alarm.id)}/acknowledge`, {});
      this.answers.delete(key); // the live connection brings the new state
    } catch (refused) {
      if (!(refused instanceof Refused)) throw refused;
      this.answers.set(key, refused.message);
    }
    this.requestUpdate();
  }

  /** By key: select the next (1) or previous (-1) alarm. */
  step(/** @type {number} */ by) {
    const open = openAlarms(this.store);
    const here = open.findIndex((alarm) => alarm.id === this.store.alarmId);
    const there = here < 0 ? 0 : Math.min(open.length - 1, Math.max(0, here + by));
    if (!open[there]) return;
    this.select(open[there]);
    const buttons = [...this.querySelectorAll("button.pick")];
    buttons.find((button) => button.dataset.alarm === open[there].id)?.focus();
  }

  /** By key: acknowledge the selected alarm. */
  acknowledgeSelected() {
    const alarm = openAlarms(this.store).find((open) => open.id === this.store.alarmId);
    if (alarm && this.isMine(alarm)) this.acknowledge(alarm);
  }
}

/** An alarm that is raised again is another occurrence: old answers do not concern it. */
function occurrence(/** @type {Entity} */ alarm) {
  return `${alarm.id} ${alarm.dateIssued}`;
}

function who(/** @type {string} */ id) {
  return id.slice(id.lastIndexOf(":") + 1);
}

customElements.define("alarm-queue", AlarmQueue);
