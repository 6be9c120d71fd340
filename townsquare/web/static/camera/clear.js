/** Start the page on which a camera is seen as it is. */

import { Store } from "../control/store.js";
import "./clear-view.js";

const session = JSON.parse(document.getElementById("session").textContent);
const store = new Store(session);
const work = document.createElement("clear-view");
work.store = store;
document.getElementById("work").replaceChildren(work);
setInterval(() => store.tick(), 1000);
