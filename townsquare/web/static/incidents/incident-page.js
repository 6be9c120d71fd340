/** One incident: what can be done with it, the steps of its procedure, and its story. */

import { html, nothing } from "lit";
import { repeat } from "lit/directives/repeat.js";
import { t } from "../text.js";
import { Refused, post } from "/static/control/act.js";
import { sign } from "/static/control/severity.js";
import { Asking } from "./asking.js";
import "./incident-warnings.js";
import { STATES, entryWords, short } from "./words.js";

const LINKS = {
  alarms: t("Alarms"),
  cameras: t("Cameras"),
  assets: t("Assets"),
  people: t("People on duty"),
  merged: t("Merged into it"),
};

class IncidentPage extends Asking {
  constructor() {
    super();
    this.refused = "";
    this.busy = false;
  }

  /** @returns {Record<string, string>} cause → its title */
  get causes() {
    return Object.fromEntries(this.session.causes);
  }

  get path() {
    return `/incidents/${encodeURIComponent(this.session.incident)}`;
  }

  render() {
    const one = this.told;
    if (!one) return html`<h1>${t("Incident")}</h1>${this.stale()}`;
    return html`
      <p><a href="/control/incidents">${t("All incidents")}</a></p>
      <h1>${sign(one.severity)} ${one.name}</h1>
      <p class="lead"><b>${STATES[one.state]}</b>,
        ${one.owner ? t("{person} has it", { person: short(one.owner) }) : t("nobody has it")}${one.place ? `, ${one.place}` : ""}.
        ${one.mergedInto
          ? html`<a href="/control/incidents/${encodeURIComponent(one.mergedInto)}">${t("It goes on in another one.")}</a>`
          : nothing}</p>
      ${one.report ? html`<p class="report">${one.report}</p>` : nothing}
      ${this.stale()}
      ${this.refused ? html`<p class="refused" role="alert">${this.refused}</p>` : nothing}
      ${this.session.acts ? this.acts(one) : nothing}
      ${one.skipped.length
        ? html`<p class="note alarm"><b>${t("For the supervisor:")}</b> ${t("needed steps were skipped: {steps}.", { steps: one.skipped.join("; ") })}
            ${t("The timeline has the reasons; the hand-over of the shift names them.")}</p>`
        : nothing}
      ${one.steps.length ? this.steps(one) : nothing}
      <incident-warnings .incident=${this.session.incident} .time=${(/** @type {string} */ at) => this.time(at)}></incident-warnings>
      ${this.story(one)}
      ${this.links(one)}`;
  }

  /** @param {any} one */
  acts(one) {
    const can = (/** @type {string} */ event) => one.can.includes(event);
    const mine = one.owner === this.session.person && one.state === "IN_PROGRESS";
    const free = !one.owner || one.owner === this.session.person;
    return html`<section class="acts" aria-label=${t("What can be done")}>
      ${can("work") && free && !mine ? this.button("take", t("Take it")) : nothing}
      ${can("assign") && !free ? this.button("assign", t("Take it over"), { to: this.session.person }) : nothing}
      ${can("assign") ? this.assigning(one) : nothing}
      ${can("hold") ? this.says("hold", "reason", t("What it waits for"), t("Put on hold")) : nothing}
      ${can("resolve") ? this.says("resolve", "outcome", t("What was done"), t("Resolve")) : nothing}
      ${can("dismiss") ? this.closing(can("close")) : nothing}
      ${this.session.warns && can("work") ? html`<button ?disabled=${this.busy} @click=${() => this.warn()}>${t("Draft a warning of the public")}</button>` : nothing}
      ${can("reopen") ? this.says("reopen", "reason", t("Why it goes on"), t("Reopen")) : nothing}
    </section>`;
  }

  /** @param {any} one */
  assigning(one) {
    const others = this.session.people.filter(([id]) => id !== one.owner && id !== this.session.person);
    if (!others.length) return nothing;
    return html`<form @submit=${(e) => this.send(e, "assign", { version: this.told.version })}>
      <label>${t("Give it to")} <select name="to">${others.map(([id, name]) => html`<option value=${id}>${name}</option>`)}</select></label>
      <button ?disabled=${this.busy}>${t("Assign")}</button></form>`;
  }

  /** @param {string} id */
  named(id) {
    return this.session.people.find(([one]) => one === id)?.[1] ?? short(id);
  }

  /** @param {string} act @param {string} text @param {object} [body] */
  button(act, text, body = {}) {
    const seen = { ...body, version: this.told.version };
    return html`<button ?disabled=${this.busy} @click=${() => this.do(act, seen)}>${text}</button>`;
  }

  /** @param {string} act @param {string} name @param {string} label @param {string} text */
  says(act, name, label, text) {
    return html`<form @submit=${(e) => this.send(e, act, { version: this.told.version })}>
      <label>${label} <input name=${name} maxlength="4000" required /></label>
      <button ?disabled=${this.busy}>${text}</button></form>`;
  }

  /** @param {boolean} whole whether it may be closed with any cause, or only as needing nothing */
  closing(whole) {
    const offered = this.session.causes.filter(([, , needless]) => whole || needless);
    return html`<form @submit=${(e) => this.send(e, "close", { version: this.told.version })}>
      <label>${t("Cause")} <select name="cause">${offered.map(([name, title]) => html`<option value=${name}>${title}</option>`)}</select></label>
      <label>${t("Note")} <input name="note" maxlength="4000" /></label>
      <button ?disabled=${this.busy}>${t("Close")}</button></form>`;
  }

