/** What all parts of the page share: they see the store and are drawn anew when it changes. */

import { LitElement } from "lit";

/** In the page's own DOM, so that one stylesheet, print and assistive technology see it all. */
export class Panel extends LitElement {
  static properties = { store: { attribute: false } };

  createRenderRoot() {
    return this;
  }

  connectedCallback() {
    super.connectedCallback();
    this.unlisten = this.store.listen(() => this.requestUpdate());
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    this.unlisten();
  }
}
