/**
 * What the page knows: entities, connection, selection and the time.
 *
 * Always holds: the state is exactly what the server said last, or it is marked stale.
 * Listeners are told at most once every 40 ms, so that a burst costs one rendering.
 */

/** @import { Entity, News, Session } from "./types.js" */

const GATHER_MS = 40;

export class Store {
  /** @param {Session} session */
  constructor(session) {
    this.session = session;
    /** @type {Map<string, Entity>} */
    this.entities = new Map();
    /** @type {Map<string, Map<string, Entity>>} the same by type, then id */
    this.types = new Map();
    this.loaded = false;
    /** Since when the state may be old, ms; null while the connection is alive. */
    this.staleSince = /** @type {number|null} */ (null);
    /** The last time that the connection was lost: from when to when, ms. */
    this.away = /** @type {{since: number, until: number}|null} */ (null);
    this.cameraId = "";
    this.alarmId = "";
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
      this.types = new Map();
      for (const entity of news.entities) this.keep(entity);
      this.loaded = true;
    } else if (news.kind === "change") {
      this.keep(news.entity);
    } else if (news.kind === "gone") {
      this.types.get(this.entities.get(news.id)?.type ?? "")?.delete(news.id);
      this.entities.delete(news.id);
    } else if (news.kind === "up") {
      if (this.staleSince) this.away = { since: this.staleSince, until: Date.now() };
      this.staleSince = null;
    } else if (news.kind === "down") {
      this.staleSince ??= news.since;
    }
    this.changed();
  }

  /** @param {Entity} entity */
  keep(entity) {
    const alike = this.types.get(entity.type) ?? new Map();
    this.types.set(entity.type, alike.set(entity.id, entity));
    this.entities.set(entity.id, entity);
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
    this.changed();
  }

  changed() {
    this.waiting ||= setTimeout(() => {
      this.waiting = 0;
      for (const listener of this.listeners) listener();
    }, GATHER_MS);
  }
}