  /** @param {any} one */
  steps(one) {
    const works = this.session.acts && one.can.includes("work");
    const next = one.steps.findIndex((step) => step.due);
    const ahead = (/** @type {number} */ place) => next >= 0 && place >= next;
    return html`<section aria-labelledby="steps"><h2 id="steps">${t("Procedure")}</h2><ol class="steps">
      ${repeat(one.steps, (step) => step.id, (step, place) => html`<li class=${step.due ? "due" : ""} aria-current=${step.due ? "step" : nothing}>
        <p>${step.text}${this.mark(step, ahead(place))}
          ${step.answer ? html` <b>${step.answer}</b> <span class="quiet">${short(step.by)}</span>` : nothing}</p>
        ${step.due && works ? this.answering(step) : nothing}</li>`)}
    </ol></section>`;
  }

  /** @param {any} step @param {boolean} ahead */
  mark(step, ahead) {
    if (step.answer) return nothing;
    if (!ahead) return html` <span class="quiet">${t("not on this way")}</span>`;
    return step.mandatory ? html` <span class="badge">${t("needed")}</span>` : nothing;
  }

  /** @param {any} step */
  answering(step) {
    return html`<form @submit=${(e) => this.send(e, "answer", { step: step.id, answer: e.submitter.value })}>
      <label>${t("Note")} <input name="note" maxlength="4000" /></label>
      ${step.answers.map((answer) => html`<button value=${answer} ?disabled=${this.busy}>${answer}</button>`)}
      <button class="skip-step" value="skipped" ?disabled=${this.busy}>${t("skip, with the note as reason")}</button></form>`;
  }

  /** @param {any} one */
  story(one) {
    return html`<section aria-labelledby="story"><h2 id="story">${t("Timeline")}</h2>
      ${one.earlier ? html`<p class="note">${t("There is more, earlier.")}</p>` : nothing}
      <ol class="story">${one.timeline.map((entry) => html`<li class=${entry.what}>
        <time datetime=${entry.at}>${this.time(entry.at)}</time>
        <span class="said">${entryWords(entry, one, this.causes)}
          ${entry.note ? html`<q>${entry.note}</q>` : nothing}</span>
        <span class="quiet">${entry.by ? short(entry.by) : ""}</span></li>`)}</ol>
      ${this.session.acts
        ? html`<form @submit=${(e) => this.send(e, "comment", {})}>
            <label class="wide">${t("Comment")} <textarea name="text" maxlength="4000" rows="2" required></textarea></label>
            <button ?disabled=${this.busy}>${t("Comment")}</button></form>`
        : nothing}</section>`;
  }

  /** @param {any} one */
  links(one) {
    const kinds = Object.entries(LINKS).filter(([kind]) => one[kind]?.length);
    const joins = this.session.acts && one.can.includes("work");
    if (!kinds.length && !joins) return nothing;
    return html`<section aria-labelledby="links"><h2 id="links">${t("In it")}</h2><dl>
      ${kinds.map(([kind, title]) => html`<dt>${title}</dt>${one[kind].map((id) => html`<dd>${this.link(kind, id)}</dd>`)}`)}</dl>
      ${joins ? this.joining(one) : nothing}</section>`;
  }

  /** @param {any} one */
  joining(one) {
    const free = this.session.people.filter(([id]) => !one.people?.includes(id));
    if (!free.length) return nothing;
    return html`<form @submit=${(e) => this.send(e, "link", {})}>
      <label>${t("Somebody on duty")} <select name="target">${free.map(([id, name]) => html`<option value=${id}>${name}</option>`)}</select></label>
      <button ?disabled=${this.busy}>${t("Add to it")}</button></form>`;
  }

  /** @param {string} kind @param {string} id */
  link(kind, id) {
    if (kind === "people") return this.named(id);
    if (kind !== "merged") return short(id);
    return html`<a href="/control/incidents/${encodeURIComponent(id)}">${short(id)}</a>`;
  }

  async warn() {
    try {
      const made = await post("/warnings", { incident: this.session.incident });
      location.assign(`/control/warnings/${encodeURIComponent(made.id)}`);
    } catch (refused) {
      if (!(refused instanceof Refused)) throw refused;
      this.refused = refused.message;
      this.requestUpdate();
    }
  }

  /** @param {SubmitEvent} event @param {string} act @param {object} more */
  async send(event, act, more) {
    event.preventDefault();
    const form = /** @type {HTMLFormElement} */ (event.target);
    const given = Object.fromEntries(new FormData(form));
    if (await this.do(act, { ...given, ...more })) form.reset();
  }

  /** @param {string} act @param {object} body @returns {Promise<boolean>} whether it was done */
  async do(act, body) {
    this.busy = true;
    this.refused = "";
    this.requestUpdate();
    try {
      this.take(await post(`${this.path}/${act}`, body));
    } catch (refused) {
      if (!(refused instanceof Refused)) throw refused;
      this.refused = refused.message;
    }
    this.busy = false;
    this.requestUpdate();
    return !this.refused;
  }
}

customElements.define("incident-page", IncidentPage);
