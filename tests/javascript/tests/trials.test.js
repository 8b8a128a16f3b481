import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { Trials, byLoss } from "../../../dashboards/static/lib/trials.js";

const COLUMNS = [
  { name: "tid", label: "trial", kind: "integer", role: "trial" },
  { name: "loss", label: "validation error", kind: "number", role: "score" },
  { name: "fo_relu", label: "FO", kind: "category", role: "metaparameter", options: [false, true] },
];

const payload = (rev, values) => ({ rev, count: values.tid.length, reset: false, columns: COLUMNS, values, summary: { name: "first" } });

let trials;
beforeEach(() => {
  trials = new Trials("first");
  trials.update(payload(3, { tid: [0, 1, 2], loss: [0.5, null, 0.3], fo_relu: [1, 0, null] }));
});

test("a change updates its trial, and a new trial gets the next row", () => {
  assert.deepEqual(trials.update(payload(5, { tid: [1, 7], loss: [0.2, null], fo_relu: [0, 1] })), [1, 3]);
  assert.equal(trials.count, 4);
  assert.equal(trials.rev, 5);
  assert.deepEqual(trials.values.loss, [0.5, 0.2, 0.3, null]);
  assert.deepEqual(trials.scored, [0, 2, 1]);
  assert.equal(trials.rows.get(7), 3);
});

test("an older revision does not set the trials back", () => {
  trials.update(payload(2, { tid: [], loss: [], fo_relu: [] }));
  assert.equal(trials.rev, 3);
});

test("a category's value is its option", () => {
  assert.deepEqual([0, 1, 2].map((row) => trials.value("fo_relu", row)), [true, false, null]);
  assert.deepEqual(trials.metaparameters.map(({ name }) => name), ["fo_relu"]);
  assert.throws(() => trials.column("nothing"), /no column nothing/);
});

test("the best trial has the lowest loss, of equals the lowest number", () => {
  const found = [{ loss: 0.2, tid: 4 }, { loss: 0.1, tid: 9 }, { loss: 0.1, tid: 3 }].sort(byLoss);
  assert.deepEqual(found.map(({ tid }) => tid), [3, 9, 4]);
  assert.deepEqual(trials.ranked(trials.scored), [2, 0]);
  assert.equal(trials.rank(0.5), 2);
});

test("outliers do not set the range of losses", () => {
  const tids = Array.from({ length: 100 }, (_, tid) => tid + 10);
  trials.update(payload(9, { tid: tids, loss: tids.map((_, at) => (at < 97 ? 0.1 + at / 1000 : 1e6)), fo_relu: tids.map(() => 0) }));
  const [low, high] = trials.lossRange();
  assert.equal(low, 0.1);
  assert.ok(high < 1);
  assert.deepEqual(new Trials("empty").lossRange(), [0, 1]);
});
