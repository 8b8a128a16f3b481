// The page to submit a search: a form built from the server's fields, and a preview of the search space.

import { apiError, getJson, post } from "../lib/api.js";
import { byId, el, valueOf } from "../lib/dom.js";
import { duration, plain } from "../lib/format.js";
import { Panel, headRow } from "../lib/panel.js";
import { root } from "../lib/root.js";
import { showSession } from "../lib/shell.js";
import * as urlState from "../lib/urlstate.js";

/** @typedef {Api.SubmitField} Field */

// The server checks the form so long after the last key: each check is a request.
const CHECK_MS = 400;
const panel = new Panel("form");
const preview = new Panel("space");
const session = showSession();
const refusal = el("p", { class: "refusal", role: "alert", id: "refusal" });
const button = el("button", { class: "primary", text: "Submit" });
const form = el("form", { class: "fields", novalidate: true });
let known = /** @type {Api.SubmitForm} */ (/** @type {unknown} */ (null));
let checking = 0;

/**
 * A field of the form, by its name.
 *
 * @param {string} name
 */
const fieldNamed = (name) => /** @type {HTMLInputElement | HTMLSelectElement | null} */ (form.elements.namedItem(name));

/** @param {string} kind */
const isNumber = (kind) => kind === "integer" || kind === "number";

const defaultSpace = () => known.spaces[known.spaces.length - 1].name;

/** @param {Field} field */
function field({ name, label, kind, options, help, required }) {
  const value = urlState.get(name, String(known.defaults[name] ?? ""));
  const id = `field-${name}`;
  const common = { id, name, "aria-describedby": `${id}-hint` };
  const input = kind === "choice"
    ? el("select", common, (options ?? []).map((option) => el("option", { selected: String(option) === value, text: option })))
    : el("input", { ...common, type: isNumber(kind) ? "number" : "text", step: kind === "integer" ? "1" : "any", value, placeholder: required ? null : "as it comes", autocomplete: "off" });
  return el("div", { class: "field" }, el("label", { for: id, text: label }), input, el("span", { class: "hint", id: `${id}-hint`, text: help }));
}

function build() {
  form.append(
    ...known.fields.map(field),
    el("div", { class: "whole row" }, button, el("span", { class: "small muted", id: "planned" })),
    el("div", { class: "whole" }, refusal));
  const space = fieldNamed("space");
  if (space) space.value = urlState.get("space", defaultSpace());
  form.addEventListener("input", changed);
  form.addEventListener("submit", submit);
  panel.show().replaceChildren(form);
  showSpace();
  session.then((found) => {
    const may = Boolean(found?.can_steer);
    button.disabled = !may;
    if (!may) refusal.textContent = found?.why ?? "Who you are could not be asked: reload the page.";
    else check();
  });
}

/** The filled fields by name. An empty field is left out: the server knows its default. */
function body() {
  const numbers = new Set(known.fields.filter(({ kind }) => isNumber(kind)).map(({ name }) => name));
  /** @type {Record<string, string | number>} */
  const fields = {};
  for (const [name, value] of new FormData(form)) {
    const text = String(value).trim();
    if (text === "") continue;
    const number = Number(text);
    fields[name] = numbers.has(name) && Number.isFinite(number) ? number : text;
  }
  return fields;
}

/** @param {Event} event */
function changed(event) {
  const { name } = /** @type {HTMLInputElement} */ (event.target);
  const value = valueOf(event);
  const usual = name === "space" ? defaultSpace() : String(known.defaults[name] ?? "");
  urlState.set({ [name]: value === usual ? null : value });
  if (name === "space") showSpace();
  check();
}

/** Have the server check the form as the command line would. Only the latest check is shown. */
function check() {
  const mine = (checking += 1);
  setTimeout(async () => {
    if (mine !== checking || button.disabled) return;
    try {
      const { search } = await post(`${root}/api/submit/check`, body());
      if (mine === checking) showCheck(null, plan(search));
    } catch (error) {
      const failed = apiError(error);
      if (mine === checking) showCheck(failed, "");
    }
  }, CHECK_MS);
}

