/** A chain as a picture: its steps along a line, and who is called at each. */

import { html } from "lit";
import { t, tn } from "../text.js";
import { lasting } from "./words.js";

/** @param {any} chain */
export function chainPicture(chain) {
  const end = chain.steps.at(-1).after_s + chain.last_s;
  return html`<ol class="chain">
    ${chain.steps.map((step) => html`<li>
      <b>${step.after_s ? t("after {time}", { time: lasting(step.after_s) }) : t("at once")}</b>
      ${step.calls.map((call) => html`<span>${call.person || html`<em>${t("nobody")}</em>`} <small class="quiet">${place(call.post)}</small></span>`)}</li>`)}
    <li class="end"><b>${t("after {time}", { time: lasting(end) })}</b>
      <span>${chain.loops > 1 ? tn(chain.loops, "again, {n} time in all", "again, {n} times in all") : t("nobody has answered")}</span></li>
  </ol>`;
}

/** @param {string} post such as desk+1 */
function place(post) {
  const [rota, after] = post.split("+");
  if (!after) return rota;
  return after === "1" ? t("{rota}, next", { rota }) : t("{rota}, {n} places on", { rota, n: after });
}
