/**
 * What a page of incidents shows, asked for again and again while somebody looks.
 *
 * Always holds: what stands there is what the server said last, or it says since when it is old.
 */

import { LitElement, html, nothing } from "lit";
import { LOCALE, t } from "../text.js";
import { Refused, asked } from "/static/control/act.js";

const EACH_MS = 5000;

export class Asking extends LitElement {
  static properties = { session: { attribute: false } };

  createRenderRoot() {
    return this;
  }

  connectedCallback() {
    super.connectedCallback();
    this.told = null;
    this.trouble = "";
    this.heard = "";
    this.ask();
    this.timer = setInterval(() => document.hidden || this.ask(), EACH_MS);
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    clearInterval(this.timer);
  }

  async ask() {
    try {
      this.take(await (await asked(this.path, { headers: { accept: "application/json" } })).json());
    } catch (refused) {
      if (!(refused instanceof Refused)) throw refused;
      this.trouble = refused.message;
      this.requestUpdate();
    }
  }

  /** @param {any} told an answer of before what is shown already is late */
  take(told) {
    if (this.told && told.version < this.told.version) return;
    this.told = told;
    this.trouble = "";
    this.heard = this.time(new Date().toISOString());
    this.requestUpdate();
  }

  /** @param {string} at */
  time(at) {
    const how = { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", second: "2-digit" };
    return new Intl.DateTimeFormat(LOCALE, { ...how, timeZone: this.session.timezone }).format(new Date(at));
  }

  stale() {
    if (!this.trouble) return nothing;
    const since = this.heard ? t("What is shown is of {time}.", { time: this.heard }) : "";
    return html`<p class="refused" role="alert">${this.trouble} ${since}</p>`;
  }
}
