// The page to submit a search: a form built from the server's fields, and a preview of the search space.

import { drawDimension } from "../charts/dimension.js";
import { apiError, getJson, post } from "../lib/api.js";
import { announce, byId, copy, el, valueOf } from "../lib/dom.js";
import { duration, plain } from "../lib/format.js";
import { Panel, headRow } from "../lib/panel.js";
import { root } from "../lib/root.js";
import { showSession } from "../lib/shell.js";
import { inFormWords, sectionsOf } from "../lib/submission.js";
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
const commandText = el("pre", { tabindex: "0", id: "command" });
const command = el("div", { hidden: true },
  el("p", { class: "row small" }, "The same on the command line", el("button", { type: "button", class: "tool", onclick: copyCommand, text: "Copy" })), commandText);
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

const defaultSpace = () => known.spaces[0].name;

/** @param {string} name */
const problemId = (name) => `field-${name}-problem`;

/** @param {Field} field */
function field({ name, label, kind, options, help, required }) {
  const value = urlState.get(name, String(known.defaults[name] ?? ""));
  const id = `field-${name}`;
  const common = { id, name, "aria-describedby": `${problemId(name)} ${id}-hint` };
  const input = kind === "choice"
    ? el("select", common, (options ?? []).map((option) => el("option", { selected: String(option) === value, text: option })))
    : el("input", { ...common, type: isNumber(kind) ? "number" : "text", step: kind === "integer" ? "1" : "any", value, placeholder: required ? null : "as it comes", autocomplete: "off" });
  return el("div", { class: "field" }, el("label", { for: id, text: label }), input, el("span", { class: "refusal small", id: problemId(name), role: "alert", hidden: true }), el("span", { class: "hint", id: `${id}-hint`, text: help }));
}

function build() {
  const { "": main = [], ...folded } = Object.fromEntries(sectionsOf(known.fields));
  const isSet = (/** @type {Field} */ { name }) => urlState.get(name) !== null;
  form.append(
    ...main.map(field),
    ...Object.entries(folded).map(([title, fields]) =>
      el("details", { class: "whole", open: fields.some(isSet) }, el("summary", { text: title }), el("div", { class: "fields" }, fields.map(field)))),
    el("div", { class: "whole" }, command),
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
      const checked = await post(`${root}/api/submit/check`, body());
      if (mine === checking) showCheck(null, plan(checked.search), checked.command);
    } catch (error) {
      const failed = apiError(error);
      if (mine === checking) showCheck(failed, "");
    }
  }, CHECK_MS);
}

/** @param {Event} event */
async function copyCommand(event) {
  await copy(commandText.textContent ?? "");
  /** @type {HTMLElement} */ (event.target).textContent = "Copied";
  announce("Copied");
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
 * @param {string} [shell] the command that submits the same
 */
function showCheck(error, planned, shell = "") {
  const message = error ? inFormWords(error.message, known.fields) : "";
  byId("planned").textContent = planned;
  commandText.textContent = shell;
  command.hidden = !shell;
  let placed = false;
  for (const { name } of known.fields) {
    const input = fieldNamed(name);
    const wrong = error?.field === name && input !== null;
    input?.toggleAttribute("aria-invalid", wrong);
    if (wrong) input.setAttribute("aria-invalid", "true");
    const problem = byId(problemId(name));
    problem.textContent = wrong ? message : "";
    problem.hidden = !wrong;
    if (!wrong) continue;
    placed = true;
    const section = input.closest("details");
    if (section) section.open = true;
  }
  // A message that belongs to no field stands at the button.
  refusal.textContent = placed ? "" : message;
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
  const columns = ["metaparameter", "values", ...(nested ? ["used if"] : []), "source"];
  /** @param {Api.Parameter} each */
  const row = (each) => el("tr", {},
    el("th", { scope: "row", text: each.label }), el("td", { class: "wrap" }, inFormWords(each.text, space.parameters), drawDimension(each)),
    nested ? el("td", { class: "wrap small", text: each.when ?? "" }) : null, el("td", { class: "wrap small", text: each.source }));
  /** @param {Api.Parameter[]} rows */
  const table = (rows) => el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Metaparameters" }, el("table", {}, headRow(columns), el("tbody", {}, rows.map(row))));
  const fixed = space.parameters.filter((each) => !each.sampled);
  preview.show().replaceChildren(
    el("p", {}, `${about}: ${sampled} metaparameters are searched. `, el("span", { class: "small muted", text: space.source })),
    table(space.parameters.filter((each) => each.sampled)),
    fixed.length ? el("details", { class: "whole" }, el("summary", { text: `${fixed.length} more are the same in every trial` }), table(fixed)) : "",
  );
  preview.offerData(() => ({
    headings: ["name", "kind", "low", "high", "options", "value", "used if", "source"],
    rows: space.parameters.map((each) => [each.name, each.kind, each.low, each.high, each.options?.join(" | "), each.value, each.when, each.source]),
  }));
}

await panel.fill(async () => {
  known = await getJson(`${root}/api/submit`);
  build();
  performance.mark("interactive");
});
