/** What an operator does to an alarm: the server is asked, and what it answers is kept to be shown. */

import { t } from "../text.js";
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

const AT_ONCE = 6; // questions: a browser holds back more of them anyway

/** What is done to a whole row: to each alarm by itself, with its own occurrence and its own answer. */
export class RowActs {
  /** @param {Acts} acts of the alarms */
  constructor(acts) {
    this.acts = acts;
    /** Row → what was refused, or "" while the server is asked. */
    this.answers = /** @type {Map<string, string>} */ (new Map());
  }

  /** @param {string} row @param {Entity[]} alarms as they are seen: what is raised meanwhile is not acknowledged */
  async acknowledge(row, alarms) {
    this.say(row, "");
    const ahead = [...alarms];
    let refused = 0;
    const work = async () => {
      for (let alarm = ahead.shift(); alarm; alarm = ahead.shift()) {
        if (!(await this.acts.ask(alarm, "acknowledge", { occurrence: alarm.count }))) refused += 1;
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, work));
    this.say(row, refused ? t("{n} of {all} could not be acknowledged; each says why.", { n: refused, all: alarms.length }) : undefined);
  }

  /** @param {string} row @param {string} incident @param {Entity[]} alarms into one that is open already */
  async link(row, incident, alarms) {
    this.say(row, "");
    try {
      for (const alarm of alarms) {
        await post(`/incidents/${encodeURIComponent(incident)}/link`, { target: alarm.id });
      }
      this.say(row, undefined);
    } catch (refused) {
      if (!(refused instanceof Refused)) throw refused;
      this.say(row, refused.message);
    }
  }

  /** @param {string} row @param {Entity[]} alarms @returns {Promise<string>} the incident's id; empty where it was refused */
  async incident(row, alarms) {
    this.say(row, "");
    try {
      const made = await post("/incidents", { alarms: alarms.map((alarm) => alarm.id) });
      this.say(row, undefined);
      return made.id;
    } catch (refused) {
      if (!(refused instanceof Refused)) throw refused;
      this.say(row, refused.message);
      return "";
    }
  }

  /** @param {string} row @param {string|undefined} answer */
  say(row, answer) {
    if (answer === undefined) this.answers.delete(row);
    else this.answers.set(row, answer);
    this.acts.changed();
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
