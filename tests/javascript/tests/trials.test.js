import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { Trials, byLoss } from "../../../dashboards/static/lib/trials.js";

const COLUMNS = [
  { name: "tid", label: "trial", kind: "integer", role: "trial" },
  { name: "state", label: "state", kind: "category", role: "trial", options: ["running", "completed", "diverged"] },
  { name: "loss", label: "validation error", kind: "number", role: "score" },
  { name: "fo_relu", label: "FO", kind: "category", role: "metaparameter", options: [false, true] },
];

const METRIC = { name: "validation_error", label: "validation error", direction: "minimize" };
const payload = (rev, values, columns = COLUMNS, metric = METRIC) => ({
  rev, count: values.tid.length, reset: false, columns, summary: { name: "first", metric },
  values: { state: values.tid.map(() => 1), ...values },
});

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

test("a column that comes with a later trial is empty for those before", () => {
  const columns = [...COLUMNS, { name: "rule", label: "rule", kind: "category", role: "metaparameter", options: ["fa"] }];
  trials.update(payload(4, { tid: [3], loss: [0.1], fo_relu: [0], rule: [0] }, columns));
  assert.deepEqual(trials.values.rule, [null, null, null, 0]);
  assert.equal(trials.value("rule", 3), "fa");
});

test("trials that diverged are told from those that have no result yet", () => {
  trials.update(payload(4, { tid: [1, 5], loss: [null, null], fo_relu: [0, 0], state: [2, 0] }));
  assert.deepEqual([...trials.diverged], [1]);
  assert.deepEqual(trials.scored, [0, 2]);
});

test("a metric that is maximized is shown as it is, and the best is the highest", () => {
  const columns = [{ ...COLUMNS[2], role: "trial" }, { name: "accuracy", label: "accuracy", kind: "number", role: "score" }];
  const best = { ...METRIC, name: "accuracy", label: "accuracy", direction: "maximize" };
  const found = new Trials("second");
  found.update(payload(1, { tid: [0, 1], loss: [-0.5, -0.75], fo_relu: [0, 1], accuracy: [0.5, 0.75] }, [COLUMNS[0], COLUMNS[1], COLUMNS[3], ...columns], best));
  assert.equal(found.score.name, "accuracy");
  assert.deepEqual(found.ranked(found.scored), [1, 0]);
  assert.equal(found.metricOf(1), 0.75);
});

test("labels may be what every object has", () => {
  const odd = ["__proto__", "constructor", "toString"];
  const columns = [...COLUMNS, ...odd.map((name) => ({ name, label: name, kind: "number", role: "metaparameter", low: 0, high: 1 }))];
  const found = new Trials("odd");
  const values = JSON.parse('{"tid": [0, 1], "state": [1, 1], "loss": [0.5, 0.4], "fo_relu": [0, 1], "__proto__": [0.25, null], "constructor": [0.5, null], "toString": [0.75, 1]}');
  found.update({ ...payload(1, { tid: [0, 1] }, columns), values });
  found.update({ ...payload(2, { tid: [1] }, columns), values: JSON.parse('{"tid": [1], "state": [1], "loss": [0.4], "fo_relu": [1], "__proto__": [0.125], "constructor": [null], "toString": [1]}') });
  assert.deepEqual(odd.map((name) => [0, 1].map((row) => found.value(name, row))), [[0.25, 0.125], [0.5, null], [0.75, 1]]);
  assert.equal(found.uses(found.metaparameters, 1), false);
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

test("trials that break a constraint come after those that keep it, the nearest first", () => {
  const columns = [...COLUMNS, { name: "step_ms", label: "step ms", kind: "number", role: "metric" }, { name: "violation", label: "violation", kind: "number", role: "violation" }];
  const found = new Trials("several");
  const values = { tid: [0, 1, 2, 3], loss: [0.1, 0.5, 0.2, 0.4], fo_relu: [0, 0, 0, 0], step_ms: [900, 10, 400, 20], violation: [0.8, 0, 0.3, 0] };
  found.update({ ...payload(1, values, columns), front: [1, 3] });
  assert.deepEqual(found.ranked(found.scored), [3, 1, 2, 0]);
  assert.equal(found.rank(0.1, 0.8), 4);
  assert.equal(found.rank(0.4), 1);
  assert.deepEqual(found.metrics.map(({ name }) => name), ["loss", "step_ms"]);
  assert.deepEqual([...found.front], [1, 3]);
});
