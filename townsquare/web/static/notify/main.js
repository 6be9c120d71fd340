/** Start the page. */

import "./notify-page.js";

const page = document.createElement("notify-page");
page.session = JSON.parse(document.getElementById("session").textContent);
document.getElementById("work").replaceChildren(page);
