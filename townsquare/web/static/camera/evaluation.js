/** Start the page of a hand count. */

import { Store } from "../control/store.js";
import "./hand-count.js";

const session = JSON.parse(document.getElementById("session").textContent);
const store = new Store(session);
const work = document.createElement("hand-count");
work.store = store;
document.getElementById("work").replaceChildren(work);
setInterval(() => store.tick(), 500);
