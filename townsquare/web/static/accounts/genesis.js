/** The first administrator signs the policy in force: the challenge is its hash. */

import { post } from "/static/control/act.js";
import { onSubmit } from "./form.js";
import { sign } from "./passkeys.js";

onSubmit(document.querySelector("form.genesis"), async () => {
  const credential = await sign(await post("/account/policy/options", {}));
  return (await post("/account/policy", { credential })).next;
});
