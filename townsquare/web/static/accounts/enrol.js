/** From a one-time link to a passkey. What stands behind the # is never sent with the address. */

import { post } from "/static/control/act.js";
import { onSubmit } from "./form.js";
import { make } from "./passkeys.js";

const form = document.querySelector("form.enrol");
const refused = document.getElementById("no-link");
const link = location.hash.slice(1);
// Neither the history nor a screenshot of the address bar keeps a link that still works.
history.replaceState(null, "", location.pathname);

try {
  const invitation = await post("/enrol/invitation", { link });
  form.elements.name.value = invitation.name;
  document.getElementById("organisation").textContent = invitation.organisation;
  document.getElementById("roles").textContent = invitation.roles.join(", ");
  form.hidden = false;
} catch (error) {
  refused.textContent = error.message;
  refused.hidden = false;
}

onSubmit(form, async () => {
  const name = form.elements.name.value;
  const credential = await make(await post("/enrol/options", { link, name }));
  return (await post("/enrol", { link, name, credential })).next;
});
