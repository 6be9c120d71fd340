/**
 * What the page knows: entities, connection, selection and the time.
 *
 * Always holds: the state is exactly what the server said last, or it is marked stale.
 * Listeners are told at most once every 40 ms, so that a burst costs one rendering; of a snapshot at once.
 */

import { Delays } from "./delay.js";

/** @import { Entity, Looker, News, Session } from "./types.js" */

const GATHER_MS = 40;
const FRESH_MS = 30 * 60_000;

export class Store {
  /** @param {Session} session */
  constructor(session) {
    this.session = session;
    /** @type {Map<string, Entity>} */
    this.entities = new Map();
    /** @type {Map<string, Map<string, Entity>>} the same by type, then id */
    this.types = new Map();
    /** @type {Map<string, number>} how often entities of a type changed */
    this.changes = new Map();
    /** @type {Map<string, {of: string, made: any}>} */
    this.made = new Map();
    this.loaded = false;
    /** Since when the state may be old, ms; null while the connection is alive. */
    this.staleSince = /** @type {number|null} */ (null);
    /** The last time that the connection was lost: from when to when, ms. */
    this.away = /** @type {{since: number, until: number}|null} */ (null);
    /** Who else has selected what is selected here; of this moment only. */
    this.lookers = /** @type {{[alarm: string]: Looker[]}} */ ({});
    this.delays = new Delays();
    this.cameraId = "";
    this.alarmId = "";
    /** The moment that charts show, ms; null while they follow the clock. */
    this.at = /** @type {number|null} */ (null);
    this.now = Date.now();
    /** @type {Set<() => void>} */
    this.listeners = new Set();
    this.waiting = 0;
  }

  /** @param {() => void} listener @returns {() => void} ends it */
  listen(listener) {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** @param {News} news */
  take(news) {
    if (news.kind === "snapshot") {
      this.entities = new Map();
      for (const [type, alike] of this.types) {
        alike.clear();
        this.touch(type);
      }
      for (const entity of news.entities) this.keep(entity);
      this.loaded = true;
      return this.tell(); // who opens the page waits for this
    } else if (news.kind === "change") {
      // In a tab that nobody sees, browsers let drawing wait.
      if (!document.hidden) this.delays.expect(news.entity, this.entities.get(news.entity.id));
      this.keep(news.entity);
    } else if (news.kind === "gone") {
      const { type } = this.entities.get(news.id) ?? { type: "" };
      this.types.get(type)?.delete(news.id);
      this.entities.delete(news.id);
      this.touch(type);
    } else if (news.kind === "up") {
      if (this.staleSince) this.away = { since: this.staleSince, until: Date.now() };
      this.staleSince = null;
    } else if (news.kind === "clock") {
      this.delays.ahead = news.ahead;
    } else if (news.kind === "looking") {
      this.lookers = news.alarms;
    } else if (news.kind === "down") {
      this.lookers = {};
      this.staleSince ??= news.since;
    }
    this.changed();
  }

  /** @param {Entity} entity */
  keep(entity) {
    const alike = this.types.get(entity.type) ?? new Map();
    this.types.set(entity.type, alike.set(entity.id, entity));
    this.entities.set(entity.id, entity);
    this.touch(entity.type);
  }

  /** @param {string} type */
  touch(type) {
    this.changes.set(type, (this.changes.get(type) ?? 0) + 1);
  }

  /**
   * What `make` gives, made anew only once an entity of these types has changed.
   *
   * @template T @param {string} name @param {string[]} types @param {() => T} make @returns {T}
   */
  once(name, types, make) {
    const of = types.map((type) => this.changes.get(type) ?? 0).join();
    const known = this.made.get(name);
    if (known?.of === of) return known.made;
    const made = make();
    this.made.set(name, { of, made });
    return made;
  }

  /** @param {string} type @returns {Entity[]} */
  ofType(type) {
    return [...(this.types.get(type)?.values() ?? [])];
  }

  /** Somebody has read that the connection was lost. */
  back() {
    this.away = null;
    this.changed();
  }

  tick() {
    this.now = Date.now();
    this.changed();
  }

  /** @param {string} id */
  selectCamera(id) {
    this.cameraId = id;
    this.changed();
  }

  /** @param {string} id */
  selectAlarm(id) {
    this.alarmId = id;
    // Charts show what was before and after it: so they do by themselves while it is fresh.
    const raised = Date.parse(this.entities.get(id)?.dateIssued ?? "");
    this.look(Date.now() - raised > FRESH_MS ? raised : null);
  }

  /** @param {number|null} at ms; null goes back to now */
  look(at) {
    this.at = at !== null && at < Date.now() ? at : null;
    this.changed();
  }

  changed() {
    this.waiting ||= setTimeout(() => this.tell(), GATHER_MS);
  }

  tell() {
    clearTimeout(this.waiting);
    this.waiting = 0;
    for (const listener of this.listeners) listener();
    requestAnimationFrame(() => this.delays.draw(Date.now()));
  }
}
