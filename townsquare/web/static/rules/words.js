/** What a rule says, and what changed from one version to the next, in words. Pure. */

/** @param {number} seconds */
export function lasting(seconds) {
  if (seconds < 120) return `${Math.round(seconds)} s`;
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`;
  return seconds < 172_800 ? `${Math.round(seconds / 3600)} h` : `${Math.round(seconds / 86_400)} days`;
}

/** @param {any} rule */
export function meaning(rule) {
  const parts = [condition(rule)];
  if (rule.area) parts.push("within an area");
  if (rule.for_s) parts.push(`for ${lasting(rule.for_s)}`);
  if (rule.schedule) parts.push(`in the hours ${rule.schedule}`);
  if (rule.dead_time_s) parts.push(`then not again for ${lasting(rule.dead_time_s)}`);
  if (rule.latching) parts.push("stays until it is reset");
  return `Any ${rule.type}${rule.scope ? ` in ${rule.scope}` : ""} ${parts.join(", ")}`;
}

/** @param {any} rule */
function condition(rule) {
  if (known(rule.no_data_for_s)) return `without ${rule.attribute} for ${lasting(rule.no_data_for_s)}`;
  if (known(rule.above)) return `with ${rule.attribute} at ${rule.above} or more, until ${rule.clear_below} or less`;
  if (rule.q) return `for which ${rule.q}${rule.ends_q ? `, until ${rule.ends_q}` : ""}`;
  return "";
}

function known(value) {
  return value !== null && value !== undefined;
}

/** Fields that differ. @param {any} now @param {any} before of the version before, if there is one */
export function changed(now, before) {
  if (!before) return "first version";
  const said = Object.keys(now.rule)
    .filter((field) => now.rule[field] !== before.rule[field])
    .map((field) => `${field}: ${shown(before.rule[field])} → ${shown(now.rule[field])}`);
  if (now.holds !== before.holds) said.push(now.holds ? "holds again" : "taken away");
  return said.join("; ") || "nothing";
}

function shown(value) {
  return value === "" || !known(value) ? "nothing" : String(value);
}
