/** What is put aside, behind a badge that is always there: who did it, why and until when. */

import { html, nothing } from "lit";
import { repeat } from "lit/directives/repeat.js";
import { t } from "../text.js";
import { Acts, who } from "./alarm-acts.js";
import { place, putAside } from "./city.js";
import { Panel } from "./panel.js";
import { sign } from "./severity.js";

/** @import { Entity } from "./types.js" */

const STATES = {
  SHELVED: t("shelved"),
  SUPPRESSED: t("suppressed by design"),
  OUT_OF_SERVICE: t("out of service"),
};
/** How an operator brings one back; what is suppressed by design comes back by design. */
const BACK = {
  SHELVED: ["unshelve", t("Unshelve")],
  OUT_OF_SERVICE: ["return-to-service", t("Return to service")],
};

class AsideList extends Panel {
  static properties = { clock: { attribute: false } };

  constructor() {
    super();
    this.acts = new Acts(() => this.requestUpdate());
  }

  render() {
    const aside = putAside(this.store);
    const byHand = aside.filter((alarm) => alarm.state !== "SUPPRESSED");
    return html`<details class="aside">
      <summary>${t("Put aside: {n}", { n: html`<b>${this.store.loaded ? aside.length : "–"}</b>` })}</summary>
      <ol class="alarms">
        ${repeat(byHand, (alarm) => alarm.id, (alarm) => this.row(alarm))}
        ${[...bySilencer(aside)].map(([id, alarms]) => this.silenced(id, alarms))}
      </ol>
      ${aside.length ? nothing : html`<p class="quiet">${t("No alarm is put aside.")}</p>`}
    </details>`;
  }

  /** @param {string} id of the alarm that silences them @param {Entity[]} alarms */
  silenced(id, alarms) {
    const cause = this.store.entities.get(id);
    const name = cause ? `${cause.name}, ${place(this.store, cause)}` : t("another alarm");
    return html`<li class="silenced">
      <details>
        <summary>${t("Silenced by {alarm}: {n}", { alarm: name, n: html`<b>${alarms.length}</b>` })}</summary>
        <ol class="members">${repeat(alarms, (alarm) => alarm.id, (alarm) => this.row(alarm))}</ol>
      </details>
    </li>`;
  }

  /** @param {Entity} alarm */
  row(alarm) {
    const [command, words] = BACK[alarm.state] ?? [];
    const mine = command && this.store.session.may.includes("acknowledge");
    const answer = this.acts.answer(alarm);
    return html`<li class="alarm put-aside ${alarm.severity}">
      <p class="name">${sign(alarm.severity)} <span><b>${alarm.name}</b> ${place(this.store, alarm)}</span></p>
      <p class="state">
        <b>${STATES[alarm.state]}</b>
        <span>${alarm.active ? t("its cause lasts") : t("its cause is over")}</span>
      </p>
      <dl>${this.details(alarm)}</dl>
      ${mine
        ? html`<p class="choices">
            <button ?disabled=${answer === ""} @click=${() => this.acts.ask(alarm, command)}>${words}</button>
          </p>`
        : nothing}
      ${answer ? html`<p class="refused" role="alert">${answer}</p>` : nothing}
    </li>`;
  }

  /** @param {Entity} alarm */
  details(alarm) {
    const at = (/** @type {string} */ time) => this.clock.since(time, this.store.now);
    const by = alarm.suppressedBy && alarm.state !== "SUPPRESSED" && `${who(alarm.suppressedBy)}, ${at(alarm.suppressedAt)}`;
    const until = (/** @type {string} */ time) =>
      alarm.suppressedOnce ? t("{time} or when its cause ends", { time: at(time) }) : at(time);
    const known = [
      [t("Why"), alarm.suppressedWhy],
      [t("Until"), alarm.suppressedUntil && until(alarm.suppressedUntil)],
      [t("By"), by],
      [t("Since"), alarm.state === "SUPPRESSED" && at(alarm.suppressedAt)],
    ];
    return known.filter(([, text]) => text).map(([name, text]) => html`<dt>${name}</dt><dd>${text}</dd>`);
  }
}

/** @param {Entity[]} aside @returns {Map<string, Entity[]>} */
function bySilencer(aside) {
  /** @type {Map<string, Entity[]>} */
  const found = new Map();
  for (const alarm of aside.filter((one) => one.state === "SUPPRESSED")) {
    found.set(alarm.suppressedBy, [...(found.get(alarm.suppressedBy) ?? []), alarm]);
  }
  return found;
}

customElements.define("aside-list", AsideList);
