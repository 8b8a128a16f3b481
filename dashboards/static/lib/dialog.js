// A dialog that asks for a few values, sends them, and shows the server's refusal beside them.

import { apiError } from "./api.js";
import { el } from "./dom.js";

/**
 * A field of a dialog. `kind` is an input's type, or "choice" (a select) or "area" (long text). A file of
 * the reader's is no value: it is among the files that `send` gets.
 *
 * @typedef {object} Field
 * @property {string} name
 * @property {string} label
 * @property {"text" | "checkbox" | "datetime-local" | "choice" | "area" | "file"} [kind]
 * @property {string} [value]
 * @property {string} [hint]
 * @property {{value: string, text: string}[]} [options] of a choice
 */

/** @typedef {Record<string, string>} Values a box that isn't checked has the value "" */
/** @typedef {Record<string, File>} Files those that were chosen, by the field's name */

/**
 * A dialog's texts, its fields, and the request that it sends.
 *
 * @template Answer
 * @typedef {object} Question
 * @property {string} title
 * @property {string} [text]
 * @property {string} action label of the button that sends
 * @property {boolean} [danger]
 * @property {Field[]} [fields]
 * @property {(values: Values, files: Files) => Promise<Answer>} send throws an ApiError if the server refuses
 */

/**
 * Ask in a dialog and send what was filled in. The dialog stays open until the server agrees or the
 * reader leaves. Returns the server's response; null if nothing was changed.
 *
 * @template Answer
 * @param {Question<Answer>} question
 * @returns {Promise<Answer | null>}
 */
export function ask({ title, text = "", action, danger = false, fields = [], send }) {
  const refusal = el("p", { class: "refusal", role: "alert" });
  const button = el("button", { class: danger ? "danger" : "primary", text: action });
  const form = el("form", { class: "fields", novalidate: true },
    fields.map(fieldElement),
    el("div", { class: "whole" }, refusal,
      el("div", { class: "row" }, el("button", { type: "button", onclick: () => dialog.close(), text: "Leave it" }), button)));
  const dialog = el("dialog", { "aria-labelledby": "dialog-title" }, el("h2", { id: "dialog-title", text: title }), el("p", { text }), form);
  /** @type {Answer | null} */
  let answer = null;
  let sent = Promise.resolve();

  async function trySend() {
    button.disabled = true;
    refusal.textContent = "";
    for (const input of form.elements) input.removeAttribute("aria-invalid");
    try {
      answer = await send(valuesOf(form), filesOf(form));
      dialog.close();
    } catch (error) {
      const failed = apiError(error);
      refusal.textContent = failed.message;
      const wrong = failed.field === null ? null : form.elements.namedItem(failed.field);
      if (wrong instanceof HTMLElement) wrong.setAttribute("aria-invalid", "true");
    } finally {
      button.disabled = false;
    }
  }

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    sent = trySend();
  });
  document.body.append(dialog);
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", async () => {
      dialog.remove();
      // A reader who leaves while the request is under way still gets its response.
      await sent;
      resolve(answer);
    });
  });
}

/** @param {Field} field */
function fieldElement({ name, label, kind = "text", value = "", hint = "", options = [] }) {
  const id = `ask-${name}`;
  const common = { id, name, "aria-describedby": hint ? `${id}-hint` : null };
  const input = kind === "choice"
    ? el("select", common, options.map((option) => el("option", { value: option.value, selected: option.value === value, text: option.text })))
    : kind === "area"
      ? el("textarea", { ...common, rows: 4, text: value })
      : el("input", { ...common, type: kind, value: kind === "checkbox" ? "yes" : kind === "file" ? null : value, autocomplete: "off" });
  return el("div", { class: kind === "area" ? "field whole" : "field" },
    el("label", { for: id, text: label }),
    input,
    hint ? el("span", { class: "hint", id: `${id}-hint`, text: hint }) : null);
}

/** @param {HTMLFormElement} form */
function filesOf(form) {
  /** @type {Files} */
  const files = {};
  for (const input of form.elements) {
    const [file] = (input instanceof HTMLInputElement && input.files) || [];
    if (file) files[/** @type {HTMLInputElement} */ (input).name] = file;
  }
  return files;
}

/** @param {HTMLFormElement} form */
function valuesOf(form) {
  /** @type {Values} */
  const values = {};
  for (const input of form.elements) {
    if (!(input instanceof HTMLInputElement || input instanceof HTMLSelectElement || input instanceof HTMLTextAreaElement) || !input.name || input.type === "file") continue;
    const isLeft = input instanceof HTMLInputElement && input.type === "checkbox" && !input.checked;
    values[input.name] = isLeft ? "" : input.value.trim();
  }
  return values;
}
