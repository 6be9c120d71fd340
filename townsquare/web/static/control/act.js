/**
 * Ask the server for something. What goes wrong comes back as one sentence to show in place;
 * nothing here throws for an answer that the server meant to give.
 */

const NO_ANSWER = "The server did not answer. Check the connection and try again.";

/** An answer that was a refusal, or no answer at all. */
export class Refused extends Error {
  /** @param {string} sentence @param {number} status 0 without an answer */
  constructor(sentence, status) {
    super(sentence);
    this.status = status;
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
  if (!answer.ok) throw new Refused(await sentence(answer), answer.status);
  return answer;
}

/** @param {Response} answer */
async function sentence(answer) {
  const text = await answer.text();
  try {
    const { title, detail } = JSON.parse(text);
    return detail || title || `The server refused (${answer.status}).`;
  } catch {
    return `The server refused (${answer.status}).`;
  }
}
