/** Start the page on which a camera is laid out. */

import { Store } from "../control/store.js";
import "./camera-calibration.js";

const session = JSON.parse(document.getElementById("session").textContent);
const store = new Store(session);
const work = document.createElement("camera-calibration");
work.store = store;
document.getElementById("work").replaceChildren(work);
setInterval(() => store.tick(), 1000);
