/**
 * Ask the server for something. What goes wrong comes back as one sentence to show in place;
 * nothing here throws for an answer that the server meant to give.
 */

import { t } from "../text.js";

const NO_ANSWER = t("The server did not answer. Check the connection and try again.");

/** An answer that was a refusal, or no answer at all. */
export class Refused extends Error {
  /**
   * @param {string} sentence
   * @param {number} status 0 without an answer
   * @param {string} [cure] what would help: "approval"
   */
  constructor(sentence, status, cure = "") {
    super(sentence);
    this.status = status;
    this.cure = cure;
  }
}

/** @param {string} path @param {object} body @returns {Promise<any>} @throws {Refused} */
export async function post(path, body) {
  const headers = { "content-type": "application/json", accept: "application/json" };
  const answer = await asked(path, { method: "POST", headers, body: JSON.stringify(body) });
  return answer.json();
}

/** @param {string} path @param {RequestInit} [init] @returns {Promise<Response>} @throws {Refused} */
export async function asked(path, init = {}) {
  let answer;
  try {
    answer = await fetch(path, init);
  } catch {
    throw new Refused(NO_ANSWER, 0);
  }
  if (!answer.ok) throw await refusal(answer);
  return answer;
}

/** @param {Response} answer @returns {Promise<Refused>} */
async function refusal(answer) {
  const text = await answer.text();
  let told = {};
  try {
    told = JSON.parse(text);
  } catch {
    // not one of our answers
  }
  const sentence = told.detail || told.title || t("The server refused ({status}).", { status: answer.status });
  return new Refused(sentence, answer.status, told.cure);
}
