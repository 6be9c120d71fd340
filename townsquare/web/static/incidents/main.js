/** Start the page: the list of incidents, one of them, or the procedures. */

import "./incident-list.js";
import "./incident-page.js";
import "./procedure-list.js";

const session = JSON.parse(document.getElementById("session").textContent);
const which = session.procedures ? "procedure-list" : session.incident ? "incident-page" : "incident-list";
const page = document.createElement(which);
page.session = session;
document.getElementById("work").replaceChildren(page);
