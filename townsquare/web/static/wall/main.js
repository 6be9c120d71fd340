/** Start the wall: the control room's store and live connection, and no keys. */

import { connect } from "../control/live.js";
import { Store } from "../control/store.js";
import "./video-wall.js";

const store = new Store(JSON.parse(document.getElementById("session").textContent));
connect(store);
const wall = document.createElement("video-wall");
wall.store = store;
document.getElementById("wall").replaceChildren(wall);
setInterval(() => store.tick(), 1000);
