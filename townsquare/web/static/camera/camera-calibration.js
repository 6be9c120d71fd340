/** What a camera counts, drawn on its picture; and what that would have counted just now. */

import { html, nothing } from "lit";
import { t } from "../text.js";
import { Refused, asked, post } from "../control/act.js";
import { Clock } from "../control/format.js";
import { Panel } from "../control/panel.js";
import "../control/camera-picture.js";
import { Drawing } from "./drawing.js";
import { Board } from "./drawing-board.js";
import "./drawn-lines.js";
import "./drawn-places.js";
import { clockWords } from "./words.js";

/** @import { Kind } from "./drawing.js" */

const MOST_TRIED = 4;
const CHECKED_MS = 400; // after the last change

/** @type {Record<Kind, string>} */
const TOOLS = {
  lines: t("Draw a line"),
  zones: t("Draw a zone"),
  ground: t("Set ground points"),
  masks: t("Draw a mask"),
};
/** @type {Record<string, string>} */
const HINTS = {
  lines: t("Click where the line begins and where it ends; Enter puts one in the middle, Escape stops."),
  zones: t("Click corner by corner; Enter or the first corner ends it, Escape stops. Enter at once puts one in the middle."),
  ground: t("Click on points of the ground that you know, then write their metres beside. Escape ends."),
  masks: t("Click around what nobody may see; Enter or the first corner ends it, Escape stops."),
};

class CameraCalibration extends Panel {
  constructor() {
    super();
    this.trouble = "";
    this.tried = /** @type {any} */ (null);
    this.trying = false;
    this.saving = false;
    this.saved = "";
    this.unsaved = false;
    this.check = { problems: [], ground: null, toml: "" };
    this.turned = 0; // so that lists look again at a board that is changed in place
    this.board = new Board(() => this.changed(), () => this.requestUpdate());
    this.hear = (/** @type {KeyboardEvent} */ event) => {
      if (!event.target.closest("input, button, a, textarea") && this.board.key(event)) event.preventDefault();
    };
  }

  connectedCallback() {
    super.connectedCallback();
    const { camera } = this.store.session;
    this.clock = new Clock(this.store.session.town.timezone);
    this.laid = { layout: camera.layout, holds: camera.holds, version: camera.version };
    if (camera.size) this.start();
    addEventListener("keydown", this.hear);
    addEventListener("beforeunload", (event) => this.unsaved && event.preventDefault());
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    removeEventListener("keydown", this.hear);
  }

  get path() {
    return `/vision/cameras/${encodeURIComponent(this.store.session.camera.name)}`;
  }

  /** From what holds. */
  start() {
    const { layout } = this.laid;
    this.board.drawing = new Drawing(structuredClone(layout), this.store.session.camera.size);
    this.board.chosen = null;
    this.unsaved = false;
    this.tried = null;
    this.look();
  }

  changed() {
    this.tried = null;
    this.saved = "";
    this.unsaved = true;
    clearTimeout(this.looking);
    this.looking = setTimeout(() => this.look(), CHECKED_MS);
    this.requestUpdate();
  }

  /** What is wrong, what the ground is, and how it is written into the settings. */
  async look() {
    const { drawing } = this.board;
    await this.orSay(async () => {
      const check = await post(`${this.path}/layout/check`, drawing.told());
      if (drawing !== this.board.drawing) return;
      this.check = check;
      this.trouble = "";
      this.board.grid = check.ground?.rules ?? [];
    });
  }

  /** @param {object|null} layout null: back to the settings */
  async keep(layout) {
    this.saving = true;
    this.saved = "";
    this.requestUpdate();
    await this.orSay(async () => {
      const headers = { "content-type": "application/json", accept: "application/json" };
      const body = JSON.stringify({ layout, version: this.laid.version });
      const answer = await asked(`${this.path}/layout`, { method: "PUT", headers, body });
      this.laid = await answer.json();
      this.start();
      this.trouble = "";
      this.saved = layout ? t("Saved; the camera counts so from now on.") : t("The settings hold again.");
    });
    this.saving = false;
    this.requestUpdate();
  }

