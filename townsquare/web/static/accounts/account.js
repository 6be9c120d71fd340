/** One more passkey for somebody who is signed in. */

import { post } from "/static/control/act.js";
import { onSubmit } from "./form.js";
import { make } from "./passkeys.js";

onSubmit(document.querySelector("form.add"), async () => {
  const credential = await make(await post("/account/options", {}));
  return (await post("/account/passkeys", { credential })).next;
});
