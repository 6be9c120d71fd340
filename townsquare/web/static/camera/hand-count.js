/** A hand count from its choices over the counting to its result, beside the drawn picture. */

import { html, nothing, svg } from "lit";
import { t } from "../text.js";
import { Refused, asked, post } from "../control/act.js";
import { Clock } from "../control/format.js";
import { Panel } from "../control/panel.js";
import "../control/camera-picture.js";
import { Count } from "./count.js";
import { drawnLine, unitOf } from "./overlay.js";
import "./count-choice.js";
import "./count-keys.js";
import "./count-result.js";

const LOOKED_MS = 10_000;
const HANDED_IN_S = 300; // so long after its end the server takes it
const AGAIN_MS = 5000;

class HandCount extends Panel {
  static properties = { stage: { state: true } };

  constructor() {
    super();
    this.count = /** @type {Count|null} */ (null);
    this.result = null;
    this.lines = /** @type {string[]} */ ([]);
    this.trouble = "";
    this.lost = 0;
    this.handing = false;
    this.stage = "choice";
  }

  connectedCallback() {
    super.connectedCallback();
    this.clock = new Clock(this.store.session.town.timezone);
    this.lines = this.camera.lines.map((line) => line.name);
    this.count = Count.kept(this.camera.name);
    if (this.count) {
      this.stage = "counting";
      this.look();
    }
    addEventListener("beforeunload", (event) => this.stage === "counting" && event.preventDefault());
  }

  get camera() {
    return this.store.session.camera;
  }

  get path() {
    return `/vision/cameras/${encodeURIComponent(this.camera.name)}/evaluations`;
  }

  /** @param {{keys: any[], body: object}} choice */
  async begin({ keys, body }) {
    this.trouble = "";
    await this.orSay(async () => {
      const told = await post(this.path, body);
      // From now on, so that no press lies after the end by the clock of the server.
      const begun = Date.now();
      const length_s = (Date.parse(told.until) - Date.parse(told.since)) / 1000;
      const { evaluation } = told;
      this.count = new Count(this.camera.name, { evaluation, begun, length_s, keys, presses: [] });
      this.count.keep();
      this.stage = "counting";
      this.looking = setTimeout(() => this.look(), LOOKED_MS);
    });
  }

  /** Whether it still runs: a camera that fails or a restart ends it, and nobody should count on. */
  async look() {
    clearTimeout(this.looking);
    if (this.stage !== "counting" || !this.count) return;
    const { evaluation } = this.count;
    try {
      const told = await (await asked(`${this.path}/${evaluation}`)).json();
      this.lost = 0;
      if (told.void) return this.over(t("Nothing can come of this count: {why}. Count anew.", { why: told.void }));
    } catch (refused) {
      if (!(refused instanceof Refused)) throw refused;
      if (refused.status !== 0) return this.over(t("This count is over: {why}", { why: refused.message }));
      this.lost ||= Date.now();
    }
    this.looking = setTimeout(() => this.look(), LOOKED_MS);
  }

  /** @param {string} why */
  over(why) {
    const { count } = this;
    this.drop();
    this.trouble = why;
    if (count) asked(`${this.path}/${count.evaluation}`, { method: "DELETE" }).catch(() => {});
  }

  drop() {
    clearTimeout(this.looking);
    this.count?.forget();
    this.count = null;
    this.lost = 0;
    this.stage = "choice";
  }

  async handIn() {
    const { count } = this;
    if (this.handing || !count) return;
    this.handing = true;
    this.requestUpdate();
    try {
      this.result = await post(`${this.path}/${count.evaluation}`, { presses: count.told() });
      this.drop();
      this.trouble = "";
      this.stage = "shown";
    } catch (refused) {
      if (!(refused instanceof Refused)) throw refused;
      if (refused.status === 409 || refused.status === 404) this.over(refused.message);
      else this.trouble = refused.message;
      if (refused.status === 0) this.lost ||= Date.now();
    }
    this.handed = Date.now();
    this.handing = false;
    this.requestUpdate();
  }

  /** At its end it is handed in by itself, again and again while nobody answers. */
  willUpdate() {
    const { count } = this;
    if (this.stage !== "counting" || !count) return;
    const left = count.length_s - count.at(this.store.now);
    if (left < -HANDED_IN_S) this.over(t("It was not handed in within five minutes after its end; count anew."));
    else if (left <= 0 && Date.now() - (this.handed ?? 0) > AGAIN_MS) this.handIn();
  }

  /** @param {() => Promise<void>} act */
  async orSay(act) {
    try {
      await act();
    } catch (refused) {
      if (!(refused instanceof Refused)) throw refused;
      this.trouble = refused.message;
    }
    this.requestUpdate();
  }

  updated(/** @type {Map<string, unknown>} */ changed) {
    const picture = /** @type {HTMLElement|null} */ (this.querySelector(".picture"));
    const { size } = this.camera;
    if (picture && size) picture.style.aspectRatio = `${size[0]} / ${size[1]}`;
    if (changed.get("stage")) /** @type {HTMLElement|null} */ (this.querySelector("h2"))?.focus();
  }

  render() {
    return html`
      <div class="bench">
        <section class="seen" aria-label=${t("Picture")}>
          <camera-picture .store=${this.store} .clock=${this.clock} .camera=${this.camera}
            .overlay=${this.overlay()} .renews=${this.stage === "counting"}></camera-picture>
          <p class="quiet">${t("The picture shows whom the machine has found, as shapes, a moment late.")}
            ${t("Whom it misses, it does not show: to measure that as well, count on the street.")}</p>
        </section>
        <section class="done" aria-label=${t("Count")}>
          ${this.trouble ? html`<p class="refused" role="alert">${this.trouble}</p>` : nothing}
          ${this.lost ? html`<p class="refused" role="status">${t("Connection lost since {time}. Count on: your presses are kept in this page.", { time: this.clock.seconds.format(this.lost) })}</p>` : nothing}
          ${this[this.stage]()}
        </section>
      </div>
    `;
  }

  overlay() {
    const { size, lines } = this.camera;
    if (!size) return nothing;
    const shown = lines.filter((line) => this.lines.includes(line.name));
    return html`<svg class="overlay" viewBox="0 0 ${size[0]} ${size[1]}" role="img"
      aria-label=${t("Lines: {names}", { names: shown.map((line) => line.name).join(", ") || "–" })}>
      ${shown.map((line) => svg`${drawnLine(line, unitOf(size))}`)}
    </svg>`;
  }

  choice() {
    return html`<count-choice .store=${this.store}
      @lines=${(event) => {
        this.lines = event.detail;
        this.requestUpdate();
      }}
      @begin=${(event) => this.begin(event.detail)}></count-choice>`;
  }

  counting() {
    return html`<count-keys .store=${this.store} .count=${this.count} .handing=${this.handing}
      @hand-in=${() => this.handIn()}
      @give-up=${() => this.over(t("You gave this count up; nothing of it was kept."))}></count-keys>`;
  }

  shown() {
    return html`<count-result .store=${this.store} .result=${this.result}
      @again=${() => (this.stage = "choice")}></count-result>`;
  }
}

customElements.define("hand-count", HandCount);
