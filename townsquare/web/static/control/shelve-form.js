/** Put an alarm aside: why and for how long. Without a reason and an end nothing goes on a shelf. */

import { html } from "lit";
import { t } from "../text.js";

/** @import { Entity } from "./types.js" */

const HOURS = [1, 2, 4, 8];
const MOST_H = 8; // what an operator may at most, and what is offered first
const HOUR_MS = 3600_000;

/**
 * @typedef {{reason: string, until?: string, once?: boolean}} Aside
 * @param {(command: string, aside: Aside) => void} put
 * @param {() => void} leave
 * @param {number} now ms
 */
export function shelveForm(put, leave, now) {
  const submit = (/** @type {SubmitEvent} */ event) => {
    event.preventDefault();
    const form = new FormData(/** @type {HTMLFormElement} */ (event.target));
    const reason = String(form.get("reason"));
    if (event.submitter?.value === "out") return put("take-out-of-service", { reason });
    const hours = Number(form.get("hours"));
    const end = hours === MOST_H ? {} : { until: new Date(now + hours * HOUR_MS).toISOString() };
    return put("shelve", { reason, once: form.has("once"), ...end });
  };
  return html`<form class="shelve" @submit=${submit} @keydown=${(e) => e.key === "Escape" && leave()}>
    <label>${t("Reason")} <input name="reason" required maxlength="500" autocomplete="off" /></label>
    <label>${t("Back after")}
      <select name="hours">
        ${HOURS.map((h) => html`<option value=${h} ?selected=${h === MOST_H}>${h} h</option>`)}
      </select>
    </label>
    <label class="once"><input type="checkbox" name="once" /> ${t("or when its cause ends")}</label>
    <p class="choices">
      <button value="shelf">${t("Shelve")}</button>
      <button value="out">${t("Take out of service")}</button>
      <button type="button" @click=${leave}>${t("Leave it")}</button>
    </p>
  </form>`;
}
