/**
 * Keeps the list of checks as it is now: the page is fetched every two seconds while it is seen, and
 * its list put in place of the old one. Where that fails, the page says so and turns grey.
 */

import { LOCALE, t } from "../text.js";

const EVERY_MS = 2000;
const lost = /** @type {HTMLElement} */ (document.getElementById("lost"));
let seen = new Date();

async function renewed() {
  const answer = await fetch(location.href, { cache: "no-store", signal: AbortSignal.timeout(10_000) });
  if (answer.redirected) location.reload(); // the session ended
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const fresh = page.getElementById("checks");
  if (!answer.ok || !fresh) throw new Error(String(answer.status));
  const shown = /** @type {HTMLElement} */ (document.getElementById("checks"));
  const [old, now] = [shown.querySelector("[role=status]"), fresh.querySelector("[role=status]")];
  // A status that says the same again is not read out again.
  if (old && now && old.textContent === now.textContent) now.replaceWith(old);
  shown.replaceChildren(...fresh.childNodes);
  seen = new Date();
}

async function round() {
  try {
    if (!document.hidden) await renewed();
    lost.hidden = true;
  } catch {
    const time = seen.toLocaleTimeString(LOCALE);
    if (lost.hidden) lost.textContent = t("STALE: the server has not answered since {time}.", { time });
    lost.hidden = false;
  }
  document.getElementById("checks")?.classList.toggle("stale", !lost.hidden);
  setTimeout(round, EVERY_MS);
}

document.addEventListener("visibilitychange", () => document.hidden || renewed().catch(() => {}));
setTimeout(round, EVERY_MS);
