/** The lines as a list: names, words for both directions, ends, and what they would have counted. */

import { html, nothing } from "lit";
import { t } from "../text.js";
import { Fields } from "./fields.js";
import { classWords } from "./words.js";

class DrawnLines extends Fields {
  static properties = {
    ...Fields.properties,
    tried: { attribute: false },
    most: { attribute: false },
  };

  render() {
    const { lines } = this.board.drawing;
    return html`
      <h2>${t("Lines")}</h2>
      ${lines.length ? nothing : html`<p class="quiet">${t("None yet. Draw one across the way of those who are to be counted.")}</p>`}
      ${lines.map((line, n) => this.line(line, n))}
    `;
  }

  line(line, n) {
    return this.thing("lines", n, t("Line {name}", { name: line.name }), html`
      <div class="fields">
        ${this.text(t("Name"), line.name, (name) => (line.name = name), this.of("lines", n))}
        ${this.text(t("Words for in (with the arrow)"), line.towards, (words) => (line.towards = words))}
        ${this.text(t("Words for out"), line.away, (words) => (line.away = words))}
      </div>
      ${this.points("lines", n, [t("from"), t("to")])}
      ${this.counted(n)}
      <p class="acts"><button @click=${() => this.turn(n)}>${t("Turn round")}</button>${this.removes("lines", n, line.name)}</p>`);
  }

  turn(n) {
    this.board.drawing.turn(n);
    this.board.changed();
  }

  counted(n) {
    const { tried } = this;
    if (!tried || tried.over_s < tried.needs_s || n >= this.most) return nothing;
    const found = tried.counts.filter((one) => one.line === n);
    if (!found.length) return html`<p class="would">${t("Nobody would have been counted.")}</p>`;
    const classes = [...new Set(found.map((one) => one.of))];
    const number = (of, to) => found.find((one) => one.of === of && one.direction === to)?.n ?? 0;
    return html`<table class="plain would">
      <caption class="hidden">${t("What this line would have counted")}</caption>
      <thead><tr><th scope="col">${t("Would have counted")}</th><th scope="col" class="number">${t("in")}</th>
        <th scope="col" class="number">${t("out")}</th></tr></thead>
      <tbody>${classes.map((of) => html`<tr><th scope="row">${classWords(of)}</th>
        <td class="number">${number(of, "in")}</td><td class="number">${number(of, "out")}</td></tr>`)}</tbody>
    </table>`;
  }
}

customElements.define("drawn-lines", DrawnLines);
