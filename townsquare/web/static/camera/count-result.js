/** What came of a hand count: hand and machine side by side, and the interval in words. */

import { html } from "lit";
import { t } from "../text.js";
import { Panel } from "../control/panel.js";
import { classWords, directionWords, intervalWords } from "./words.js";

/** @type {Record<string, string>} */
const LIGHT = { day: t("day"), dusk: t("dusk"), night: t("night") };

class CountResult extends Panel {
  static properties = { result: { attribute: false } };

  render() {
    const { result } = this;
    const { camera } = this.store.session;
    return html`
      <h2 tabindex="-1">${t("Result")}</h2>
      <p>${t("{n} min, light: {light}.", { n: result.durationMinutes, light: LIGHT[result.light] ?? result.light })}
        ${t("It is kept as the measured error of this camera, as sums; when somebody crossed is not.")}</p>
      <div class="scroll"><table class="plain">
        <caption class="hidden">${t("Counted by hand and by the machine")}</caption>
        <thead><tr><th scope="col">${t("What")}</th><th scope="col" class="number">${t("By hand")}</th>
          <th scope="col" class="number">${t("By machine")}</th><th scope="col" class="number">${t("Missed")}</th>
          <th scope="col" class="number">${t("False")}</th></tr></thead>
        <tbody>${result.results.map((one) => this.row(one, camera))}</tbody>
      </table></div>
      <p class="acts"><button @click=${() => this.dispatchEvent(new CustomEvent("again"))}>${t("Count again")}</button>
        <a href="/cameras/${camera.name}">${t("The camera's public page")}</a></p>
    `;
  }

  row(one, camera) {
    const line = camera.lines.find((known) => known.name === one.line);
    const way = line ? directionWords(line, one.direction) : one.direction;
    const byHand = one.hits + one.missed;
    return html`<tr>
      <th scope="row">${classWords(one.of)} ${way} <small>${t("line {name}", { name: one.line })}: ${intervalWords(one.interval, byHand)}</small></th>
      <td class="number">${byHand}</td><td class="number">${one.hits + one.false}</td>
      <td class="number">${one.missed}</td><td class="number">${one.false}</td>
    </tr>`;
  }
}

customElements.define("count-result", CountResult);
