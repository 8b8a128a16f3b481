// A form made from what the server says can be asked for, with a preview of the space.

import { getJson, post } from "./api.js";
import { byId, el } from "./dom.js";
import { duration, plain } from "./format.js";
import { Panel } from "./panel.js";
import { showSession } from "./shell.js";
import * as view from "./view.js";

const CHECK_MS = 400;
const panel = new Panel("form");
const preview = new Panel("space");
const session = showSession();
let known = null;
let form = null;
let refusal = null;
let button = null;
let checking = 0;

function field({ name, label, kind, options, help, required }) {
  const value = view.get(name, known.defaults[name] ?? "");
  const id = `field-${name}`;
  const common = { id, name, "aria-describedby": `${id}-hint` };
  const input = kind === "choice"
    ? el("select", common, options.map((option) => el("option", { selected: String(option) === String(value), text: option })))
    : el("input", { ...common, type: ["integer", "number"].includes(kind) ? "number" : "text", step: kind === "integer" ? "1" : "any", value, placeholder: required ? null : "as it comes", autocomplete: "off" });
  return el("div", { class: "field" }, el("label", { for: id, text: label }), input, el("span", { class: "hint", id: `${id}-hint`, text: help }));
}

function build() {
  refusal = el("p", { class: "refusal", role: "alert", id: "refusal" });
  button = el("button", { class: "primary", text: "Submit" });
  const space = view.get("space", known.spaces.at(-1).name);
  form = el("form", { class: "fields", novalidate: true },
    known.fields.map(field),
    el("div", { class: "whole row" }, button, el("span", { class: "small muted", id: "planned" })),
    el("div", { class: "whole" }, refusal));
  form.elements.space.value = space;
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

/** What was filled in; an empty field is left to the server. */
function body() {
  const numbers = new Set(known.fields.filter(({ kind }) => ["integer", "number"].includes(kind)).map(({ name }) => name));
  const asked = {};
  for (const [name, text] of new FormData(form)) {
    if (text.trim() === "") continue;
    const number = Number(text);
    asked[name] = numbers.has(name) && Number.isFinite(number) ? number : text.trim();
  }
  return asked;
}

function changed(event) {
  const { name, value } = event.target;
  const usual = name === "space" ? known.spaces.at(-1).name : String(known.defaults[name] ?? "");
  view.set({ [name]: value === usual ? null : value });
  if (name === "space") showSpace();
  check();
}

/** Ask the server, in the words of the command line, whether this would do. */
function check() {
  const mine = (checking += 1);
  setTimeout(async () => {
    if (mine !== checking || button.disabled) return;
    try {
      const { search } = await post("/api/submit/check", body());
      if (mine === checking) refuse(null, plan(search));
    } catch (error) {
      if (!error.code) throw error;
      if (mine === checking) refuse(error, "");
    }
  }, CHECK_MS);
}

function plan(search) {
  const { trials, parallel, recipe } = search;
  return `${trials} trials, ${parallel} at once, ${recipe.epochs} epochs each of ${recipe.model}, width ${recipe.width}, on ${recipe.dataset}`;
}

function refuse(error, planned) {
  refusal.textContent = error?.message ?? "";
  byId("planned").textContent = planned;
  for (const input of form.elements) input.removeAttribute?.("aria-invalid");
  if (error?.field) form.elements[error.field]?.setAttribute("aria-invalid", "true");
}

async function submit(event) {
  event.preventDefault();
  checking += 1;
  button.disabled = true;
  const begun = Date.now();
  const waiting = setInterval(() => {
    byId("planned").textContent = `submitting, ${duration((Date.now() - begun) / 1000)}`;
  }, 1000);
  try {
    const { href } = await post("/api/submit", body());
    location.href = href;
  } catch (error) {
    if (!error.code) throw error;
    refuse(error, "");
    button.disabled = false;
    if (error.field) form.elements[error.field]?.focus();
  } finally {
    clearInterval(waiting);
  }
}

/** The ranges of the chosen space, each with a sketch of where its values lie. */
function showSpace() {
  const space = known.spaces.find(({ name }) => name === form.elements.space.value);
  const sampled = space.parameters.filter(({ kind }) => !["fixed", "derived"].includes(kind));
  preview.show().replaceChildren(
    el("p", {}, `${plain(space.title)}, ${space.learning_rule.replaceAll("_", " ")}: ${sampled.length} metaparameters are searched. `, el("span", { class: "small muted", text: space.source })),
    el("div", { class: "scroll", tabindex: "0" }, el("table", {},
      el("thead", {}, el("tr", {}, ["metaparameter", "values", "axis", "source"].map((text) => el("th", { scope: "col", text })))),
      el("tbody", {}, space.parameters.map((each) =>
        el("tr", { class: sampled.includes(each) ? null : "muted" }, el("th", { scope: "row", text: plain(each.label) }), el("td", { text: each.text }), el("td", {}, sketch(each)), el("td", { class: "small", text: each.source })))))));
  preview.offerData(() => ({
    headings: ["name", "kind", "low", "high", "options", "value", "source"],
    rows: space.parameters.map((each) => [each.name, each.kind, each.low, each.high, each.options?.join(" | "), each.value, each.source]),
  }));
}

/** The tenths of a range: even on the axis that says whether it is logarithmic. */
function sketch({ kind, low }) {
  if (low === null) return null;
  const axis = kind === "loguniform" ? "log" : "linear";
  const marks = Array.from({ length: 11 }, (_, at) => el("line", { x1: 2 + at * 9.6, x2: 2 + at * 9.6, y1: 3, y2: 11, stroke: "currentColor" }));
  return [el("svg", { width: 100, height: 14, "aria-hidden": "true" }, el("line", { x1: 2, x2: 98, y1: 7, y2: 7, stroke: "currentColor" }), marks), ` ${axis}`];
}

await panel.fill(async () => {
  known = await getJson("/api/submit");
  build();
  performance.mark("interactive");
});
