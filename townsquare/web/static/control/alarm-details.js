/** What is known of an open alarm, as an operator needs it: what to do stands first. */

import { html } from "lit";
import { t, tn } from "../text.js";
import { who } from "./alarm-acts.js";
import { isWaiting } from "./city.js";

/** @import { Clock } from "./format.js" */
/** @import { Store } from "./store.js" */
/** @import { Entity } from "./types.js" */

/** @param {Store} store @param {Clock} clock @param {Entity} alarm */
export function details(store, clock, alarm) {
  const times = alarm.count > 1 ? `, ${tn(alarm.count, "{n} time so far", "{n} times so far")}` : "";
  const at = (/** @type {string} */ time) => clock.seconds.format(Date.parse(time));
  const raised = `${at(alarm.dateIssued)}${times}${alarm.value == null ? "" : `, ${t("at {value}", { value: alarm.value })}`}`;
  const taken = alarm.acknowledgedBy && `${who(alarm.acknowledgedBy)}, ${at(alarm.acknowledgedAt)}`;
  const all = isWaiting(alarm) || alarm.id === store.alarmId;
  const known = [
    [t("Do"), alarm.response],
    [t("Or else"), all && alarm.consequence],
    [t("Raised"), all && raised],
    [t("Ended"), alarm.returnedAt && at(alarm.returnedAt)],
    [t("Taken by"), taken],
    [t("Also looking"), lookers(store, clock, alarm)],
  ];
  return known.filter(([, text]) => text).map(([name, text]) => html`<dt>${name}</dt><dd>${text}</dd>`);
}

/** Who else has it selected at this moment. @param {Store} store @param {Clock} clock @param {Entity} alarm */
function lookers(store, clock, alarm) {
  if (alarm.id !== store.alarmId) return "";
  const words = (store.lookers[alarm.id] ?? []).map(({ name, since, own }) =>
    t("{who} since {time}", { who: own ? t("you, in another browser") : name, time: clock.seconds.format(Date.parse(since)) }));
  return words.join("; ");
}
