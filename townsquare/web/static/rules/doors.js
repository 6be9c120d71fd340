/** The doors of rules. What they refuse comes back whole: the place in the rule, or its dry run. */

import { t } from "../text.js";

const NO_ANSWER = t("The server did not answer. Check the connection and try again.");

export class Refusal extends Error {
  /** @param {any} problem */
  constructor(problem) {
    super(problem.detail || problem.title || NO_ANSWER);
    this.problem = problem;
  }
}

/** @param {string} path @param {RequestInit} init @returns {Promise<Response>} @throws {Refusal} */
async function asked(path, init) {
  const answer = await fetch(path, init).catch(() => null);
  if (answer?.ok) return answer;
  throw new Refusal((await answer?.json().catch(() => null)) ?? {});
}

/** @param {string} path */
export async function read(path) {
  return (await asked(path, { headers: { accept: "application/json" } })).json();
}

/** @param {string} method @param {string} path @param {object} body @param {string} [accept] */
function send(method, path, body, accept = "application/json") {
  const headers = { "content-type": "application/json", accept };
  return asked(path, { method, headers, body: JSON.stringify(body) });
}

/** All that are kept, page by page, and those that are declared. */
export async function every() {
  const told = await read("/alerts/rules");
  for (let page = told; page.more; told.kept.push(...page.kept)) {
    page = await read(`/alerts/rules?offset=${told.kept.length}`);
  }
  return told;
}

/** @param {any} rule @param {number} version @param {number} confirmed */
export async function keep(rule, version, confirmed) {
  return (await send("PUT", one(rule.name), { rule, version, confirmed })).json();
}

/** @param {string} name @param {number} version */
export function takeAway(name, version) {
  return send("POST", `${one(name)}/take-away`, { version });
}

/** @param {string} name */
export function versions(name) {
  return read(`${one(name)}/versions`);
}

/** @param {any} rule @param {(figures: any) => void} told as far as it has come; the last is the whole */
export async function tryOut(rule, told) {
  const answer = await send("POST", `${one(rule.name)}/dry-run`, { rule }, "application/x-ndjson");
  const lines = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  for (let rest = "", part = await lines.read(); !part.done; part = await lines.read()) {
    const whole = (rest + part.value).split("\n");
    rest = whole.pop() ?? "";
    whole.forEach((line) => told(JSON.parse(line)));
  }
}

/** @param {string} name */
function one(name) {
  return `/alerts/rules/${encodeURIComponent(name)}`;
}
