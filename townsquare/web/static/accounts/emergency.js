/** The first of two says that they are here; the second opens. */

import { post } from "/static/control/act.js";
import { sign } from "./passkeys.js";
import { onSubmit } from "./form.js";

const form = document.querySelector("form.emergency");
const first = document.getElementById("first");

onSubmit(form, async () => {
  const credential = await sign(await post("/emergency/options", {}));
  const answer = await post("/emergency", { credential });
  if (!answer.waiting) return answer.next;
  first.hidden = false;
  form.querySelector("button").disabled = false;
  return "";
});
