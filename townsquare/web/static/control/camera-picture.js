/**
 * The camera's picture on demand, under a lease that names its purpose and its end.
 *
 * Pictures are fetched one by one, at most two a second, only while the page is seen and the lease
 * holds. What arrives is drawn into a canvas and not kept.
 */

import { html, nothing } from "lit";
import { t, tn } from "../text.js";
import { Refused, asked, post } from "./act.js";
import { agreed } from "./approval.js";
import { shortName } from "./city.js";
import { percent } from "./format.js";
import { Panel } from "./panel.js";

const EVERY_MS = 500;
const BUILDING_MS = 2000;
const RENEWED_MS = 20_000; // before the end of a lease

class CameraPicture extends Panel {
  static properties = {
    clock: { attribute: false },
    camera: { attribute: false },
    overlay: { attribute: false }, // what is drawn over it
    renews: { attribute: false }, // whether the next lease is asked for before one ends
  };

  constructor() {
    super();
    this.forget();
    this.shown = "";
    this.purpose = "";
    this.overlay = nothing;
    this.renews = false;
  }

  forget() {
    clearTimeout(this.waiting);
    this.lease = /** @type {{lease: string, until: string}|null} */ (null);
    this.background = /** @type {number|null} */ (null);
    this.drawn = false;
    this.note = "";
    this.curable = false;
    this.asking = 0;
    this.waits = false;
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    this.forget();
  }

  updated() {
    if (this.shown === this.camera.id) return;
    this.shown = this.camera.id;
    this.forget();
    [this.purpose] = this.purposes;
    // Where there are several, the operator says which one it is.
    if (this.purposes.length === 1 && this.how === "now") this.ask();
    else this.requestUpdate();
  }

  /** @returns {string[]} what the camera was put up for, and a picture can be had for */
  get purposes() {
    if (this.camera.countsOnly) return [];
    const { previews } = this.store.session;
    return [this.camera.purpose ?? []].flat().filter((purpose) => purpose in previews);
  }

  /** @returns {"now"|"approval"|undefined} how the picture is got */
  get how() {
    return this.store.session.previews[this.purpose];
  }

  get path() {
    return `/vision/cameras/${encodeURIComponent(shortName(this.camera.id))}`;
  }

  async ask(/** @type {string} */ approval = "") {
    this.forget();
    const asking = this.camera.id;
    await this.orSay(async () => {
      const lease = await post(`${this.path}/preview`, { purpose: this.purpose, approval });
      if (asking !== this.camera.id) return;
      this.lease = lease;
      this.next();
    });
  }

  /** Where the policy wants somebody else to agree. */
  async askApproval() {
    this.forget();
    const turn = (this.asking = Date.now());
    this.requestUpdate();
    const wish = { act: "preview", subject: this.camera.id, detail: { purpose: this.purpose } };
    await this.orSay(async () => {
      const still = () => this.isConnected && this.asking === turn;
      const waits = () => {
        this.waits = still();
        this.requestUpdate();
      };
      const approval = await agreed(wish, still, waits);
      if (approval) await this.ask(approval);
    });
  }

  async next() {
    clearTimeout(this.waiting);
    let { lease } = this;
    if (!lease) return;
    if (this.renews && Date.parse(lease.until) - Date.now() < RENEWED_MS) lease = await this.renewed(lease);
    if (!document.hidden) await this.orSay(() => this.fetchOne(lease));
    if (lease !== this.lease) return;
    this.waiting = setTimeout(() => this.next(), this.background === null ? EVERY_MS : BUILDING_MS);
  }

  /** For somebody who cannot look away now. It is an entry of the log like every lease. */
  async renewed(lease) {
    await this.orSay(async () => {
      const next = await post(`${this.path}/preview`, { purpose: this.purpose, approval: "" });
      if (lease === this.lease) this.lease = next;
    });
    return this.lease ?? lease;
  }

  async fetchOne(lease) {
    const answer = await asked(`${this.path}/preview.jpg?lease=${encodeURIComponent(lease.lease)}`);
    if (lease !== this.lease) return;
    if (answer.status === 202) {
      this.background = (await answer.json()).background;
      this.requestUpdate();
      return;
    }
    const picture = await createImageBitmap(await answer.blob());
    if (lease === this.lease) this.draw(picture);
    picture.close();
  }

