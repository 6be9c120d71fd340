/**
 * The wall: what rings, where, key figures, a clock and up to four cameras, without anybody's hand.
 *
 * The address keeps the choice: ?cameras=square,gate (in turns of four every ?turn=60 seconds) and
 * ?without=map. Always holds: nothing flashes; what is old is under a veil that says since when;
 * all of it moves by some pixels every minute, so that nothing burns in.
 */

import { html, nothing } from "lit";
import { repeat } from "lit/directives/repeat.js";
import {
  SEVERITIES, alarmLoad, cameras, isWaiting, openAlarms, place, putAside, shortName, title,
} from "../control/city.js";
import { Clock, age } from "../control/format.js";
import { Panel } from "../control/panel.js";
import { isGroup, rows } from "../control/rows.js";
import { sign } from "../control/severity.js";
import { LOCALE, t, tn } from "../text.js";
import "../control/camera-picture.js";
import "../control/town-map.js";

/** @import { Entity } from "../control/types.js" */
/** @import { Row } from "../control/rows.js" */

const PICTURES = 4; // people see less the more they look at
const MOST_ROWS = 10;
const MOVES_MS = 60_000;
const MOVES_PX = [0, 3, 6, 3];

class VideoWall extends Panel {
  constructor() {
    super();
    const asked = new URLSearchParams(location.search);
    this.chosen = (asked.get("cameras") ?? "").split(",").filter(Boolean);
    this.turn_s = Math.max(20, Number(asked.get("turn")) || 60);
    this.without = new Set((asked.get("without") ?? "").split(","));
  }

  willUpdate() {
    this.clock ??= new Clock(this.store.session.town.timezone);
  }

  render() {
    const { store } = this;
    const step = Math.floor(store.now / MOVES_MS) % MOVES_PX.length;
    return html`<div class="wall ${store.staleSince ? "stale" : ""} ${this.without.has("map") ? "plain" : ""}"
      data-step=${step}>
      ${this.figures()}
      <p class="veil ${store.staleSince ? "lost" : ""}" role="status">${this.veil()}</p>
      <main id="main">
        <section class="panel ringing" aria-labelledby="ringing"><h2 id="ringing">${t("Alarms")}</h2>${this.alarms()}</section>
        ${this.without.has("map") ? nothing : html`<town-map class="panel town" .store=${store} .clock=${this.clock}></town-map>`}
        <section class="panel pictures" aria-label=${t("Cameras")}>${repeat(this.shown(), (one) => one.id, (one) => this.picture(one))}</section>
      </main>
    </div>`;
  }

  figures() {
    const { store } = this;
    const open = openAlarms(store);
    const lost = cameras(store).filter((one) => one.status && one.status !== "working").length;
    const { tenMinutes } = alarmLoad(store) ?? {};
    const known = (/** @type {number|undefined} */ n) => (store.loaded && n !== undefined ? n : "–");
    const dates = new Intl.DateTimeFormat(LOCALE, {
      weekday: "long", day: "numeric", month: "long", timeZone: store.session.town.timezone,
    });
    return html`<header>
      <h1>${store.session.town.name}</h1>
      ${figure(known(open.length), t("alarms open"))}
      ${figure(known(open.filter(isWaiting).length), t("to acknowledge"))}
      ${figure(known(tenMinutes), t("alarms in 10 min"))}
      ${figure(known(putAside(store).length), t("put aside"))}
      ${figure(known(lost), t("cameras away"), lost > 0)}
      <div class="figure clock"><b>${this.clock.seconds.format(store.now)}</b><span>${dates.format(store.now)}</span></div>
    </header>`;
  }

  veil() {
    const { staleSince } = this.store;
    if (!staleSince) return nothing;
    const since = this.clock.seconds.format(staleSince);
    return html`<strong>${t("STALE since {since}", { since })}</strong> ${t("Connection lost, trying again.")}`;
  }

  alarms() {
    if (!this.store.loaded) return html`<p class="quiet">${t("Waiting for the first news …")}</p>`;
    const severity = (/** @type {Row} */ row) => SEVERITIES.indexOf(row.worst);
    const all = rows(this.store).sort((a, b) => severity(a) - severity(b));
    if (!all.length) return html`<p class="quiet">${t("No open alarm.")}</p>`;
    const more = all.length - MOST_ROWS;
    return html`<ol>${repeat(all.slice(0, MOST_ROWS), (row) => row.id, (row) => this.row(row))}</ol>
      ${more > 0 ? html`<p>${tn(more, "{n} more row", "{n} more rows")}</p>` : nothing}`;
  }

  /** @param {Row} row */
  row({ alarms, worst, waiting, newest, ...rest }) {
    const [first] = alarms;
    const group = isGroup({ alarms, worst, waiting, newest, ...rest });
    return html`<li class=${worst}>${sign(worst)}
      <b>${first.name}</b>
      <span>${place(this.store, first)}${group ? ` · ${tn(alarms.length, "{n} alarm", "{n} alarms")}` : ""}</span>
      <small>${age(newest, this.store.now)} · ${waiting.length ? t("not acknowledged") : t("acknowledged")}</small>
    </li>`;
  }

  /** @returns {Entity[]} those whose turn it is */
  shown() {
    const all = cameras(this.store).filter((one) => !one.countsOnly);
    const wanted = this.chosen.length
      ? this.chosen.flatMap((name) => all.filter((one) => shortName(one.id) === name))
      : all.slice(0, PICTURES);
    const turns = Math.max(1, Math.ceil(wanted.length / PICTURES));
    const turn = Math.floor(this.store.now / 1000 / this.turn_s) % turns;
    return wanted.slice(turn * PICTURES, (turn + 1) * PICTURES);
  }

  /** @param {Entity} one */
  picture(one) {
    return html`<figure>
      <figcaption>${title(one)}${one.sample ? html` <span class="badge">${t("sample")}</span>` : nothing}</figcaption>
      ${one.status === "working"
        ? html`<camera-picture .store=${this.store} .clock=${this.clock} .camera=${one} .renews=${true}></camera-picture>`
        : html`<p class="health ${one.status}"><b>${t("no picture")}</b></p>`}
    </figure>`;
  }
}

function figure(/** @type {unknown} */ value, /** @type {string} */ words, abnormal = false) {
  return html`<div class="figure ${abnormal ? "abnormal" : ""}"><b>${value}</b><span>${words}</span></div>`;
}

customElements.define("video-wall", VideoWall);
