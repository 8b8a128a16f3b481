import assert from "node:assert/strict";
import { test } from "node:test";

import { changedSettings, changedTags, dimensionsOf, durationText, enqueueRequest, filled, localTime, saidOf, settingsOf } from "../../../dashboards/static/lib/changes.js";

const limits = { until: null, timeout: 43200, stop_at: null, patience: 20, max_failures: null };
const settings = settingsOf({ trials: 100, parallel: 4, priority: 0, limits });

test("a search's settings are texts of a form, empty without a rule", () => {
  assert.deepEqual(settings, { trials: "100", parallel: "4", priority: "0", until: "", timeout: "12h", stop_at: "", patience: "20", max_failures: "", notify: "" });
});

test("a duration has the largest unit that keeps it whole", () => {
  assert.deepEqual([90, 120, 5400, 172800, 1.5, null].map(durationText), ["90s", "2m", "90m", "2d", "1.5s", ""]);
});

test("a time survives its way through a form, in any time zone", () => {
  const shown = localTime("2026-12-01T07:00:00Z");
  assert.match(shown, /^\d{4}-\d\d-\d\dT\d\d:\d\d$/);
  assert.deepEqual(changedSettings(settings, { ...settings, until: shown }), { until: "2026-12-01T07:00:00.000Z" });
  assert.equal(localTime(null), "");
});

test("only changed settings are sent, and an emptied rule is removed", () => {
  assert.deepEqual(changedSettings(settings, settings), {});
  assert.deepEqual(changedSettings(settings, { ...settings, trials: "150", timeout: "", stop_at: "0.05" }), { trials: 150, stop_at: 0.05, without: ["timeout"] });
  // A search always has a number of trials, so an emptied one stays.
  assert.deepEqual(changedSettings(settings, { ...settings, trials: "" }), {});
});

test("a webhook stays while its field is empty, and goes by a word", () => {
  assert.deepEqual(changedSettings(settings, { ...settings, notify: "https://example.org/hook" }), { notify: "https://example.org/hook" });
  assert.deepEqual(changedSettings(settings, { ...settings, notify: "none", patience: "" }), { without: ["patience", "notify"] });
});

test("a text that is no number goes to the server as it is", () => {
  assert.deepEqual(changedSettings(settings, { ...settings, trials: "many" }), { trials: "many" });
  assert.deepEqual(filled({ top: "12", seeds: "", share: "a tenth" }), { top: 12, share: "a tenth" });
});

const parameters = [
  { name: "lr", label: "learning rate", sampled: true },
  { name: "fo", label: "first order", sampled: true, options: [false, true] },
  { name: "width", label: "width", sampled: false },
  { name: "a", label: "rate", sampled: true },
  { name: "b", label: "rate", sampled: true },
];

test("only what is searched has a field, and equal labels are told apart by names", () => {
  assert.deepEqual(dimensionsOf(parameters).map(({ field, called }) => [field, called]), [["point-0", "learning rate"], ["point-1", "first order"], ["point-2", "a"], ["point-3", "b"]]);
});

test("a point has what was filled in, a choice's option as its value", () => {
  const empty = { "point-0": "", "point-1": "", "point-2": "", "point-3": "", table: "", from_search: "", top: "", published: "" };
  assert.deepEqual(enqueueRequest(parameters, { ...empty, "point-0": "1e-3", "point-1": "0" }), { points: [{ "learning rate": "1e-3", "first order": false }] });
  assert.deepEqual(enqueueRequest(parameters, { ...empty, from_search: "other", top: "3" }), { from_search: "other", top: 3 });
  assert.deepEqual(enqueueRequest(parameters, { ...empty, table: "lr\n1", published: "yes" }), { table: "lr\n1", published: true });
  assert.deepEqual(enqueueRequest(parameters, empty), {});
});

test("tags are added and removed, and equal ones change nothing", () => {
  assert.deepEqual(changedTags(["old", "kept"], "kept, new  new"), { add: ["new"], remove: ["old"] });
  assert.equal(changedTags(["a", "b"], "b a"), null);
});

test("points that were left out are said", () => {
  assert.equal(saidOf({ message: "done" }), "done");
  assert.equal(saidOf({ message: "1 point", left_out: ["point 2: twice", "point 3: tried"] }), "1 point. Left out: point 2: twice; point 3: tried");
});
