/** What states, causes and entries of a timeline are called. Pure. */

export const STATES = {
  NEW: "new",
  TRIAGED: "assessed",
  ASSIGNED: "assigned",
  IN_PROGRESS: "in progress",
  ON_HOLD: "on hold",
  RESOLVED: "resolved",
  CLOSED: "closed",
  MERGED: "merged",
  FALSE_ALARM: "closed without need",
};

const ALARM = {
  UNACK: "alarm raised",
  ACKED: "alarm acknowledged",
  RTN_UNACK: "alarm over, not acknowledged",
  NORMAL: "alarm over",
  LATCHED_RTN: "alarm over, waits to be reset",
  SHELVED: "alarm shelved",
  SUPPRESSED: "alarm suppressed",
  OUT_OF_SERVICE: "alarm out of service",
};
const LISTS = { alarms: "alarm", cameras: "camera", assets: "asset", people: "person", merged: "incident" };

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
    case "owner": return entry.value ? `owner: ${short(entry.value)}` : "nobody has it";
    case "severity": return `severity: ${entry.value}`;
    case "comment": return entry.value;
    case "answer": return `${stepText(entry.step, incident)} – ${entry.value}`;
    case "cause": return entry.value ? `cause: ${causes[entry.value] ?? entry.value}` : "cause withdrawn";
    case "mergedInto": return `merged into ${short(entry.value)}`;
    default: return `${entry.what}: ${entry.value}`;
  }
}

function moved(entry, kind) {
  const added = (entry.added ?? []).map((id) => `${kind} ${short(id)} added`);
  const removed = (entry.removed ?? []).map((id) => `${kind} ${short(id)} taken out`);
  return [...added, ...removed].join(", ");
}

function elsewhere(entry, incident) {
  return entry.of === incident.id ? "" : ` (incident ${short(entry.of)})`;
}

function stepText(id, incident) {
  return incident.steps.find((step) => step.id === id)?.text ?? id;
}
