/**
 * One camera as it is: asked for, agreed to by two others, seen until the time is over.
 *
 * The pictures are one stream that the server ends; this page only says when. It keeps none.
 */

import { html, nothing } from "lit";
import { t, tn } from "../text.js";
import { Refused, asked, post } from "../control/act.js";
import { agreed } from "../control/approval.js";
import { Clock } from "../control/format.js";
import { Panel } from "../control/panel.js";

const MINUTES = [5, 10, 15, 30, 60];
const USUAL = 15;

class ClearView extends Panel {
  constructor() {
    super();
    this.trouble = "";
    this.step = /** @type {"ask"|"wait"|"see"|"over"} */ ("ask");
    this.view = /** @type {any} */ (null);
    this.turn = 0;
  }

  connectedCallback() {
    super.connectedCallback();
    this.clock = new Clock(this.store.session.town.timezone);
    addEventListener("beforeunload", (event) => this.step === "see" && event.preventDefault());
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    this.turn++;
  }

  get camera() {
    return this.store.session.camera;
  }

  async ask(/** @type {SubmitEvent} */ event) {
    event.preventDefault();
    const told = new FormData(/** @type {HTMLFormElement} */ (event.target));
    const detail = { purpose: String(told.get("purpose")), case: String(told.get("case")).trim(), minutes: Number(told.get("minutes")) };
    const turn = ++this.turn;
    this.step = "wait";
    this.trouble = "";
    this.requestUpdate();
    await this.orSay("ask", async () => {
      const wish = { act: "clearView", subject: this.camera.id, detail };
      const approval = await agreed(wish, () => this.isConnected && this.turn === turn, () => this.requestUpdate());
      if (!approval) return;
      this.view = await post(`/vision/cameras/${encodeURIComponent(this.camera.name)}/clear`, { ...detail, approval });
      this.step = "see";
    });
  }

  giveUp() {
    this.turn++;
    this.step = "ask";
    this.requestUpdate();
  }

  async end() {
    await this.orSay("see", async () => {
      this.view = await (await asked(`/vision/clear/${encodeURIComponent(this.view.view)}/end`, { method: "POST" })).json();
      this.step = "over";
    });
  }

  /** @param {"ask"|"see"} back where a refusal leads */
  async orSay(back, act) {
    try {
      await act();
    } catch (refused) {
      if (!(refused instanceof Refused)) throw refused;
      this.trouble = refused.message;
      this.step = back;
    }
    this.requestUpdate();
  }

  updated() {
    if (this.step === "see" && this.leftS() === 0) {
      this.step = "over";
      this.requestUpdate();
    }
  }

  leftS() {
    return Math.max(0, Math.ceil((Date.parse(this.view.validUntil) - this.store.now) / 1000));
  }

  render() {
    const steps = { ask: () => this.form(), wait: () => this.waiting(), see: () => this.seen(), over: () => this.over() };
    return html`${this.trouble ? html`<p class="note alarm" role="alert">${this.trouble}</p>` : nothing}${steps[this.step]()}`;
  }

  form() {
    const { purpose, countsOnly } = this.camera;
    const { demo } = this.store.session;
    if (countsOnly) return html`<p class="note">${t("Counts only: no picture is ever made. Its counts are below.")}</p>`;
    return html`
      ${demo ? html`<p class="note">${t("The demo has no accounts, so there is nobody who could agree.")}</p>` : nothing}
      <form class="clear-form" @submit=${(event) => this.ask(event)}>
        <label>${t("What for")} <select name="purpose">${purpose.map((one) => html`<option>${one}</option>`)}</select></label>
        <label>${t("File number")} <input name="case" required maxlength="200" autocomplete="off"></label>
        <label>${t("For how long")} <select name="minutes">
          ${MINUTES.map((n) => html`<option value=${n} ?selected=${n === USUAL}>${tn(n, "{n} minute", "{n} minutes")}</option>`)}
        </select></label>
        <button class="main" ?disabled=${demo}>${t("Ask two others to agree")}</button>
      </form>`;
  }

  waiting() {
    return html`
      <p role="status">${t("Waiting until people of two other organisations agree. They find it under Approvals. The request ends after 15 minutes.")}</p>
      <button @click=${() => this.giveUp()}>${t("Do not wait any more")}</button>`;
  }

  seen() {
    const left = this.leftS();
    const clock = `${Math.floor(left / 60)}:${String(left % 60).padStart(2, "0")}`;
    return html`
      <p class="clear-bar" role="status"><b>${t("AS IT IS")}</b>
        <span>${t("For {purpose}, file {case}, agreed to by {who}.", { purpose: this.view.purpose, case: this.view.case, who: this.view.approvedBy.join(", ") })}</span>
        <span aria-live="off">${t("Ends in {time}", { time: html`<b>${clock}</b>` })}</span>
        <button @click=${() => this.end()}>${t("End it now")}</button>
      </p>
      <img class="clear-picture" src="/vision/clear/${encodeURIComponent(this.view.view)}/pictures" alt=${t("The camera as it is now")}>`;
  }

  over() {
    const until = this.view.endedAt ?? this.view.validUntil;
    return html`
      <p class="note" role="status">${t("It ended at {time}. To see more, others must agree anew.", { time: html`<b>${this.clock.minutes.format(Date.parse(until))}</b>` })}</p>
      <button @click=${() => this.giveUp()}>${t("Ask again")}</button>`;
  }
}

customElements.define("clear-view", ClearView);
