/** Answers to requests: a passkey signs the digest of one, or a reason says why not. */

import { post } from "/static/control/act.js";
import { sign } from "/static/accounts/passkeys.js";

for (const card of document.querySelectorAll(".approval")) {
  const path = `/approvals/${encodeURIComponent(card.dataset.id)}`;
  on(card, "form.approve", async () => {
    const credential = await sign(await post(`${path}/options`, {}));
    await post(`${path}/approve`, { credential });
  });
  on(card, "form.refuse", async (form) => {
    await post(`${path}/refuse`, { reason: form.elements.reason.value });
  });
}

/**
 * @param {Element} card
 * @param {string} which
 * @param {(form: HTMLFormElement) => Promise<void>} act
 */
function on(card, which, act) {
  const form = card.querySelector(which);
  form?.addEventListener("submit", async (event) => {
    event.preventDefault();
    const trouble = card.querySelector(".refused");
    const buttons = card.querySelectorAll("button");
    for (const button of buttons) button.disabled = true;
    trouble.hidden = true;
    try {
      await act(form);
      location.reload();
    } catch (error) {
      trouble.textContent = error.message;
      trouble.hidden = false;
      for (const button of buttons) button.disabled = false;
    }
  });
}
