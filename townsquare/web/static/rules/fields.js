/** The fields of a rule, in the order in which one thinks of them. Pure. */

const TEXT = { kind: "text", empty: "" };
const NUMBER = { kind: "number", empty: null };
const SECONDS = { ...NUMBER, empty: 0 };

/** @typedef {{name: string, label: string, help?: string, kind: string, empty: any, for?: string[], choices?: string[], needed?: boolean, wide?: boolean}} Field */

export const CONDITIONS = {
  above: "a number is high",
  q: "a question is answered by yes",
  silence: "nothing is heard",
  area: "it is in an area",
};

/** @type {{title: string, fields: Field[]}[]} */
export const GROUPS = [
  {
    title: "What it is about",
    fields: [
      { ...TEXT, name: "name", label: "Short name", help: "letters, digits, . _ -; part of the alarm's id, for good", needed: true },
      { ...TEXT, name: "title", label: "What the operator reads", needed: true, wide: true },
      { ...TEXT, name: "type", label: "Type of entities", help: "such as WasteContainer", needed: true },
      { ...TEXT, name: "scope", label: "Scope", help: "/live for values of this moment; empty for all that have none" },
    ],
  },
  {
    title: "When it raises",
    fields: [
      { ...TEXT, name: "attribute", label: "Attribute", for: ["above", "silence"], needed: true },
      { ...NUMBER, name: "above", label: "Raises at or above", for: ["above"], needed: true },
      { ...NUMBER, name: "clear_below", label: "Returns at or below", help: "less than that, or it would chatter", for: ["above"], needed: true },
      { ...TEXT, name: "q", label: "Question", help: "such as fillingLevel>0.8;status==\"open\"", for: ["q"], needed: true, wide: true },
      { ...TEXT, name: "ends_q", label: "Question that ends it", help: "empty: as soon as the first is no more answered by yes", for: ["q"], wide: true },
      { ...NUMBER, name: "no_data_for_s", label: "Seconds without data", for: ["silence"], needed: true },
      { ...SECONDS, name: "for_s", label: "Seconds that it must last", for: ["above", "q", "area"] },
      { ...NUMBER, name: "clear_for_s", label: "Seconds that it must be over", help: "empty: as long as it must last", for: ["above", "q", "area"] },
      { ...SECONDS, name: "dead_time_s", label: "Seconds of rest after it returned" },
      { ...TEXT, name: "schedule", label: "Hours", help: "such as Mon-Fri 08:00-18:00; empty: always" },
      { ...TEXT, kind: "lines", name: "area", label: "Area", help: "a geometry as GeoJSON; empty: everywhere", wide: true },
    ],
  },
  {
    title: "What to do",
    fields: [
      { ...TEXT, kind: "choice", name: "severity", label: "Severity", choices: ["medium", "critical", "high", "low"] },
      { ...TEXT, name: "consequence", label: "What happens if nobody acts", wide: true },
      { ...TEXT, kind: "lines", name: "response", label: "What to do", wide: true },
      { ...TEXT, kind: "procedure", name: "procedure", label: "Procedure", help: "an incident opened from the alarm takes it" },
      { ...TEXT, name: "group", label: "Group", help: "alarms with the same share a row of the queue" },
      { kind: "flag", empty: false, name: "latching", label: "Stays until somebody resets it" },
      { kind: "flag", empty: false, name: "silences", label: "Silences what depends on its source" },
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
