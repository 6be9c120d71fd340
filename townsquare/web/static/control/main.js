/** Start the control room: session from the page, one store, one live connection. */

import { connect } from "./live.js";
import { Store } from "./store.js";

const session = JSON.parse(document.getElementById("session").textContent);
const store = new Store(session);
// First of all: the town's state comes while the page is still being put together.
connect(store);

const [{ listenToKeys }] = await Promise.all([import("./keyboard.js"), import("./control-room.js")]);
const room = document.createElement("control-room");
room.store = store;
document.getElementById("room").replaceChildren(room);
listenToKeys(store, room);
setInterval(() => store.tick(), 1000);
