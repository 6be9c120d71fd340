/** What a rule says, and what changed from one version to the next, in words. Pure. */

import { t, tn } from "../text.js";

/** @param {number} seconds */
export function lasting(seconds) {
  if (seconds < 120) return `${Math.round(seconds)} s`;
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`;
  if (seconds < 172_800) return `${Math.round(seconds / 3600)} h`;
  return tn(Math.round(seconds / 86_400), "{n} day", "{n} days");
}

/** @param {any} rule */
export function meaning(rule) {
  const parts = [condition(rule)];
  if (rule.area) parts.push(t("within an area"));
  if (rule.for_s) parts.push(t("for {time}", { time: lasting(rule.for_s) }));
  if (rule.schedule) parts.push(t("in the hours {hours}", { hours: rule.schedule }));
  if (rule.dead_time_s) parts.push(t("then not again for {time}", { time: lasting(rule.dead_time_s) }));
  if (rule.latching) parts.push(t("stays until it is reset"));
  const { type, scope } = rule;
  const said = { type, scope, condition: parts.join(", ") };
  return scope ? t("Any {type} in {scope} {condition}", said) : t("Any {type} {condition}", said);
}

/** @param {any} rule */
function condition(rule) {
  const { attribute, above, clear_below: below, q, ends_q: end } = rule;
  if (known(rule.no_data_for_s)) return t("without {attribute} for {time}", { attribute, time: lasting(rule.no_data_for_s) });
  if (known(above)) return t("with {attribute} at {above} or more, until {below} or less", { attribute, above, below });
  if (!q) return "";
  return end ? t("for which {q}, until {end}", { q, end }) : t("for which {q}", { q });
}

function known(value) {
  return value !== null && value !== undefined;
}

/** Fields that differ. @param {any} now @param {any} before of the version before, if there is one */
export function changed(now, before) {
  if (!before) return t("first version");
  const said = Object.keys(now.rule)
    .filter((field) => now.rule[field] !== before.rule[field])
    .map((field) => `${field}: ${shown(before.rule[field])} → ${shown(now.rule[field])}`);
  if (now.holds !== before.holds) said.push(now.holds ? t("holds again") : t("taken away"));
  return said.join("; ") || t("nothing");
}

function shown(value) {
  return value === "" || !known(value) ? t("nothing") : String(value);
}
