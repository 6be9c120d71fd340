/** Start the control room: session from the page, one store, one live connection. */

import { connect } from "./live.js";
import { listenToKeys } from "./keyboard.js";
import { Store } from "./store.js";
import "./control-room.js";

const session = JSON.parse(document.getElementById("session").textContent);
const store = new Store(session);
const room = document.createElement("control-room");
room.store = store;
document.getElementById("room").replaceChildren(room);

connect(store);
listenToKeys(store, room);
setInterval(() => store.tick(), 1000);
