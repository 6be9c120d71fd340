/**
 * One warning: the form of a draft, and what is done with it. The server checks all of it.
 *
 * Always holds: whoever asks for approval asks for what stands in the form, since it is saved first.
 */

import { asked, post } from "/static/control/act.js";
import { t } from "../text.js";
import { on } from "/static/handover/forms.js";
import { townClock, townMoment } from "../town-time.js";
import "./area-map.js";

const EACH_MS = 3000;
const ONCE = ["status", "category", "urgency", "severity", "certainty", "response", "note"];
const root = document.getElementById("warning");
const path = root.dataset.path;
const { town, polygons, circles } = JSON.parse(document.getElementById("map").textContent);
const moment = (/** @type {string} */ clock) => townMoment(clock, town.timezone);
const draft = root.querySelector("form.edit");

on(draft, async (form, button) => {
  if (button === "give-up") {
    await post(`${path}/give-up`, {});
    location.reload();
    return;
  }
  root.querySelector(".saved").textContent = "";
  await save(form);
  root.querySelector(".saved").textContent = t("Saved at {time}.", { time: townClock(new Date().toISOString(), town.timezone).slice(11) });
  if (button !== "ask") return;
  await post(`${path}/ask`, {});
  root.querySelector(".waits").hidden = false;
  follow();
});
// Before this script hears them, the browser would send the form as it is, and the edits would be lost.
for (const button of draft?.querySelectorAll("button:disabled") ?? []) button.disabled = false;
for (const form of root.querySelectorAll("form.follow")) {
  on(form, async () => {
    const made = await post(`${path}/${form.dataset.act}`, {});
    location.assign(`/control/warnings/${encodeURIComponent(made.id)}`);
  });
}
for (const button of root.querySelectorAll(".more")) {
  button.addEventListener("click", () => {
    const made = document.getElementById(button.dataset.of).content.cloneNode(true);
    root.querySelector(`.${button.dataset.of}s`).append(made);
  });
}
draft?.addEventListener("click", (event) => {
  if (event.target.matches(".drop")) event.target.closest("fieldset").remove();
});
for (const place of root.querySelectorAll(".map")) {
  const map = /** @type {any} */ (document.createElement("area-map"));
  place.append(Object.assign(map, { town, form: draft, shapes: { polygons, circles } }));
}

/** @param {HTMLFormElement} form */
async function save(form) {
  const headers = { "content-type": "application/json", accept: "application/json" };
  const body = JSON.stringify({ message: message(form), version: Number(root.dataset.version) });
  const one = await (await asked(path, { method: "PUT", headers, body })).json();
  root.dataset.version = one.version;
}

/** @param {HTMLFormElement} form */
function message(form) {
  const given = form.elements;
  const once = Object.fromEntries(ONCE.map((name) => [name, given[name].value]));
  const texts = [...form.querySelectorAll(".text")].map(text);
  const areas = [...form.querySelectorAll(".area")].map(area);
  const onset = given.onset.value ? moment(given.onset.value) : null;
  return { ...once, onset, expires: moment(given.expires.value), texts, areas };
}

/** @param {Element} fields */
function text(fields) {
  const names = ["language", "event", "headline", "description", "instruction"];
  return Object.fromEntries(names.map((name) => [name, fields.querySelector(`[name=${name}]`).value]));
}

/** @param {Element} fields */
function area(fields) {
  const lines = (name) => fields.querySelector(`[name=${name}]`).value.split("\n").map((one) => one.trim()).filter(Boolean);
  const description = fields.querySelector("[name=area]").value;
  return { description, circles: lines("circles"), polygons: lines("polygons") };
}

/** Until it is published. */
function follow() {
  const timer = setInterval(async () => {
    const one = await (await asked(path, { headers: { accept: "application/json" } })).json();
    if (one.state === root.dataset.state) return;
    clearInterval(timer);
    location.reload();
  }, EACH_MS);
}
