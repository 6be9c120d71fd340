/** The warnings of the public that were drafted from an incident, and how each one stands. */

import { LitElement, html, nothing } from "lit";
import { t } from "../text.js";
import { Refused, asked } from "/static/control/act.js";

const EACH_MS = 5000;

class IncidentWarnings extends LitElement {
  static properties = { incident: { attribute: false }, time: { attribute: false } };

  constructor() {
    super();
    this.found = /** @type {any[]} */ ([]);
  }

  createRenderRoot() {
    return this;
  }

  connectedCallback() {
    super.connectedCallback();
    this.ask();
    this.timer = setInterval(() => document.hidden || this.ask(), EACH_MS);
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    clearInterval(this.timer);
  }

  async ask() {
    try {
      const path = `/warnings?incident=${encodeURIComponent(this.incident)}`;
      this.found = (await (await asked(path, { headers: { accept: "application/json" } })).json()).warnings;
    } catch (refused) {
      if (!(refused instanceof Refused)) throw refused; // the page around it says that it is old
    }
    this.requestUpdate();
  }

  render() {
    if (!this.found.length) return nothing;
    return html`<section aria-labelledby="warnings"><h2 id="warnings">${t("Warnings of the public")}</h2>
      <ul class="warnings">${this.found.map((one) => html`<li>
        <a href="/control/warnings/${encodeURIComponent(one.id)}">${one.message.texts[0]?.headline || t("Warning")}</a>
        <span class=${lasts(one) ? "badge alarm" : "badge"}>${this.state(one)}</span>
        ${one.message.status === "Actual" ? nothing : html`<span class="badge">${one.message.status}</span>`}</li>`)}</ul></section>`;
  }

  /** @param {any} one */
  state(one) {
    if (one.state === "draft") return t("draft");
    if (one.state === "givenUp") return t("given up");
    if (one.replaced_by) return t("replaced");
    if (one.kind === "Cancel") return t("said that it is over");
    return lasts(one) ? t("warns until {time}", { time: this.time(one.message.expires) }) : t("over");
  }
}

/** @param {any} one whether it warns at this moment */
function lasts({ state, kind, replaced_by, message }) {
  return state === "published" && kind !== "Cancel" && !replaced_by && Date.parse(message.expires) > Date.now();
}

customElements.define("incident-warnings", IncidentWarnings);