  /** @param {ImageBitmap} picture */
  draw(picture) {
    const canvas = this.querySelector("canvas");
    if (canvas.width !== picture.width || canvas.height !== picture.height) {
      canvas.width = picture.width;
      canvas.height = picture.height;
    }
    canvas.getContext("2d").drawImage(picture, 0, 0);
    if (this.drawn && this.background === null) return;
    this.drawn = true;
    this.background = null;
    this.requestUpdate();
  }

  /** @param {() => Promise<void>} act a refusal ends the lease and is said in place */
  async orSay(act) {
    try {
      await act();
    } catch (refused) {
      if (!(refused instanceof Refused)) throw refused;
      // A lost connection does not end the lease: the page says STALE, and we ask again.
      if (this.lease && refused.status === 0) return;
      const ended = this.lease && Date.parse(this.lease.until) <= Date.now();
      this.forget();
      this.curable = refused.cure === "approval";
      this.note = ended ? t("The picture was for a limited time, which is over.") : refused.message;
    }
    this.requestUpdate();
  }

  render() {
    return html`
      <div class="picture">
        <canvas role="img" aria-label=${this.drawn ? t("The place with a shape for everyone who is there") : nothing}
          ?hidden=${!this.drawn}></canvas>
        ${this.drawn ? nothing : html`<div class="blank">${this.blank()}</div>`}
        ${this.drawn ? this.overlay : nothing}
      </div>
      <p class="lease">
        ${this.lease
          ? html`${t("For {purpose} until {time}.", { purpose: html`<b>${this.purpose}</b>`, time: html`<b>${this.clock.minutes.format(Date.parse(this.lease.until))}</b>` })}
              ${t("Drawn: empty place, shapes for people, grey where the place was not seen empty yet. No live pixel is ever sent.")}
              ${t("Somebody who stands still for minutes and is not detected can become part of the empty place.")}
              ${this.hidden()}`
          : nothing}
      </p>
    `;
  }

  blank() {
    if (this.lease && this.background === null) return html`<p>${t("Asking for the picture …")}</p>`;
    if (this.lease) return this.building();
    if (this.asking && !this.waits) return html`<p role="status">${t("Asking for approval …")}</p>`;
    if (this.asking) return html`<p role="status">${t("Waiting for somebody of another organisation to agree …")}</p>`;
    const note = this.note ? html`<p role="status">${this.note}</p>` : nothing;
    if (this.purposes.length === 0) return html`${note}<p>${this.nothing()}</p>`;
    const show = this.note ? t("Show picture again") : t("Show picture");
    return html`
      ${note}
      ${this.how === "now" ? html`<button @click=${() => this.ask()}>${show}</button>` : nothing}
      ${this.how === "approval" && !this.note
        ? html`<p>${t("Somebody of another organisation must agree to a picture.")}</p>`
        : nothing}
      ${this.how === "approval" || this.curable
        ? html`<button @click=${() => this.askApproval()}>${t("Ask for approval")}</button>`
        : nothing}
      ${this.choice()}
    `;
  }

  /** What is never seen of this place. */
  hidden() {
    const parts = this.camera.maskCount ?? 0;
    if (parts === 0) return nothing;
    return tn(parts, "{n} part of the picture is blacked out before anything looks at it.",
      "{n} parts of the picture are blacked out before anything looks at it.");
  }

  nothing() {
    if (this.camera.countsOnly) return t("Counts only: no picture is ever made. Its counts are below.");
    const named = [this.camera.purpose ?? []].flat().length > 0;
    return named
      ? t("The rules of the town give your role no picture of this place. Its counts are below.")
      : t("This camera names no purpose, so nobody gets a picture of it.");
  }

  choice() {
    if (this.purposes.length < 2) return html`<p>${t("for {purpose}", { purpose: this.purposes[0] })}</p>`;
    const options = this.purposes.map(
      (name) => html`<option ?selected=${name === this.purpose}>${name}</option>`,
    );
    return html`<p>
      <label>${t("for {purpose}", { purpose: html`<select @change=${(event) => this.choose(event.target.value)}>${options}</select>` })}</label>
    </p>`;
  }

  choose(/** @type {string} */ purpose) {
    this.purpose = purpose;
    this.requestUpdate();
  }

  building() {
    return html`
      <p><b>${t("Background picture {percent}", { percent: percent(this.background) })}</b></p>
      <progress max="1" value=${this.background} aria-label=${t("Background picture")}></progress>
      <p>${t("A live pixel is never sent. The place is drawn from what stands still; until that is known there is no picture.")}</p>
    `;
  }
}

customElements.define("camera-picture", CameraPicture);
