/** What an operator does to an alarm: the server is asked, and what it answers is kept to be shown. */

import { Refused, post } from "./act.js";

/** @import { Entity } from "./types.js" */

export class Acts {
  /** @param {() => void} changed when there is something else to show */
  constructor(changed) {
    this.changed = changed;
    /** Occurrence → why it could not be done, or "" while the server is asked. */
    this.answers = /** @type {Map<string, string>} */ (new Map());
  }

  /** @param {Entity} alarm */
  answer(alarm) {
    return this.answers.get(occurrence(alarm));
  }

  /** @param {Entity} alarm @param {string} command @param {object} [body] @returns {Promise<boolean>} was it done? */
  async ask(alarm, command, body = {}) {
    this.answers.set(occurrence(alarm), "");
    this.changed();
    try {
      await post(`/alerts/${encodeURIComponent(alarm.id)}/${command}`, body);
      this.answers.delete(occurrence(alarm)); // the live connection brings the new state
      return true;
    } catch (refused) {
      if (!(refused instanceof Refused)) throw refused;
      this.answers.set(occurrence(alarm), refused.message);
      return false;
    } finally {
      this.changed();
    }
  }
}

/** An alarm that is raised again is another occurrence: old answers do not concern it. */
export function occurrence(/** @type {Entity} */ alarm) {
  return `${alarm.id} ${alarm.dateIssued}`;
}

const NUMBER = /^[0-9a-f]{32}$/; // of an account, which tells nobody's name

/** The name in an id of a person, or as much of a number as tells two people apart. */
export function who(/** @type {string} */ id) {
  const name = id.slice(id.lastIndexOf(":") + 1);
  return NUMBER.test(name) ? name.slice(0, 8) : name;
}
