/** What states, causes and entries of a timeline are called. Pure. */

import { t } from "../text.js";

export const STATES = {
  NEW: t("new"),
  TRIAGED: t("assessed"),
  ASSIGNED: t("assigned"),
  IN_PROGRESS: t("in progress"),
  ON_HOLD: t("on hold"),
  RESOLVED: t("resolved"),
  CLOSED: t("closed"),
  MERGED: t("merged"),
  FALSE_ALARM: t("closed without need"),
};

const ALARM = {
  UNACK: t("alarm raised"),
  ACKED: t("alarm acknowledged"),
  RTN_UNACK: t("alarm over, not acknowledged"),
  NORMAL: t("alarm over"),
  LATCHED_RTN: t("alarm over, waits to be reset"),
  SHELVED: t("alarm shelved"),
  SUPPRESSED: t("alarm suppressed"),
  OUT_OF_SERVICE: t("alarm out of service"),
};
/** What is said of links that were made and taken away. */
const LISTS = {
  alarms: [(id) => t("alarm {id} added", { id }), (id) => t("alarm {id} taken out", { id })],
  cameras: [(id) => t("camera {id} added", { id }), (id) => t("camera {id} taken out", { id })],
  assets: [(id) => t("asset {id} added", { id }), (id) => t("asset {id} taken out", { id })],
  people: [(id) => t("person {id} added", { id }), (id) => t("person {id} taken out", { id })],
  merged: [(id) => t("incident {id} added", { id }), (id) => t("incident {id} taken out", { id })],
};
const SEVERITIES = { critical: t("critical"), high: t("high"), medium: t("medium"), low: t("low") };

/** @param {string} id */
export function short(id) {
  return id.replace(/^urn:ngsi-ld:[^:]+:/, "");
}

/** One entry in words. @param {any} entry @param {any} incident @param {Record<string, string>} causes */
export function entryWords(entry, incident, causes) {
  if (entry.what in LISTS) return moved(entry, LISTS[entry.what]);
  switch (entry.what) {
    case "alarm": return `${ALARM[entry.value] ?? entry.value}: ${short(entry.of)}`;
    case "state": return `${STATES[entry.value] ?? entry.value}${elsewhere(entry, incident)}`;
    case "owner": return entry.value ? t("owner: {person}", { person: short(entry.value) }) : t("nobody has it");
    case "severity": return t("severity: {severity}", { severity: SEVERITIES[entry.value] ?? entry.value });
    case "comment": return entry.value;
    case "answer": return `${stepText(entry.step, incident)} – ${entry.value}`;
    case "cause": return entry.value ? t("cause: {cause}", { cause: causes[entry.value] ?? entry.value }) : t("cause withdrawn");
    case "mergedInto": return t("merged into {incident}", { incident: short(entry.value) });
    default: return `${entry.what}: ${entry.value}`;
  }
}

function moved(entry, [came, went]) {
  const added = (entry.added ?? []).map((id) => came(short(id)));
  const removed = (entry.removed ?? []).map((id) => went(short(id)));
  return [...added, ...removed].join(", ");
}

function elsewhere(entry, incident) {
  return entry.of === incident.id ? "" : ` (${t("incident {id}", { id: short(entry.of) })})`;
}

function stepText(id, incident) {
  return incident.steps.find((step) => step.id === id)?.text ?? id;
}
