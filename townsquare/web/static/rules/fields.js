/** The fields of a rule, in the order in which one thinks of them. Pure. */

import { later, t } from "../text.js";

const TEXT = { kind: "text", empty: "" };
const NUMBER = { kind: "number", empty: null };
const SECONDS = { ...NUMBER, empty: 0 };

/** @typedef {{name: string, label: string, help?: string, kind: string, empty: any, for?: string[], choices?: string[], needed?: boolean, wide?: boolean}} Field */

export const CONDITIONS = {
  above: t("a number is high"),
  q: t("a question is answered by yes"),
  silence: t("nothing is heard"),
  area: t("it is in an area"),
};

/** @type {{title: string, fields: Field[]}[]} */
export const GROUPS = [
  {
    title: t("What it is about"),
    fields: [
      { ...TEXT, name: "name", label: t("Short name"), help: t("letters, digits, . _ -; part of the alarm's id, for good"), needed: true },
      { ...TEXT, name: "title", label: t("What the operator reads"), needed: true, wide: true },
      { ...TEXT, name: "type", label: t("Type of entities"), help: t("such as WasteContainer"), needed: true },
      { ...TEXT, name: "scope", label: t("Scope"), help: t("/live for values of this moment; empty for all that have none") },
    ],
  },
  {
    title: t("When it raises"),
    fields: [
      { ...TEXT, name: "attribute", label: t("Attribute"), for: ["above", "silence"], needed: true },
      { ...NUMBER, name: "above", label: t("Raises at or above"), for: ["above"], needed: true },
      { ...NUMBER, name: "clear_below", label: t("Returns at or below"), help: t("less than that, or it would chatter"), for: ["above"], needed: true },
      { ...TEXT, name: "q", label: t("Question"), help: t("such as fillingLevel>0.8;status==\"open\""), for: ["q"], needed: true, wide: true },
      { ...TEXT, name: "ends_q", label: t("Question that ends it"), help: t("empty: as soon as the first is no more answered by yes"), for: ["q"], wide: true },
      { ...NUMBER, name: "no_data_for_s", label: t("Seconds without data"), for: ["silence"], needed: true },
      { ...SECONDS, name: "for_s", label: t("Seconds that it must last"), for: ["above", "q", "area"] },
      { ...NUMBER, name: "clear_for_s", label: t("Seconds that it must be over"), help: t("empty: as long as it must last"), for: ["above", "q", "area"] },
      { ...SECONDS, name: "dead_time_s", label: t("Seconds of rest after it returned") },
      { ...TEXT, name: "schedule", label: t("Hours"), help: t("such as Mon-Fri 08:00-18:00; empty: always") },
      { ...TEXT, kind: "lines", name: "area", label: t("Area"), help: t("a geometry as GeoJSON; empty: everywhere"), wide: true },
    ],
  },
  {
    title: t("What to do"),
    fields: [
      { ...TEXT, kind: "choice", name: "severity", label: t("Severity"), choices: [later("medium"), later("critical"), later("high"), later("low")] },
      { ...TEXT, name: "consequence", label: t("What happens if nobody acts"), wide: true },
      { ...TEXT, kind: "lines", name: "response", label: t("What to do"), wide: true },
      { ...TEXT, kind: "procedure", name: "procedure", label: t("Procedure"), help: t("an incident opened from the alarm takes it") },
      { ...TEXT, name: "group", label: t("Group"), help: t("alarms with the same share a row of the queue") },
      { kind: "flag", empty: false, name: "latching", label: t("Stays until somebody resets it") },
      { kind: "flag", empty: false, name: "silences", label: t("Silences what depends on its source") },
    ],
  },
];

/** @param {any} rule */
export function conditionOf(rule) {
  if (rule.no_data_for_s != null) return "silence";
  if (rule.above != null) return "above";
  return rule.area && !rule.q ? "area" : rule.q ? "q" : "above";
}

/** What the form says. @param {FormData} given @param {string} condition */
export function ruleOf(given, condition) {
  const fields = GROUPS.flatMap((group) => group.fields).filter((field) => applies(field, condition));
  return Object.fromEntries(fields.map((field) => [field.name, valueOf(field, given.get(field.name))]));
}

/** @param {Field} field @param {string} condition */
export function applies(field, condition) {
  return !field.for || field.for.includes(condition);
}

function valueOf(field, said) {
  if (field.kind === "flag") return said !== null;
  const text = String(said ?? "").trim();
  if (text === "") return field.empty;
  return field.kind === "number" ? Number(text) : text;
}
