/**
 * Tells the server which alarms are selected in this browser, again and again while one is: so the
 * others see who else looks at it, and nobody whose line is cut.
 */

const AGAIN_MS = 10_000;

export class Looking {
  constructor() {
    this.seat = ""; // by which the server knows this browser's live connection
    this.tabs = /** @type {Map<unknown, string>} */ (new Map()); // tab → the alarm selected in it
    this.again = 0;
  }

  /** A new live connection knows nothing yet. @param {string} seat */
  sit(seat) {
    this.seat = seat;
    if (this.tabs.size) this.say();
  }

  /** @param {unknown} tab @param {string} alarm id, "" for none */
  look(tab, alarm) {
    if (alarm === (this.tabs.get(tab) ?? "")) return;
    if (alarm) this.tabs.set(tab, alarm);
    else this.tabs.delete(tab);
    this.say();
  }

  say() {
    clearTimeout(this.again);
    if (!this.seat) return;
    if (this.tabs.size) this.again = setTimeout(() => this.say(), AGAIN_MS);
    const body = JSON.stringify({ seat: this.seat, alarms: [...new Set(this.tabs.values())] });
    // A lost answer is made good by the next one.
    fetch("/control/looking", { method: "POST", headers: { "content-type": "application/json" }, body }).catch(() => {});
  }
}
