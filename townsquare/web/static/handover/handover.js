/** Sign a hand-over, or take one over. What is refused is said in the form. */

import { post } from "/static/control/act.js";

on("form.write", async (form) => {
  const points = form.elements.points.value.split("\n").map((one) => one.trim()).filter(Boolean);
  const wish = { since: form.dataset.since, notes: form.elements.notes.value, openPoints: points };
  const made = await post("/handovers", wish);
  location.assign(`/control/handover/${encodeURIComponent(made.id)}`);
});
on("form.accept", async (form) => {
  await post(form.dataset.path, { remark: form.elements.remark.value });
  location.reload();
});

/** @param {string} which @param {(form: HTMLFormElement) => Promise<void>} act */
function on(which, act) {
  const form = document.querySelector(which);
  form?.addEventListener("submit", async (event) => {
    event.preventDefault();
    const [button, trouble] = [form.querySelector("button"), form.querySelector(".refused")];
    button.disabled = true;
    trouble.hidden = true;
    try {
      await act(form);
    } catch (refused) {
      trouble.textContent = refused.message;
      trouble.hidden = false;
      button.disabled = false;
    }
  });
}