  async tryOut() {
    const lease = this.querySelector("camera-picture").lease?.lease;
    const lines = this.board.drawing.lines.slice(0, MOST_TRIED).map(({ a, b }) => ({ a, b }));
    this.trying = true;
    this.trouble = lease ? "" : t("What passed is told beside a picture only; ask for the picture first.");
    this.requestUpdate();
    if (lease) {
      await this.orSay(async () => {
        this.tried = await post(`${this.path}/try`, { lease, lines });
      });
    }
    this.trying = false;
    this.requestUpdate();
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

  updated() {
    const picture = /** @type {HTMLElement|null} */ (this.querySelector(".picture"));
    const { size } = this.store.session.camera;
    if (picture && size) picture.style.aspectRatio = `${size[0]} / ${size[1]}`;
  }

  render() {
    const { camera } = this.store.session;
    if (!this.board.drawing) {
      return html`<p>${t("The camera has shown no picture yet, so there is nothing to draw on. Come back when it works.")}</p>`;
    }
    return html`
      <div class="bench">
        <section class="seen" aria-label=${t("Picture")}>
          <div class="tools" role="toolbar" aria-label=${t("Drawing")}>${Object.entries(TOOLS).map(([kind, name]) => this.tool(kind, name))}</div>
          <camera-picture .store=${this.store} .clock=${this.clock} .camera=${camera}
            .overlay=${this.board.render()}></camera-picture>
          <p class="hint" role="status">${HINTS[this.board.tool] ?? ""}</p>
        </section>
        <section class="done" aria-label=${t("What is drawn")}>
          ${this.keeping()}
          ${this.trouble ? html`<p class="refused" role="alert">${this.trouble}</p>` : nothing}
          <drawn-lines .board=${this.board} .turned=${(this.turned += 1)} .tried=${this.tried} .most=${MOST_TRIED}
            .problems=${this.check.problems}></drawn-lines>
          ${this.trial()}
          <drawn-places .board=${this.board} .turned=${this.turned} .ground=${this.check.ground}
            .problems=${this.check.problems}></drawn-places>
          ${this.text()}
        </section>
      </div>
    `;
  }

  /** Which layout holds, and what can be done about it. */
  keeping() {
    const drawing = this.laid.holds === "drawing";
    const whole = this.check.problems.filter((problem) => problem.at === "");
    return html`
      <p class="holds"><span>${t("What holds: {what}.", { what: html`<b>${drawing ? t("what was drawn here") : "townsquare.toml"}</b>` })}</span>
        <button class="main" ?disabled=${this.saving || !this.unsaved || this.check.problems.length > 0}
          @click=${() => this.keep(this.board.drawing.told())}>${t("Save")}</button>
        ${this.unsaved ? html`<button @click=${() => this.start()}>${t("Undo all changes")}</button>` : nothing}
        ${drawing ? html`<button ?disabled=${this.saving} @click=${() => this.keep(null)}>${t("Back to the settings")}</button>` : nothing}
        <span role="status" class="quiet kept">${this.saving ? t("Saving …") : this.saved}</span></p>
      ${whole.map(({ what }) => html`<p class="refused" role="alert">${what}</p>`)}
    `;
  }

  text() {
    if (!this.check.toml.trim()) return nothing;
    return html`<h2>${t("For {file}", { file: "townsquare.toml" })}</h2>
      <p class="quiet">${t("The same as text, to stand below this camera's [[camera]].")}</p>
      <textarea readonly aria-label=${t("Text for {file}", { file: "townsquare.toml" })} .value=${this.check.toml}></textarea>
      <p><button @click=${() => navigator.clipboard.writeText(this.check.toml)}>${t("Copy")}</button></p>`;
  }

  tool(kind, name) {
    return html`<button aria-pressed=${this.board.tool === kind}
      @click=${(event) => {
        this.board.take(kind);
        event.currentTarget.blur(); // so that Enter and Escape mean the drawing
      }}>${name}</button>`;
  }

  trial() {
    const { lines } = this.board.drawing;
    if (!lines.length) return nothing;
    return html`<p class="acts trial">
      <button class="main" ?disabled=${this.trying} @click=${() => this.tryOut()}>${t("Count the last 5 minutes")}</button>
      <span role="status" class="quiet">${this.trying ? t("Asking …") : this.over()}</span></p>`;
  }

  over() {
    const { tried } = this;
    if (!tried) return t("What these lines would have counted. The question is an entry of the log.");
    if (tried.over_s < tried.needs_s) {
      return t("Only {time} were watched so far; it tells after {needs}.", { time: clockWords(tried.over_s), needs: clockWords(tried.needs_s) });
    }
    const all = t("Over {time} that were watched.", { time: clockWords(tried.over_s) });
    return this.board.drawing.lines.length > MOST_TRIED ? `${all} ${t("Of the first {n} lines.", { n: MOST_TRIED })}` : all;
  }
}

customElements.define("camera-calibration", CameraCalibration);
