/** Start the page: the list of incidents, or one of them. */

import "./incident-list.js";
import "./incident-page.js";

const session = JSON.parse(document.getElementById("session").textContent);
const page = document.createElement(session.incident ? "incident-page" : "incident-list");
page.session = session;
document.getElementById("work").replaceChildren(page);
