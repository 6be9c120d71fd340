/** Start the page of the rules. */

import "./rule-list.js";

const list = document.createElement("rule-list");
list.session = JSON.parse(document.getElementById("session").textContent);
document.getElementById("work").replaceChildren(list);
