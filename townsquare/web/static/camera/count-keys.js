/** The counting itself: large keys, the time that is left, what was pressed. */

import { html, nothing } from "lit";
import { t } from "../text.js";
import { Panel } from "../control/panel.js";
import { keyOf } from "./keys.js";
import { classWords, clockWords, directionWords } from "./words.js";

/** @import { Key } from "./keys.js" */

const FLASH_MS = 180;
const LEAST_S = 60; // less says nothing, and is not taken
const LISTED = 8;

class CountKeys extends Panel {
  static properties = { count: { attribute: false }, handing: { attribute: false } };

  constructor() {
    super();
    this.flashing = -1;
    this.said = "";
    this.ending = "";
    this.hear = (/** @type {KeyboardEvent} */ event) => this.heard(event);
  }

  connectedCallback() {
    super.connectedCallback();
    addEventListener("keydown", this.hear);
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    removeEventListener("keydown", this.hear);
  }

  heard(/** @type {KeyboardEvent} */ event) {
    if (event.key === "Backspace" && !event.repeat) {
      event.preventDefault();
      return this.undo();
    }
    const n = this.count.keys.findIndex((one) => one.key === keyOf(event));
    if (n < 0) return;
    event.preventDefault();
    this.press(n);
  }

  press(/** @type {number} */ n) {
    if (!this.count.press(n, Date.now())) return;
    this.said = "";
    this.flashing = n;
    clearTimeout(this.unflash);
    this.unflash = setTimeout(() => {
      this.flashing = -1;
      this.requestUpdate();
    }, FLASH_MS);
    this.requestUpdate();
  }

  undo() {
    const gone = this.count.undo();
    this.said = gone
      ? t("Taken back: {what} at {time}.", { what: this.what(this.count.keys[gone.n]), time: clockWords(gone.at_s) })
      : t("Nothing to take back.");
    this.requestUpdate();
  }

  /** @param {Key} key */
  what(key) {
    const line = this.store.session.camera.lines.find((one) => one.name === key.line);
    return `${classWords(key.of)} ${line ? directionWords(line, key.direction) : key.direction}`;
  }

  render() {
    const { count } = this;
    const gone_s = count.at(this.store.now);
    const left_s = count.length_s - gone_s;
    return html`
      <h2 tabindex="-1">${t("Counting")}</h2>
      <p class="left">${t("{left} left of {all}", { left: html`<b role="timer">${clockWords(left_s)}</b>`, all: clockWords(count.length_s) })}
        <progress max=${count.length_s} value=${gone_s} aria-label=${t("Time that has gone")}></progress></p>
      <div class="pads">${count.keys.map((key, n) => this.pad(key, n))}</div>
      <p class="acts">
        <button @click=${() => this.undo()}>${t("Take back the last")} <kbd>Backspace</kbd></button>
        <span role="status">${this.said}</span>
      </p>
      ${this.presses()}
      <p class="quiet">${t("A pause is not possible: the machine counts on. Presses outlast a reload of this page.")}</p>
      ${this.ends(gone_s, left_s)}
    `;
  }

  /** @param {Key} key @param {number} n */
  pad(key, n) {
    const number = this.count.number(n);
    const line = this.store.session.camera.lines.length > 1 ? `${t("line {name}", { name: key.line })}, ` : "";
    return html`<button class="pad ${this.flashing === n ? "pressed" : ""}" @click=${() => this.press(n)}
      aria-label=${t("{what}, key {key}, {n} counted", { what: this.what(key), key: key.key.toUpperCase(), n: number })}>
      <kbd class="cap">${key.key.toUpperCase()}</kbd>
      <span><b>${this.what(key)}</b><small>${line}${key.direction}</small></span>
      <output>${number}</output>
    </button>`;
  }

  presses() {
    const { presses, keys } = this.count;
    if (!presses.length) return html`<p class="quiet">${t("Nothing was pressed yet.")}</p>`;
    const last = presses.slice(-LISTED).reverse();
    return html`<ol class="presses" aria-label=${t("Last presses, newest first")}>
      ${last.map(({ n, at_s }) => html`<li><b>${clockWords(at_s)}</b> ${this.what(keys[n])}</li>`)}
    </ol>`;
  }

  ends(/** @type {number} */ gone_s, /** @type {number} */ left_s) {
    if (this.handing || left_s <= 0) return html`<p role="status">${t("Handing in …")}</p>`;
    if (this.ending) {
      const [question, event] = this.ending === "early"
        ? [t("End now and hand in what was counted so far?"), "hand-in"]
        : [t("Give this count up? Nothing of it is kept."), "give-up"];
      return html`<p class="acts" role="group" aria-label=${question}>${question}
        <button @click=${() => this.finish(event)}>${t("Yes")}</button>
        <button @click=${() => this.asks("")}>${t("No, go on")}</button></p>`;
    }
    return html`<p class="acts">
      <button ?disabled=${gone_s < LEAST_S} @click=${() => this.asks("early")}>${t("End early")}</button>
      <button @click=${() => this.asks("up")}>${t("Give up")}</button>
      ${gone_s < LEAST_S ? html`<span class="quiet">${t("A count takes a minute at least.")}</span>` : nothing}
    </p>`;
  }

  asks(/** @type {string} */ what) {
    this.ending = what;
    this.requestUpdate();
  }

  finish(/** @type {string} */ event) {
    this.asks("");
    this.dispatchEvent(new CustomEvent(event));
  }
}

customElements.define("count-keys", CountKeys);
