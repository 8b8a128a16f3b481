import assert from "node:assert/strict";
import { test } from "node:test";

import { fresh, onPage } from "./page.js";

test("a page reads its state from the URL and writes changes to it", async () => {
  const urls = onPage("?sort=loss&sel=3,1&b.beta=0.1..0.5");
  const state = await fresh("lib/urlstate.js");
  assert.equal(state.get("sort"), "loss");
  assert.equal(state.get("page", "1"), "1");
  assert.deepEqual(state.list("sel"), ["3", "1"]);
  assert.deepEqual(state.list("none"), []);
  assert.deepEqual(Object.entries(state.under("b.")), [["beta", "0.1..0.5"]]);
  state.set({ page: 2, sort: null, sel: [] });
  assert.equal(urls.at(-1), "?b.beta=0.1..0.5&page=2");
  state.set({ page: null, "b.beta": "" });
  assert.equal(urls.at(-1), "/searches/first");
});

test("a brush on a dimension of any name is in the URL", async () => {
  onPage("?b.__proto__=0..0.1&b.constructor=1..2");
  const state = await fresh("lib/urlstate.js");
  assert.deepEqual(Object.entries(state.under("b.")), [["__proto__", "0..0.1"], ["constructor", "1..2"]]);
});

test("marked trials are whole numbers, sorted", async () => {
  onPage("?sel=12,3,x,4.5");
  // The selection imports the URL's module itself, so it is the one that read this page's URL.
  const { Selection } = await import("../../../dashboards/static/lib/selection.js");
  const selection = new Selection();
  assert.deepEqual(selection.tids, [3, 12]);
  let changes = 0;
  selection.onChange(() => (changes += 1));
  selection.toggle(7, true);
  selection.toggle(3, false);
  assert.deepEqual(selection.tids, [7, 12]);
  assert.equal(changes, 2);
});

test("the trial that is pointed at is in the URL once the pointer has stayed", async () => {
  const urls = onPage("?at=4&sel=1");
  const { Selection } = await import("../../../dashboards/static/lib/selection.js");
  const selection = new Selection();
  let changes = 0;
  selection.onPoint(() => (changes += 1));
  for (const tid of [5, 5, 6, 7]) selection.point(tid);
  assert.equal(changes, 3);
  assert.equal(urls.length, 0);
  while (urls.length === 0) await new Promise((resolve) => setTimeout(resolve, 20));
  assert.ok(urls.at(-1).includes("at=7"));
});

test("brushes are written to the URL and read from it", async () => {
  const { formatBrush, optionKeys, parseBrush } = await import("../../../dashboards/static/lib/brushes.js");
  const options = [false, true, "relu"];
  assert.equal(formatBrush({}, { low: 0.123456, high: 5 }), "0.1235..5");
  assert.deepEqual(parseBrush({}, "0.1235..5"), { low: 0.1235, high: 5 });
  assert.equal(formatBrush({ options }, new Set([2, 0])), "false|relu");
  assert.deepEqual(parseBrush({ options }, "false|relu|gone"), new Set([0, 2]));
  assert.equal(parseBrush({}, "low..5"), null);
  assert.equal(parseBrush({ options }, "gone"), null);
  const alike = [1, "1", "a|b", true];
  assert.deepEqual(optionKeys(alike), ["#0", "#1", "#2", "true"]);
  const brush = new Set([1, 2]);
  assert.deepEqual(parseBrush({ options: alike }, formatBrush({ options: alike }, brush)), brush);
});

test("a trial passes if it is inside every brush", async () => {
  onPage();
  const { Brushes } = await import("../../../dashboards/static/lib/brushes.js");
  const columns = new Map([["loss", { name: "loss" }], ["fo", { name: "fo", options: [false, true] }]]);
  const trials = { columns, column: (name) => columns.get(name), values: { loss: [0.1, 0.5, null], fo: [1, 1, 0] } };
  const brushes = new Brushes(trials);
  brushes.set("loss", { low: 0, high: 0.2 });
  brushes.set("fo", new Set([1]));
  assert.deepEqual([0, 1, 2].map((row) => brushes.passes(row)), [true, false, false]);
  assert.deepEqual(brushes.conditions(), ["loss:0:0.2", "fo:is:true"]);
  assert.equal(brushes.words("fo"), "True");
  brushes.set("fo", new Set([0, 1]));
  assert.equal(brushes.get("fo"), null);
  brushes.clear();
  assert.equal(brushes.any, false);
});

test("a brush around numbers has all of them inside, as short as the URL keeps it", async () => {
  const { around, formatBrush, parseBrush } = await import("../../../dashboards/static/lib/brushes.js");
  for (const numbers of [[0.123449, 0.987651], [-0.123451, 0], [-1e-9, 3e12 + 7], [99999, 100001], [5, 5], [-7.77777e-300, 1.5e-300]]) {
    const written = formatBrush({}, around(numbers));
    const { low, high } = parseBrush({}, written);
    for (const each of numbers) assert.ok(low <= each && each <= high, `${each} in ${written}`);
    const span = Math.max(...numbers.map(Math.abs));
    assert.ok(numbers[0] - low <= 2e-3 * span && high - numbers[1] <= 2e-3 * span, written);
  }
  assert.equal(around([]), null);
  assert.equal(formatBrush({}, around([0.25, 4])), "0.25..4");
});
