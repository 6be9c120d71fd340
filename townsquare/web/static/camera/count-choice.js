/** What the hand will count, and with which keys. Tells `lines` and `begin`. */

import { html, nothing } from "lit";
import { t } from "../text.js";
import { Panel } from "../control/panel.js";
import { EASY_KEYS, MOST_KEYS, keyOf, keysOf, nameOf } from "./keys.js";
import { classWords, directionWords } from "./words.js";

/** @import { Key } from "./keys.js" */

const KEPT = "hand-count keys"; // of this browser: which hand plays which key does not change

class CountChoice extends Panel {
  constructor() {
    super();
    this.lines = /** @type {Set<string>} */ (new Set());
    this.of = /** @type {Set<string>} */ (new Set());
    this.minutes = 15;
    this.where = "street";
    this.changing = "";
    this.note = "";
    this.chosen = JSON.parse(localStorage.getItem(KEPT) ?? "{}");
    this.hear = (/** @type {KeyboardEvent} */ event) => this.change(event);
  }

  connectedCallback() {
    super.connectedCallback();
    const { lines, groups } = this.store.session.camera;
    if (lines.length) this.lines.add(lines[0].name);
    this.of.add(groups.includes("vehicle") ? "vehicle" : groups[0]);
    addEventListener("keydown", this.hear);
    this.tellLines();
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    removeEventListener("keydown", this.hear);
  }

  /** @returns {Key[]} */
  get keys() {
    const { lines, groups } = this.store.session.camera;
    const names = lines.map((line) => line.name).filter((name) => this.lines.has(name));
    return keysOf(names, groups.filter((of) => this.of.has(of)), this.chosen);
  }

  tellLines() {
    this.dispatchEvent(new CustomEvent("lines", { detail: [...this.lines] }));
  }

  change(/** @type {KeyboardEvent} */ event) {
    if (!this.changing) return;
    const key = keyOf(event);
    if (event.key === "Escape") this.stopChanging("");
    else if (!key) return;
    else if (this.keys.some((one) => one.key === key && nameOf(one) !== this.changing)) {
      this.stopChanging(t("{key} counts something else already.", { key: key.toUpperCase() }));
    } else {
      this.chosen = { ...this.chosen, [this.changing]: key };
      localStorage.setItem(KEPT, JSON.stringify(this.chosen));
      this.stopChanging("");
    }
    event.preventDefault();
  }

  stopChanging(/** @type {string} */ note) {
    this.changing = "";
    this.note = note;
    this.requestUpdate();
  }

  toggle(/** @type {Set<string>} */ set, /** @type {string} */ name, /** @type {boolean} */ on) {
    if (on) set.add(name);
    else set.delete(name);
    // A vehicle would count twice under its own class and under all.
    if (set === this.of && on && name === "vehicle") this.only(["person", "bicycle", "vehicle"]);
    else if (set === this.of && on && !["person", "bicycle"].includes(name)) this.of.delete("vehicle");
    if (set === this.lines) this.tellLines();
    this.requestUpdate();
  }

  only(/** @type {string[]} */ names) {
    this.of = new Set([...this.of].filter((of) => names.includes(of)));
  }

  begin(/** @type {Event} */ event) {
    event.preventDefault();
    const { keys, minutes, where } = this;
    const lines = [...new Set(keys.map((key) => key.line))];
    const of = [...new Set(keys.map((key) => key.of))];
    const detail = { keys, body: { lines, of, minutes, where } };
    this.dispatchEvent(new CustomEvent("begin", { detail }));
  }

  render() {
    const { lines } = this.store.session.camera;
    if (!lines.length) return html`<p>${t("This camera has no line yet; draw one first.")}</p>`;
    const { keys } = this;
    return html`
      <h2 tabindex="-1">${t("What will you count?")}</h2>
      <form @submit=${this.begin}>
        <fieldset class="roles"><legend>${t("Lines")}</legend>
          ${lines.map((line) => this.box(this.lines, line.name, line.name))}
        </fieldset>
        <fieldset class="roles"><legend>${t("Road users")}</legend>
          ${this.store.session.camera.groups.map((of) => this.box(this.of, of, classWords(of)))}
        </fieldset>
        <fieldset class="roles"><legend>${t("Where do you look?")}</legend>
          ${this.option("street", t("at the street itself: measures all errors"))}
          ${this.option("picture", t("at the picture here: measures how lines count those who were found"))}
        </fieldset>
        <p><label>${t("Minutes")}
          <input type="number" min="1" max="60" required .value=${String(this.minutes)}
            @input=${(event) => (this.minutes = event.target.valueAsNumber)}></label>
          <span class="quiet">${t("15 are good; fewer than ten crossings say little.")}</span></p>
        <h3>${t("Keys")}</h3>
        ${keys.length ? html`<ul class="keys">${keys.map((key) => this.key(key))}</ul>` : nothing}
        <p role="status" class="quiet">${this.advice(keys)}</p>
        <p>${t("From the moment you begin the machine counts too, and {none}.", { none: html`<b>${t("there is no pause")}</b>` })}
          ${t("Backspace takes the last press back.")}</p>
        <p><button class="main" ?disabled=${!keys.length || keys.length > MOST_KEYS}>${t("Begin")}</button></p>
      </form>
    `;
  }

  box(/** @type {Set<string>} */ set, /** @type {string} */ name, /** @type {string} */ label) {
    return html`<label><input type="checkbox" .checked=${set.has(name)}
      @change=${(event) => this.toggle(set, name, event.target.checked)}> ${label}</label>`;
  }

  option(/** @type {string} */ where, /** @type {string} */ label) {
    return html`<label><input type="radio" name="where" .checked=${this.where === where}
      @change=${() => (this.where = where)}> ${label}</label>`;
  }

  /** @param {Key} key */
  key(key) {
    const line = this.store.session.camera.lines.find((one) => one.name === key.line);
    const what = `${classWords(key.of)} ${directionWords(line, key.direction)}`;
    const changing = this.changing === nameOf(key);
    return html`<li>
      <kbd class="cap">${changing ? "?" : key.key.toUpperCase()}</kbd>
      <span><b>${what}</b><small>${t("line {name}", { name: key.line })}, ${key.direction === "in" ? t("in") : t("out")}</small></span>
      <button type="button" aria-label=${t("Change the key for {what}", { what })} @click=${() => this.ask(nameOf(key))}>
        ${changing ? t("Press it") : t("Change")}</button>
    </li>`;
  }

  ask(/** @type {string} */ name) {
    this.changing = name;
    this.note = "";
    this.requestUpdate();
  }

  advice(/** @type {Key[]} */ keys) {
    if (this.changing) return t("Press the new key; Escape keeps the old one.");
    if (this.note) return this.note;
    if (!keys.length) return t("Choose a line and whom to count there.");
    if (keys.length > MOST_KEYS) return t("{n} keys are more than a hand can play; {most} are the most.", { n: keys.length, most: MOST_KEYS });
    if (keys.length > EASY_KEYS) return t("{n} keys: a hand that has more than {most} is often wrong.", { n: keys.length, most: EASY_KEYS });
    return "";
  }
}

customElements.define("count-choice", CountChoice);
