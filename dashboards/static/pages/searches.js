// The page of all searches, kept up by the stream. It sorts and filters in the browser: searches are few.

import { Sparklines } from "../charts/sparkline.js";
import { divergedPill, progressBar, statusPill, tagLink } from "../charts/summary.js";
import { ApiError, getJson, getSession, searchPage, upload } from "../lib/api.js";
import { ask } from "../lib/dialog.js";
import { byId, el, focusData, focusedData, follow as open, inputById, isChecked, selectById } from "../lib/dom.js";
import { clipped, clock, decimals, duration } from "../lib/format.js";
import { Panel } from "../lib/panel.js";
import { kindTags } from "../lib/kinds.js";
import { root } from "../lib/root.js";
import { showSession } from "../lib/shell.js";
import { follow } from "../lib/stream.js";
import * as urlState from "../lib/urlstate.js";

/** @typedef {Api.SearchSummary} Search */

const panel = new Panel("searches");
const compare = /** @type {HTMLButtonElement} */ (byId("compare"));
/** @type {Set<string>} */
const marked = new Set();
/** @type {Map<string, Search>} */
const searches = new Map();

const sparklines = new Sparklines();
// Searches with this tag are out of the way until somebody asks for them.
const ARCHIVED = "archived";

/** @type {{name: string, title: string, key: (search: Search) => string | number}[]} */
const COLUMNS = [
  { name: "name", title: "search", key: (each) => each.name },
  { name: "status", title: "state", key: (each) => each.status },
  { name: "progress", title: "finished", key: (each) => each.finished / each.trials },
  { name: "best", title: "best", key: (each) => each.best?.value ?? Infinity },
  { name: "busy", title: "busy", key: (each) => each.busy },
  { name: "left", title: "time left", key: (each) => each.seconds_left ?? Infinity },
  { name: "space", title: "space", key: (each) => each.space },
  { name: "dataset", title: "data", key: (each) => each.dataset ?? "" },
  { name: "age", title: "begun", key: (each) => Date.parse(each.created_at) },
  { name: "owner", title: "owner", key: (each) => each.owner },
];
const BY_AGE = COLUMNS.find(({ name }) => name === "age") ?? COLUMNS[0];
// A longer name would push owner and tags off the page.
const LONGEST_METRIC = 18;

/** Tell whether archived searches are shown: somebody asked for them, or for their tag. */
const withArchived = () => urlState.get("archived") !== null || urlState.get("tag") === ARCHIVED;

/** All searches, without archived ones unless somebody asked for them. */
const present = () => [...searches.values()].filter(({ tags }) => withArchived() || !tags.includes(ARCHIVED));

/** The searches that pass the filters, sorted. */
function shown() {
  const text = urlState.get("text", "").toLowerCase();
  const status = urlState.get("state", "");
  const tag = urlState.get("tag", "");
  const owner = urlState.get("owner", "");
  const { key } = COLUMNS.find(({ name }) => name === urlState.get("sort", "age")) ?? BY_AGE;
  const sign = urlState.get("order", "desc") === "asc" ? 1 : -1;
  return present()
    .filter((each) => owner === "" || each.owner === owner)
    .filter((each) => (status === "" || each.status === status) && (tag === "" || each.tags.includes(tag)) && [each.name, each.space, each.dataset, each.owner, each.metric.label].some((field) => field?.toLowerCase().includes(text)))
    .sort((a, b) => {
      const [left, right] = [key(a), key(b)];
      return sign * (left < right ? -1 : left > right ? 1 : 0) || a.name.localeCompare(b.name);
    });
}

/**
 * Offer the values that searches have in a select. A chosen one stays, also while no search has it.
 *
 * @param {HTMLSelectElement} select
 * @param {string} key of the URL
 * @param {string[]} found
 */
function offer(select, key, found) {
  const chosen = urlState.get(key, "");
  const all = new Set(chosen ? [...found, chosen] : found);
  const offered = ["", ...[...all].sort()];
  if (offered.join() === [...select.options].map(({ value }) => value).join() && select.value === chosen) return;
  select.replaceChildren(...offered.map((value) => el("option", { value, selected: value === chosen, text: value || "any" })));
}

/** Offer the tags and the owners that searches have. */
function offerFilters() {
  const all = [...searches.values()];
  offer(tags, "tag", all.flatMap((each) => each.tags));
  offer(owners, "owner", all.map((each) => each.owner));
  const put = all.filter((each) => each.tags.includes(ARCHIVED)).length;
  byId("archived-count").textContent = `archived (${put})`;
  const label = archived.closest("label");
  if (label) label.hidden = put === 0;
}

function draw() {
  if (searches.size === 0) {
    panel.empty("No search yet.", el("a", { class: "button primary", href: `${root}/submit`, text: "Submit the first" }));
    return;
  }
  const rows = shown();
  const all = present().length;
  byId("shown").textContent = rows.length === all ? `${rows.length} searches` : `${rows.length} of ${all} searches`;
  const focused = focusedData(panel.body, "key");
  panel.show().replaceChildren(
    el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Searches, scrolls sideways" },
      el("table", {}, el("thead", {}, head()), el("tbody", {}, rows.map(row)))),
    rows.length ? "" : el("div", { class: "message", text: "No search matches the filters." }),
  );
  focusData(panel.body, "key", focused);
  compare.disabled = marked.size < 2;
}

