/** The top line: where we are, what time it is, whether data is live, how busy alarms are. */

import { html, nothing } from "lit";
import { LANGUAGE, t, tn } from "../text.js";
import { MOST_LOAD, alarmLoad, isUnanswered, isWaiting, lostSources, openAlarms, putAside } from "./city.js";
import { LATE_MS } from "./delay.js";
import { seconds } from "./format.js";
import { Panel } from "./panel.js";

class StatusBar extends Panel {
  static properties = { clock: { attribute: false } };

  render() {
    const { store } = this;
    return html`<header class="bar">
      <h1>${store.session.town.name}<small>${t("Control room")}</small></h1>
      ${this.time()} ${this.connection()} ${this.alarms()} ${this.load()} ${this.aside()}
      ${this.lost()} ${this.delay()}
      <nav aria-label=${t("Pages")}>${this.pages()} <a href="/">${t("Public page")}</a></nav>
      ${this.roles()} ${this.languages()} ${this.account()}
    </header>`;
  }

  time() {
    const { now } = this.store;
    return html`<div class="fact clock">
      <b>${this.clock.seconds.format(now)}</b>
      <span>${this.clock.dates.format(now)} · ${this.clock.utc.format(now)} UTC</span>
    </div>`;
  }

  connection() {
    const { staleSince, loaded } = this.store;
    if (staleSince) {
      const since = this.clock.seconds.format(staleSince);
      return fact("abnormal", t("STALE"), t("since {time}", { time: since }));
    }
    return fact("", loaded ? t("Live") : "…", loaded ? t("connection") : t("connecting"));
  }

  alarms() {
    const open = openAlarms(this.store);
    const waiting = open.filter(isWaiting).length;
    const note = waiting ? t("open, {n} to acknowledge", { n: waiting }) : t("alarms open");
    return [fact("", this.known(open.length), note), this.unanswered(open.filter(isUnanswered).length)];
  }

  unanswered(/** @type {number} */ number) {
    return number ? fact("abnormal", number, t("nobody has answered")) : nothing;
  }

  load() {
    const { tenMinutes, flood } = alarmLoad(this.store) ?? {};
    const of = html`${this.known(tenMinutes ?? 0)}<small>/${MOST_LOAD}</small>`;
    const many = flood || tenMinutes > MOST_LOAD;
    return fact(many ? "abnormal" : "", of, flood ? t("alarms in 10 min: flood") : t("alarms in 10 min"));
  }

  aside() {
    return fact("", this.known(putAside(this.store).length), t("put aside"));
  }

  lost() {
    const { length } = lostSources(this.store);
    return fact(length ? "abnormal" : "", this.known(length), tn(length, "source lost", "sources lost"));
  }

  /** From a reading's own time to this screen, as median of the last minute. */
  delay() {
    const { delays, now, staleSince } = this.store;
    const ms = staleSince ? null : delays.median(now);
    if (ms === null) return fact("", "–", t("delay unknown"));
    return fact(ms > LATE_MS ? "abnormal" : "", seconds(ms), t("delay"));
  }

  known(/** @type {number} */ number) {
    return this.store.loaded ? number : "–";
  }

  pages() {
    return this.store.session.pages.map(
      ({ path, title }) => html`<a href=${path}>${title}</a>`,
    );
  }

  account() {
    if (!this.store.session.account) return nothing;
    return html`<form method="post" action="/session/end"><button>${t("Sign out")}</button></form>`;
  }

  /** Choosing one loads the page anew, in it. */
  languages() {
    const { languages } = this.store.session;
    const choose = (/** @type {any} */ event) => event.target.form.submit();
    return html`<form class="language" method="post" action="/language">
      <select name="language" aria-label=${t("Language")} @change=${choose}>
        ${languages.map(({ tag, name }) => html`<option value=${tag} lang=${tag} ?selected=${tag === LANGUAGE}>${name}</option>`)}
      </select>
    </form>`;
  }

  roles() {
    const { role, roles } = this.store.session;
    if (!roles.length) return nothing;
    return html`<form class="role" method="post" action="/session/role">
      <label for="role">${t("Role")}</label>
      <select id="role" name="role">
        ${roles.map((r) => html`<option value=${r.name} ?selected=${r.name === role}>${r.title}</option>`)}
      </select>
      <button>${t("Switch")}</button>
    </form>`;
  }
}

function fact(/** @type {string} */ look, /** @type {unknown} */ value, /** @type {string} */ name) {
  return html`<div class="fact ${look}"><b>${value}</b><span>${name}</span></div>`;
}

customElements.define("status-bar", StatusBar);
