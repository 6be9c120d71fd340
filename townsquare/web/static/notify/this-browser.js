/** Whether this browser is called, in whose place, and how to begin and end that. */

import { LitElement, html, nothing } from "lit";
import { t } from "../text.js";
import { Refused, post } from "/static/control/act.js";

const WORKER = "/static/notify/push-worker.js";

class ThisBrowser extends LitElement {
  static properties = { contacts: { attribute: false }, key: { attribute: false } };

  createRenderRoot() {
    return this;
  }

  connectedCallback() {
    super.connectedCallback();
    this.trouble = "";
    this.subscription = null;
    this.look();
  }

  async look() {
    const known = await navigator.serviceWorker?.getRegistration(WORKER);
    this.subscription = (await known?.pushManager?.getSubscription()) ?? null;
    this.requestUpdate();
  }

  render() {
    if (!("PushManager" in window)) return html`<p class="note">${t("This browser takes no calls.")}</p>`;
    return html`${this.trouble ? html`<p class="refused" role="alert">${this.trouble}</p>` : nothing}
      <form @submit=${(e) => this.begin(e)}>
        <label>${t("In the place of")} <select name="contact">${this.contacts.map((one) => html`<option>${one}</option>`)}</select></label>
        <button>${t("Call this browser")}</button>
        ${this.subscription ? html`<button type="button" @click=${() => this.end()}>${t("Do not call it any more")}</button>` : nothing}
      </form>
      <p class="quiet">${this.subscription ? t("It is called, also while no page is open.") : t("It is not called.")}</p>`;
  }

  /** @param {SubmitEvent} event */
  async begin(event) {
    event.preventDefault();
    const contact = new FormData(/** @type {HTMLFormElement} */ (event.target)).get("contact");
    await this.tried(async () => {
      if ((await Notification.requestPermission()) !== "granted") throw new Error(t("it may not show notifications"));
      await navigator.serviceWorker.register(WORKER);
      const worker = await ready(await navigator.serviceWorker.getRegistration(WORKER));
      const made = await worker.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: this.key });
      const { endpoint, keys } = made.toJSON();
      await post("/notify/browsers", { contact, endpoint, keys });
    });
  }

  async end() {
    await this.tried(async () => {
      const { endpoint } = this.subscription;
      await this.subscription.unsubscribe();
      await post("/notify/browsers/leave", { endpoint });
    });
  }

  /** @param {() => Promise<void>} act */
  async tried(act) {
    this.trouble = "";
    try {
      await act();
    } catch (error) {
      this.trouble = error instanceof Refused ? error.message : t("This browser cannot be called: {why}.", { why: error.message });
    }
    await this.look();
  }
}

/** @param {ServiceWorkerRegistration} worker once it runs */
async function ready(worker) {
  const coming = worker.installing ?? worker.waiting;
  if (coming && !worker.active) {
    await new Promise((done) => coming.addEventListener("statechange", () => coming.state === "activated" && done(null)));
  }
  return worker;
}

customElements.define("this-browser", ThisBrowser);
