/** Single keys for the alarm queue, as its last line lists them. They can be turned off. */

/** @import { Store } from "./store.js" */

const OFF = "keys-off";

export function keysOn() {
  return localStorage.getItem(OFF) === null;
}

/** @param {boolean} on */
export function setKeysOn(on) {
  if (on) localStorage.removeItem(OFF);
  else localStorage.setItem(OFF, "");
}

/** @param {Store} store @param {HTMLElement} room */
export function listenToKeys(store, room) {
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || !keysOn()) return;
    if (event.target.closest("input, select, textarea")) return;
    const queue = room.querySelector("alarm-queue");
    const act = {
      j: () => queue.step(1),
      k: () => queue.step(-1),
      a: () => queue.acknowledgeSelected(),
      s: () => queue.shelveSelected(),
      r: () => queue.resetSelected(),
      escape: () => store.selectAlarm(""),
    }[event.key.toLowerCase()];
    if (act) {
      event.preventDefault();
      act();
    }
  });
}
