/** The keys: a line below the queue, and a sheet over the page where each can be changed. */

import { html, nothing } from "lit";
import { ACTS, alone, asDelivered, choose, keyOf, keysOn, setKeysOn } from "./keyboard.js";
import { Panel } from "./panel.js";

/** @import { Act } from "./keyboard.js" */

const SHORT = ["next", "previous", "acknowledge", "shelve", "reset"];

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
    const few = ACTS.filter(({ name }) => SHORT.includes(name));
    return html`
      <p class="keys">
        <label><input type="checkbox" .checked=${keysOn()} @change=${(e) => setKeysOn(e.target.checked)} /> Keys:</label>
        ${few.map((act) => html`${cap(keyOf(act))} ${act.name} `)}
        <button @click=${() => this.open()}>All keys</button>
      </p>
      <dialog class="sheet" aria-labelledby="keys-title" @close=${() => this.ask(null)}
        @keydown=${(/** @type {KeyboardEvent} */ event) => this.heard(event)}>
        <h2 id="keys-title">Keys of the control room</h2>
        <table>
          <thead><tr><th scope="col">Key</th><th scope="col">What it does</th><th scope="col">Another key</th></tr></thead>
          <tbody>
            ${ACTS.map((act) => this.row(act))}
            <tr><td>${cap("Enter")}</td><th scope="row">open or close the row of alarms</th><td></td></tr>
            <tr><td>${cap("Esc")}</td><th scope="row">close this, or select no alarm</th><td></td></tr>
          </tbody>
        </table>
        <p role="status">${this.said}</p>
        <p class="choices">
          <button @click=${() => this.reset()}>All as delivered</button>
          <button @click=${() => this.dialog.close()}>Close</button>
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
      <td><button aria-label="Change the key for: ${act.words}" @click=${() => this.ask(act)}>
        ${asked ? "press it now" : "Change"}</button></td>
    </tr>`;
  }

  /** @param {Act|null} act */
  ask(act) {
    this.asking = act;
    this.said = act ? `Press the new key to ${act.words}; Escape leaves it as it is.` : "";
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
    this.said = other ? `${key.toUpperCase()} is taken: ${other.words}.` : `${key.toUpperCase()}: ${act.words}.`;
  }

  reset() {
    asDelivered();
    this.said = "All keys are as delivered.";
    this.requestUpdate();
  }
}

function cap(/** @type {string} */ key) {
  return key ? html`<kbd>${key.length === 1 ? key.toUpperCase() : key}</kbd>` : nothing;
}

customElements.define("key-help", KeyHelp);
