/** A chain as a picture: its steps along a line, and who is called at each. */

import { html } from "lit";
import { lasting } from "./words.js";

/** @param {any} chain */
export function chainPicture(chain) {
  const end = chain.steps.at(-1).after_s + chain.last_s;
  return html`<ol class="chain">
    ${chain.steps.map((step) => html`<li>
      <b>${step.after_s ? `after ${lasting(step.after_s)}` : "at once"}</b>
      ${step.calls.map((call) => html`<span>${call.person || html`<em>nobody</em>`} <small class="quiet">${place(call.post)}</small></span>`)}</li>`)}
    <li class="end"><b>after ${lasting(end)}</b>
      <span>${chain.loops > 1 ? `again, ${chain.loops} times in all` : "nobody has answered"}</span></li>
  </ol>`;
}

/** @param {string} post such as desk+1 */
function place(post) {
  const [rota, after] = post.split("+");
  return after ? `${rota}, ${after === "1" ? "next" : `${after} places on`}` : rota;
}
