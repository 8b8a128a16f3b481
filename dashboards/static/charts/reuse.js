// A trial to use again: its configuration as Python, as JSON and as commands, and how to load its weights.

import { getJson } from "../lib/api.js";
import { announce, byId, copy, el } from "../lib/dom.js";

/** @typedef {"python" | "json_text" | "command" | "weights"} As */

/** The panel "reuse" of a trial's page. */
export class ReusePanel {
  /**
   * @param {import("../lib/panel.js").Panel} panel
   * @param {string} url
   */
  constructor(panel, url) {
    this.panel = panel;
    this.url = url;
    /** @type {As} */
    this.as = "python";
    /** @type {Api.Reuse | null} */
    this.data = null;
    this.buttons = [...panel.section.querySelectorAll("button[data-as]")];
    for (const button of this.buttons) button.addEventListener("click", () => this.#choose(/** @type {As} */ (/** @type {HTMLElement} */ (button).dataset.as)));
    byId("reuse-copy").addEventListener("click", () => this.#copy());
  }

  /** Read it anew: a trial's weights come and go. */
  async load() {
    const data = await getJson(this.url);
    if (JSON.stringify(data) === JSON.stringify(this.data)) return;
    this.data = data;
    this.#show();
  }

  /** @param {As} as */
  #choose(as) {
    this.as = as;
    for (const button of this.buttons) button.setAttribute("aria-pressed", String(/** @type {HTMLElement} */ (button).dataset.as === as));
    this.#show();
  }

  /** The shown text; null where there is none to copy. */
  get #text() {
    if (this.data === null) return null;
    return this.as === "weights" ? this.data.weights.code : this.data[this.as];
  }

  #show() {
    byId("reuse-copy").textContent = "Copy";
    if (this.data === null) return;
    const { weights } = this.data;
    const text = this.#text;
    byId("reuse-copy").hidden = text === null;
    this.panel.show().replaceChildren(
      this.as === "weights" ? el("p", { class: text === null ? "muted" : "mono", text: weights.text }) : "",
      text === null ? "" : el("pre", { tabindex: "0", text }),
    );
  }

  async #copy() {
    const text = this.#text;
    if (text === null) return;
    await copy(text);
    byId("reuse-copy").textContent = "Copied";
    announce("Copied");
  }
}
