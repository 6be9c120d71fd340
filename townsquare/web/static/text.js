/**
 * Texts in the reader's language. An English text is its own name, and what stands where the
 * language does not have it. Places in it are named in braces: t("Until {until}", { until }).
 */

/** @typedef {string | Record<string, string>} Told a text, or its forms by CLDR's plural categories */

export const LANGUAGE = document.documentElement.lang || "en";
// English as Europe writes times and dates.
export const LOCALE = LANGUAGE === "en" ? "en-GB" : LANGUAGE;

const texts = /** @type {Record<string, Told>} */ (LANGUAGE === "en" ? {} : await fetched());
const categories = new Intl.PluralRules(LANGUAGE);

async function fetched() {
  try {
    return await (await fetch(new URL(`./texts/${LANGUAGE}.json`, import.meta.url))).json();
  } catch {
    return {}; // English is better than no page
  }
}

/**
 * @param {string} english @param {Record<string, unknown>} [values]
 * @returns {any} a string; with templates among the values a list that Lit renders
 */
export function t(english, values = {}) {
  const there = texts[english];
  return filled(typeof there === "string" ? there : english, values);
}

/**
 * For `n` of something; `{n}` is its place.
 * @param {number} n @param {string} one @param {string} other @param {Record<string, unknown>} [values]
 * @returns {any}
 */
export function tn(n, one, other, values = {}) {
  const there = texts[other];
  const forms = typeof there === "object" ? there : /** @type {Record<string, string>} */ ({ one, other });
  return filled(forms[categories.select(n)] ?? forms.other, { n, ...values });
}

/** Marks what is put into words elsewhere, by `t` of a name that only runs know. @param {string} english */
export function later(english) {
  return english;
}

function filled(/** @type {string} */ text, /** @type {Record<string, unknown>} */ values) {
  const parts = text.split(/\{(\w+)\}/).map((part, i) => (i % 2 ? values[part] : part));
  return parts.every((part) => typeof part !== "object") ? parts.join("") : parts;
}
