// All searches, followed live; sorted and filtered here, for there are few.

import { getJson, searchPage } from "./api.js";
import { byId, el } from "./dom.js";
import { clock, decimals, duration } from "./format.js";
import { follow } from "./live.js";
import { Panel } from "./panel.js";
import { showSession } from "./shell.js";
import { progressBar, stateOf } from "./summary.js";
import * as view from "./view.js";

const panel = new Panel("searches");
const marked = new Set();
const searches = new Map();

const COLUMNS = [
  ["name", "search", (each) => each.name],
  ["status", "state", (each) => each.status],
  ["progress", "finished", (each) => each.finished / each.trials],
  ["best", "best error", (each) => each.best?.loss ?? Infinity],
  ["busy", "slots busy", (each) => each.busy],
  ["left", "time left", (each) => each.seconds_left ?? Infinity],
  ["space", "space", (each) => each.space],
  ["dataset", "data", (each) => each.dataset],
  ["age", "begun", (each) => Date.parse(each.created_at)],
  ["owner", "owner", (each) => each.owner],
];

function shown() {
  const text = view.get("text", "").toLowerCase();
  const status = view.get("state", "");
  const [, , key] = COLUMNS.find(([name]) => name === view.get("sort", "age")) ?? COLUMNS[8];
  const sign = view.get("order", "desc") === "asc" ? 1 : -1;
  return [...searches.values()]
    .filter((each) => (status === "" || each.status === status) && [each.name, each.space, each.dataset, each.owner].some((field) => field.toLowerCase().includes(text)))
    .sort((a, b) => {
      const [left, right] = [key(a), key(b)];
      return sign * (left < right ? -1 : left > right ? 1 : 0) || a.name.localeCompare(b.name);
    });
}

function draw() {
  if (searches.size === 0) {
    panel.empty("No search yet.");
    panel.body.firstElementChild.append(el("a", { class: "button primary", href: "/submit", text: "Submit the first" }));
    return;
  }
  const rows = shown();
  byId("shown").textContent = rows.length === searches.size ? `${rows.length} searches` : `${rows.length} of ${searches.size} searches`;
  const focused = document.activeElement?.dataset?.key;
  panel.show().replaceChildren(
    el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Searches, scrolls sideways" },
      el("table", {}, el("thead", {}, head()), el("tbody", {}, rows.map(row)))),
    rows.length ? "" : el("div", { class: "message", text: "No search matches the filters." }),
  );
  if (focused) panel.body.querySelector(`[data-key="${CSS.escape(focused)}"]`)?.focus();
  byId("compare").disabled = marked.size < 2;
}

function head() {
  const sort = view.get("sort", "age");
  const rising = view.get("order", "desc") === "asc";
  return el("tr", {}, el("th", { scope: "col" }, el("span", { class: "visually-hidden", text: "marked" })), COLUMNS.map(([name, title]) => {
    const sorted = name === sort;
    const again = () => {
      view.set({ sort: name, order: sorted && !rising ? "asc" : sorted ? "desc" : "asc" });
      draw();
    };
    return el("th", { scope: "col", "aria-sort": sorted ? (rising ? "ascending" : "descending") : null },
      el("button", { type: "button", class: "sort", "data-key": `sort-${name}`, onclick: again, text: `${title}${sorted ? (rising ? " ▲" : " ▼") : ""}` }));
  }));
}

function row(each) {
  const mark = (event) => {
    if (event.target.checked) marked.add(each.name);
    else marked.delete(each.name);
    byId("compare").disabled = marked.size < 2;
  };
  return el("tr", { "data-name": each.name },
    el("td", {}, el("input", { type: "checkbox", "aria-label": `Mark ${each.name}`, "data-key": `mark-${each.name}`, checked: marked.has(each.name), onchange: mark })),
    el("td", {}, el("a", { href: searchPage(each.name), "data-key": `name-${each.name}`, text: each.name })),
    el("td", {}, stateOf(each)),
    el("td", {}, progressBar(each.counts, each.trials), `${each.finished}/${each.trials}`),
    el("td", { class: "number", text: each.best ? decimals(each.best.loss) : "" }),
    el("td", { class: "number", text: `${each.busy}/${each.parallel}` }),
    el("td", { class: "number", text: each.steps.length ? duration(each.seconds_left) : "" }),
    el("td", { text: each.space }),
    el("td", { text: each.dataset }),
    el("td", { title: clock(each.created_at), text: `${duration(each.age)} ago` }),
    el("td", { text: each.owner }));
}

function take(payload) {
  for (const each of payload.searches) searches.set(each.name, each);
  draw();
}

async function start() {
  panel.loading();
  await panel.fill(async () => {
    take(await getJson("/api/searches"));
    performance.mark("interactive");
  });
  follow(() => "/api/stream", { searches: take });
}

byId("find").value = view.get("text", "");
byId("status").value = view.get("state", "");
byId("find").addEventListener("input", (event) => {
  view.set({ text: event.target.value });
  draw();
});
byId("status").addEventListener("change", (event) => {
  view.set({ state: event.target.value });
  draw();
});
byId("compare").addEventListener("click", () => {
  const query = new URLSearchParams([...marked].map((name) => ["name", name]));
  location.href = `/compare?${query}`;
});
showSession();
start();