function head() {
  const sort = urlState.get("sort", "age");
  const rising = urlState.get("order", "desc") === "asc";
  return el("tr", {}, el("th", { scope: "col" }, el("span", { class: "visually-hidden", text: "marked" })), COLUMNS.map(({ name, title }) => {
    const sorted = name === sort;
    const again = () => {
      urlState.set({ sort: name, order: sorted && !rising ? "asc" : sorted ? "desc" : "asc" });
      draw();
    };
    return el("th", { scope: "col", "aria-sort": sorted ? (rising ? "ascending" : "descending") : null },
      el("button", { type: "button", class: "sort", "data-key": `sort-${name}`, onclick: again, text: `${title}${sorted ? (rising ? " ▲" : " ▼") : ""}` }));
  }));
}

/** @param {Search} search */
function row(search) {
  /** @param {Event} event */
  const mark = (event) => {
    if (isChecked(event)) marked.add(search.name);
    else marked.delete(search.name);
    compare.disabled = marked.size < 2;
  };
  const href = searchPage(search.name);
  return el("tr", { "data-name": search.name, class: "linked", onclick: (/** @type {MouseEvent} */ event) => open(event, href) },
    el("td", {}, el("input", { type: "checkbox", "aria-label": `Mark ${search.name}`, "data-key": `mark-${search.name}`, checked: marked.has(search.name), onchange: mark })),
    el("td", {}, el("a", { href, "data-key": `name-${search.name}`, text: search.name }), kindTags(search),
      search.tags.length ? el("div", { class: "chips" }, search.tags.map(tagLink)) : ""),
    el("td", {}, statusPill(search)),
    el("td", {}, progressBar(search), `${search.finished}/${search.trials} `, divergedPill(search)),
    el("td", { title: search.metric.label }, sparklines.of(search), el("span", { class: "best-value", text: decimals(search.best?.value) }), " ", el("span", { class: "muted", text: clipped(search.metric.label, LONGEST_METRIC) })),
    el("td", { class: "number", text: `${search.busy}/${search.parallel}` }),
    el("td", { class: "number", text: search.steps.length ? duration(search.seconds_left) : "" }),
    el("td", { text: search.space }),
    el("td", { text: search.dataset ?? "" }),
    el("td", { title: clock(search.created_at), text: `${duration(search.age)} ago` }),
    el("td", { text: search.owner }));
}

/** @param {Api.Searches} payload */
function update(payload) {
  for (const each of payload.searches) searches.set(each.name, each);
  offerFilters();
  draw();
}

/**
 * Drop the searches that were deleted or renamed, here or elsewhere.
 *
 * @param {{names: string[]}} payload the names of all searches that there are
 */
function drop({ names }) {
  const known = new Set(names);
  for (const name of [...searches.keys(), ...marked]) {
    if (known.has(name)) continue;
    searches.delete(name);
    marked.delete(name);
  }
  offerFilters();
  draw();
}

async function start() {
  panel.loading();
  await panel.fill(async () => {
    update(await getJson(`${root}/api/searches`));
    performance.mark("interactive");
  });
  follow(() => `${root}/api/stream`, { searches: update, listed: drop });
}

/** Ask for a file of `alignsearch dump`, load it, and open the search's page. */
async function load() {
  /** @type {Api.Submitted | null} */
  const loaded = await ask({
    title: "Load a search",
    text: "From a file of `alignsearch dump`: its trials, epochs, events and logs. A search that isn't over goes on where a driver runs.",
    action: "Load",
    fields: [
      { name: "file", label: "file", kind: "file" },
      { name: "name", label: "name", hint: "of the search here; the one it had if empty" },
    ],
    send: ({ name }, { file }) => {
      if (!file) throw new ApiError(0, { code: "invalid", message: "Choose a file.", field: "file" });
      return upload(`${root}/api/load`, file, { name });
    },
  });
  if (loaded) location.href = loaded.href;
}

/** Offer to load a search, if the session may change something. */
async function offerLoad() {
  const { can_steer } = await getSession();
  byId("load").hidden = !can_steer;
}

const find = inputById("find");
const status = selectById("status");
const tags = selectById("tag");
const owners = selectById("owner");
const archived = inputById("archived");
archived.checked = urlState.get("archived") !== null;
find.value = urlState.get("text", "");
status.value = urlState.get("state", "");
find.addEventListener("input", () => {
  urlState.set({ text: find.value });
  draw();
});
status.addEventListener("change", () => {
  urlState.set({ state: status.value });
  draw();
});
tags.addEventListener("change", () => {
  urlState.set({ tag: tags.value });
  draw();
});
owners.addEventListener("change", () => {
  urlState.set({ owner: owners.value });
  draw();
});
archived.addEventListener("change", () => {
  urlState.set({ archived: archived.checked ? "1" : null });
  draw();
});
compare.addEventListener("click", () => {
  location.href = `${root}/compare?${new URLSearchParams([...marked].map((name) => ["name", name]))}`;
});
byId("load").addEventListener("click", load);
showSession();
offerLoad();
start();
