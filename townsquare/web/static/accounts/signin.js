/** Sign in: the authenticator knows whose passkey it holds, so nothing is typed. */

import { post } from "/static/control/act.js";
import { onSubmit } from "./form.js";
import { sign } from "./passkeys.js";

onSubmit(document.querySelector("form.signin"), async () => {
  const credential = await sign(await post("/session/options", {}));
  return (await post("/session", { credential })).next;
});
