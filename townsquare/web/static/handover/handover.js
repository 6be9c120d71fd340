/** Sign a hand-over, or take one over. What is refused is said in the form. */

import { post } from "/static/control/act.js";
import { on } from "./forms.js";

on(document.querySelector("form.write"), async (form) => {
  const points = form.elements.points.value.split("\n").map((one) => one.trim()).filter(Boolean);
  const wish = { since: form.dataset.since, notes: form.elements.notes.value, openPoints: points };
  const made = await post("/handovers", wish);
  location.assign(`/control/handover/${encodeURIComponent(made.id)}`);
});
on(document.querySelector("form.accept"), async (form) => {
  await post(form.dataset.path, { remark: form.elements.remark.value });
  location.reload();
});
on(document.querySelector("form.withdraw"), async (form) => {
  await post(form.dataset.path, { reason: form.elements.reason.value });
  location.reload();
});
