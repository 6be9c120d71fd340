/** The keys: a line below the queue, and a sheet over the page where each can be changed. */

import { html, nothing } from "lit";
import { t } from "../text.js";
import { ACTS, alone, asDelivered, choose, keyOf, keysOn, setKeysOn } from "./keyboard.js";
import { Panel } from "./panel.js";

/** @import { Act } from "./keyboard.js" */

class KeyHelp extends Panel {
  constructor() {
    super();
    this.asking = /** @type {Act|null} */ (null); // whose new key is waited for
    this.said = "";
  }

  get dialog() {
    return /** @type {HTMLDialogElement} */ (this.querySelector("dialog"));
  }

  open() {
    this.dialog.showModal();
  }

  render() {
    const few = ACTS.filter(({ short }) => short);
    return html`
      <p class="keys">
        <label><input type="checkbox" .checked=${keysOn()} @change=${(e) => setKeysOn(e.target.checked)} /> ${t("Keys:")}</label>
        ${few.map((act) => html`${cap(keyOf(act))} ${act.short} `)}
        <button @click=${() => this.open()}>${t("All keys")}</button>
      </p>
      <dialog class="sheet" aria-labelledby="keys-title" @close=${() => this.ask(null)}
        @keydown=${(/** @type {KeyboardEvent} */ event) => this.heard(event)}>
        <h2 id="keys-title">${t("Keys of the control room")}</h2>
        <table>
          <thead><tr><th scope="col">${t("Key")}</th><th scope="col">${t("What it does")}</th><th scope="col">${t("Another key")}</th></tr></thead>
          <tbody>
            ${ACTS.map((act) => this.row(act))}
            <tr><td>${cap("Enter")}</td><th scope="row">${t("open or close the row of alarms")}</th><td></td></tr>
            <tr><td>${cap("Esc")}</td><th scope="row">${t("close this, or select no alarm")}</th><td></td></tr>
          </tbody>
        </table>
        <p role="status">${this.said}</p>
        <p class="choices">
          <button @click=${() => this.reset()}>${t("All as delivered")}</button>
          <button @click=${() => this.dialog.close()}>${t("Close this")}</button>
        </p>
      </dialog>
    `;
  }

  /** @param {Act} act */
  row(act) {
    const asked = this.asking === act;
    return html`<tr>
      <td>${asked ? "…" : cap(keyOf(act))}</td>
      <th scope="row">${act.words}</th>
      <td><button aria-label=${t("Change the key for: {act}", { act: act.words })} @click=${() => this.ask(act)}>
        ${asked ? t("press it now") : t("Change")}</button></td>
    </tr>`;
  }

  /** @param {Act|null} act */
  ask(act) {
    this.asking = act;
    this.said = act ? t("Press the new key to {act}; Escape leaves it as it is.", { act: act.words }) : "";
    this.requestUpdate();
  }

  /** @param {KeyboardEvent} event */
  heard(event) {
    const act = this.asking;
    if (!act || !alone(event)) return;
    if (event.key === "Escape") {
      event.preventDefault(); // leaves the key, not the sheet
      return this.ask(null);
    }
    if (event.key.length !== 1 || event.key === " ") return; // Tab, Shift, Enter go on as ever
    event.preventDefault();
    const key = event.key.toLowerCase();
    const other = choose(act, key);
    this.ask(null);
    const typed = key.toUpperCase();
    this.said = other ? t("{key} is taken: {act}.", { key: typed, act: other.words }) : `${typed}: ${act.words}.`;
  }

  reset() {
    asDelivered();
    this.said = t("All keys are as delivered.");
    this.requestUpdate();
  }
}

function cap(/** @type {string} */ key) {
  return key ? html`<kbd>${key.length === 1 ? key.toUpperCase() : key}</kbd>` : nothing;
}

customElements.define("key-help", KeyHelp);