/** @param {Record<string, any>} search */
function plan({ trials, parallel, recipe }) {
  const training = recipe ? `, ${recipe.epochs} epochs each of ${recipe.model}, width ${recipe.width}, on ${recipe.dataset}` : "";
  return `${trials} trials, ${parallel} at once${training}`;
}

/**
 * Show what the check found: the error and its field, or the planned search.
 *
 * @param {import("../lib/api.js").ApiError | null} error
 * @param {string} planned
 */
function showCheck(error, planned) {
  refusal.textContent = error?.message ?? "";
  byId("planned").textContent = planned;
  for (const input of form.elements) input.removeAttribute("aria-invalid");
  if (error?.field) fieldNamed(error.field)?.setAttribute("aria-invalid", "true");
}

/** @param {Event} event */
async function submit(event) {
  event.preventDefault();
  checking += 1;
  button.disabled = true;
  const begun = Date.now();
  const waiting = setInterval(() => {
    byId("planned").textContent = `submitting, ${duration((Date.now() - begun) / 1000)}`;
  }, 1000);
  try {
    const { href } = await post(`${root}/api/submit`, body());
    location.href = href;
  } catch (error) {
    const failed = apiError(error);
    showCheck(failed, "");
    button.disabled = false;
    if (failed.field) fieldNamed(failed.field)?.focus();
  } finally {
    clearInterval(waiting);
  }
}

/** Show the metaparameters of the chosen search space. */
function showSpace() {
  const space = known.spaces.find(({ name }) => name === fieldNamed("space")?.value);
  if (space === undefined) return;
  const sampled = space.parameters.filter((each) => each.sampled).length;
  const about = [plain(space.title), space.learning_rule.replaceAll("_", " ")].filter(Boolean).join(", ");
  const nested = space.parameters.some(({ when }) => when);
  /** @param {Api.Parameter} each */
  const row = (each) => el("tr", { class: each.sampled ? null : "muted" },
    el("th", { scope: "row", text: each.label }), el("td", { class: "wrap", text: each.text }), el("td", {}, sketch(each)),
    nested ? el("td", { class: "wrap small", text: each.when ?? "" }) : null, el("td", { class: "small", text: each.source }));
  preview.show().replaceChildren(
    el("p", {}, `${about}: ${sampled} metaparameters are searched. `, el("span", { class: "small muted", text: space.source })),
    el("div", { class: "scroll", tabindex: "0" }, el("table", {},
      headRow(["metaparameter", "values", "axis", ...(nested ? ["used if"] : []), "source"]),
      el("tbody", {}, space.parameters.map(row)))));
  preview.offerData(() => ({
    headings: ["name", "kind", "low", "high", "options", "value", "used if", "source"],
    rows: space.parameters.map((each) => [each.name, each.kind, each.low, each.high, each.options?.join(" | "), each.value, each.when, each.source]),
  }));
}

/**
 * A sketch of a range with ticks at its tenths, and whether it is linear or logarithmic.
 *
 * @param {Api.Parameter} parameter
 */
function sketch({ low, log }) {
  if (low === null) return null;
  const axis = log ? "log" : "linear";
  const marks = Array.from({ length: 11 }, (_, at) => el("line", { x1: 2 + at * 9.6, x2: 2 + at * 9.6, y1: 3, y2: 11, stroke: "currentColor" }));
  return [el("svg", { width: 100, height: 14, "aria-hidden": "true" }, el("line", { x1: 2, x2: 98, y1: 7, y2: 7, stroke: "currentColor" }), marks), ` ${axis}`];
}

await panel.fill(async () => {
  known = await getJson(`${root}/api/submit`);
  build();
  performance.mark("interactive");
});
