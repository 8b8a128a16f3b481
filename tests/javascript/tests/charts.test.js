import assert from "node:assert/strict";
import { before, test } from "node:test";

import { onPage } from "./page.js";

let axis;
let points;
let field;
let rows;
let sparkline;
let epochs;
let scales;
let links;
let marks;
let runs;
let dimension;
let submission;
let distribution;
let ruleErrors;
before(async () => {
  onPage();
  // The theme looks at the page.
  globalThis.matchMedia = () => ({ matches: false });
  globalThis.localStorage = { getItem: () => null };
  globalThis.document = { createElement: () => ({ append() {}, setAttribute() {} }) };
  const charts = "../../../dashboards/static/charts";
  axis = await import(`${charts}/parcoords_axis.js`);
  points = await import(`${charts}/points.js`);
  field = await import(`${charts}/field.js`);
  rows = await import(`${charts}/rows.js`);
  sparkline = await import(`${charts}/sparkline.js`);
  epochs = await import(`${charts}/epochs.js`);
  links = await import(`${charts}/links.js`);
  dimension = await import(`${charts}/dimension.js`);
  distribution = await import(`${charts}/distribution.js`);
  ruleErrors = await import(`${charts}/rule_errors.js`);
  submission = await import("../../../dashboards/static/lib/submission.js");
  runs = await import(`${charts}/runs.js`);
  marks = await import(`${charts}/parcoords_marks.js`);
  scales = await import("../../../dashboards/static/lib/scales.js");
});

const numbers = () => ({ column: {}, scale: scales.numberScale(0, 10), x: 0, index: 0 });
const choices = () => ({ column: { options: ["a", "b", "c"] }, scale: null, x: 0, index: 0 });

test("a drag brushes a range of numbers, and the options whose middle it covers", () => {
  assert.deepEqual(axis.brushBetween(numbers(), 0.2, 0.5), { low: 2, high: 5 });
  assert.deepEqual(axis.brushBetween(choices(), 0.4, 0.9), new Set([1, 2]));
  assert.equal(axis.brushBetween(choices(), 0.3, 0.4), undefined);
});

test("a click removes a range, and adds or removes an option", () => {
  assert.equal(axis.brushAfterClick(numbers(), { low: 1, high: 2 }, 0.5), null);
  assert.deepEqual(axis.brushAfterClick(choices(), new Set([0]), 0.99), new Set([0, 2]));
  assert.deepEqual(axis.brushAfterClick(choices(), new Set([0, 2]), 0.1), new Set([2]));
});

test("arrow keys begin and move a brush inside the axis", () => {
  const key = (name, shiftKey = false) => ({ key: name, shiftKey });
  const begun = axis.brushAfterKey(numbers(), null, key("ArrowUp"));
  assert.deepEqual(begun, { low: 0, high: 2.5 });
  assert.deepEqual(axis.brushAfterKey(numbers(), begun, key("ArrowUp")), { low: 0.5, high: 3 });
  assert.deepEqual(axis.brushAfterKey(numbers(), begun, key("ArrowUp", true)), { low: 0, high: 3 });
  assert.deepEqual(axis.brushAfterKey(choices(), null, key("ArrowDown")), new Set([2]));
  assert.equal(axis.brushAfterKey(numbers(), begun, key("Delete")), null);
  assert.equal(axis.brushAfterKey(numbers(), begun, key("x")), undefined);
});

test("points of an option are spread, the same way each time, inside its part", () => {
  const trials = { values: { fo: [1, 1, 1], beta: [0.5] } };
  const places = [0, 1, 2].map((row) => points.spread(trials, { name: "fo", options: [false, true] }, row));
  assert.equal(new Set(places).size, 3);
  assert.ok(places.every((place) => place >= 0.75 && place <= 1.25));
  assert.equal(points.spread(trials, { name: "beta" }, 0), 0.5);
});

test("a trial's line is broken where it has no value, and a value between two gaps has a mark", () => {
  const axes = [0, 1, 2, 3, 4, 5].map((index) => ({ x: 100 * index, index }));
  const heights = [10, 20, NaN, 40, NaN, NaN];
  const places = heights.map((height) => [height]);
  const drawn = [];
  const pen = { moveTo: (x, y) => drawn.push(["move", x, y]), lineTo: (x, y) => drawn.push(["line", x, y]) };
  axis.trace(pen, axes, places, 0);
  assert.deepEqual(drawn.slice(0, 2), [["move", 0, 10], ["line", 100, 20]]);
  const [from, to] = drawn.slice(2);
  assert.deepEqual([from[0], to[0], from[2], to[2]], ["move", "line", 40, 40]);
  assert.ok(from[1] < 300 && to[1] > 300);
  assert.equal(drawn.length, 4);
});

test("a line over axes that are scrolled away goes on at the next one", () => {
  const drawn = [];
  const pen = { moveTo: (x, y) => drawn.push([x, y]), lineTo: (x, y) => drawn.push([x, y]) };
  axis.trace(pen, [{ x: 0, index: 0 }, { x: 90, index: 2 }], [[1], [2], [3]], 0);
  assert.deepEqual(drawn, [[0, 1], [90, 3]]);
});

test("a field is the error of the trials near, and nothing where none is", () => {
  const smooth = new field.Field(0, 1, 10);
  for (let more = 0; more < 3; more += 1) smooth.add(0.2, 0.2, 0.4);
  assert.ok(Math.abs(smooth.at(0.2, 0.2) - 0.4) < 1e-9);
  assert.equal(smooth.at(0.9, 0.9), null);
  assert.equal(smooth.at(1.1, 0.5), null);
  smooth.add(0.25, 0.2, 5);
  const between = smooth.at(0.22, 0.2);
  assert.ok(between > 0.4 && between <= 1);
});

test("borders of bands lie where the error crosses them", () => {
  const smooth = new field.Field(0, 1, 2);
  for (let x = 0; x <= 1.001; x += 0.05) for (let y = 0; y <= 1.001; y += 0.05) smooth.add(x, y, x);
  const places = smooth.lines().flat().map(([x]) => x);
  assert.ok(places.length > 10);
  assert.ok(places.every((x) => Math.abs(x - 0.5) < 0.02));
});

test("rows stand from the top down, and each has its name", () => {
  const names = Array.from({ length: 30 }, (_, at) => `row ${at}`);
  const scale = rows.rowScale(names);
  assert.ok(scale.at(0) > scale.at(1));
  assert.deepEqual(scale.ticks(3).map(({ text }) => text), names);
  assert.ok(Math.abs(scale.value(scale.at(7)) - 7) < 1e-9);
});

test("trials that diverged stand in a lane beyond the worse end of the axis", () => {
  for (const [direction, worst] of [["minimize", 10], ["maximize", 0]]) {
    const scale = scales.withLane(scales.numberScale(0, 10), direction);
    const lane = scale.at(Infinity);
    assert.equal(lane, scale.lane);
    assert.ok(direction === "minimize" ? lane > scale.at(10) : lane < scale.at(0));
    assert.ok(Math.abs(scale.value(scale.at(4)) - 4) < 1e-9);
    assert.equal(scale.value(lane), worst);
    assert.equal(scale.ticks(4).at(-1).text, "diverged");
    assert.ok(scale.covers(Infinity) && !scale.covers(11));
  }
});

test("a sparkline is a staircase through the improvements, to the last result", () => {
  const points = sparkline.corners({ number: [1, 3], value: [0.9, 0.4] }, 5);
  assert.equal(points.length, 4);
  const [[, first], [turn, held], [turned, best], [end, last]] = points;
  assert.ok(held === first && turn === turned && last === best && end > turned);
  assert.ok(best > first, "a lower value stands lower");
  assert.deepEqual(sparkline.corners({ number: [], value: [] }, 0), []);
  assert.ok(sparkline.corners({ number: [1], value: [2] }, 1).flat().every(Number.isFinite));
});

test("new epochs are appended, a layer without them has gaps", () => {
  const series = (name, values) => ({ name, label: name, role: "measured", values });
  const read = { count: 1, attempt: [1], epoch: [1], seconds: [3], series: [series("loss", [2])], layers: [{ name: "stem", angle: [80], norm_ratio: [1], gradient_angle: null, sign_agreement: [0.5] }] };
  const fresh = { count: 2, attempt: [2, 2], epoch: [1, 2], seconds: [4, 5], series: [series("accuracy", [null, 0.5])], layers: [] };
  epochs.append(read, fresh);
  assert.deepEqual(read.series.map(({ values }) => values), [[2, null, null], [null, null, 0.5]]);
  assert.deepEqual(read.seconds, [3, 4, 5]);
  assert.deepEqual(read.layers[0].angle, [80, null, null]);
  assert.equal(read.count, 3);
  epochs.append(read, { count: 1, attempt: [2], epoch: [3], seconds: [6], series: [], layers: [{ name: "stem", angle: [70], norm_ratio: [1], gradient_angle: [30], sign_agreement: null }] });
  assert.deepEqual(read.layers[0].gradient_angle, [null, null, null, 30]);
  assert.deepEqual(read.layers[0].sign_agreement, [0.5, null, null, null]);
  assert.deepEqual(epochs.lastAttempt(read), [1, 2, 3]);
});

test("a drag over two axes brushes both, and none beyond the axes", () => {
  const axes = { x: scales.numberScale(0, 10), y: scales.numberScale(0, 100) };
  const plane = { left: 50, top: 10, wide: 200, high: 100 };
  const [x, y] = links.brushesBetween(axes, plane, { x: 150, y: 35 }, { x: 70, y: 500 });
  assert.deepEqual([x, y], [{ low: 1, high: 5 }, { low: 0, high: 75 }]);
});

test("a drag over options keeps those whose middle it covers", () => {
  const axes = { x: scales.scaleOf({ options: ["a", "b", "c"] }), y: scales.numberScale(0, 1) };
  const plane = { left: 0, top: 0, wide: 300, high: 100 };
  const [x] = links.brushesBetween(axes, plane, { x: 120, y: 0 }, { x: 290, y: 100 });
  assert.deepEqual(x, new Set([1, 2]));
});

test("the pointer finds the nearest line between two axes, and none where all are far", () => {
  const axes = [{ x: 0, index: 0 }, { x: 100, index: 1 }, { x: 200, index: 2 }];
  const places = [[0, 50, NaN], [100, 50, 70], [100, 50, 70]];
  const rows = [0, 1, 2];
  assert.equal(marks.nearestRow(axes, places, rows, { x: 50, y: 53 }), 0);
  assert.equal(marks.nearestRow(axes, places, rows, { x: 20, y: 48 }), 1);
  assert.equal(marks.nearestRow(axes, places, rows, { x: 150, y: 69 }), 2);
  assert.equal(marks.nearestRow(axes, places, rows, { x: 20, y: 80 }), null);
  assert.equal(marks.nearestRow(axes, places, rows, { x: 300, y: 50 }), null);
});

test("a logarithmic dimension has a tick at each power of ten, at equal distances", () => {
  const places = dimension.ticksOf({ low: 1e-4, high: 10, log: true }).map(({ at }) => at).sort((a, b) => a - b);
  assert.equal(places.length, 6);
  assert.ok(places.every((at, index) => Math.abs(at - index / 5) < 1e-9));
});

test("messages of the server are in the words of the form", () => {
  const fields = [{ name: "max_attempts", label: "max attempts" }, { name: "trials", label: "trials" }];
  assert.equal(submission.inFormWords("max_attempts must be at least 1, not a_b", fields), "max attempts must be at least 1, not a_b");
});

test("trials that diverged are no part of those at least as good", () => {
  assert.deepEqual(distribution.shares(3, 1), [0.25, 0.5, 0.75]);
});

test("the axis of epochs begins with the first one", () => {
  assert.deepEqual(epochs.epochAxis({ epochs: 6, epoch: [1, 2], unit: "epoch" }), { title: "epoch", low: 1, high: 6 });
  const { low, high } = epochs.epochAxis({ epochs: null, epoch: [1], unit: "epoch" });
  assert.ok(low < 1 && high > 1);
});

test("runs with the same rule and network are one row, with a mean over their seeds", () => {
  const known = { rule: ["wm", "kp", "wm"], model: ["a", "a", "a"], width: [8, 8, 8], epochs: [1, 2, 1], seed: [1, 0, 0] };
  const columns = new Map(Object.keys(known).map((name) => [name, { name, title: name }]));
  const trials = { count: 3, columns, metaparameters: [...columns.values()], values: known, value: (name, row) => known[name][row] };
  const found = runs.groupsOf(trials);
  assert.deepEqual(found.columns.map(({ name }) => name), ["rule", "model", "epochs"]);
  assert.deepEqual(found.seeds, ["0", "1"]);
  assert.deepEqual(found.groups.map(({ values, runs: each }) => [values, [...each]]), [
    [["wm", "a", 1], [["1", 0], ["0", 2]]],
    [["kp", "a", 2], [["0", 1]]],
  ]);
  assert.deepEqual(runs.meanOf([1, 3]), { mean: 2, sem: 1 });
  assert.deepEqual(runs.meanOf([]), { mean: null, sem: null });
});

test("rules with an error are rows of their mean and their seeds, and shapes tell the best", () => {
  const best = { name: "BP", errors: [0.1, 0.12], mean: 0.11, low: 0.01, high: 0.21, chance_best: 0.9, told_apart: null };
  const close = { name: "WM", errors: [0.2, 0.4], mean: 0.3, low: 0, high: 0.6, chance_best: 0.1, told_apart: false };
  const without = { name: "FA", errors: [], mean: null, low: null, high: null, chance_best: null, told_apart: null };
  const { names, marks, legend } = ruleErrors.errorsPicture([best, close, without]);
  assert.deepEqual(names, ["BP", "WM"]);
  assert.deepEqual(marks.map(({ text }) => text), [
    "BP: mean 11.00 %, 95 % interval 1.00 to 21.00, the best", "BP: 10.00 %, result 1 of 2 seeds", "BP: 12.00 %, result 2 of 2 seeds",
    "WM: mean 30.00 %, 95 % interval 0.00 to 60.00, not told apart from it", "WM: 20.00 %, result 1 of 2 seeds", "WM: 40.00 %, result 2 of 2 seeds",
  ]);
  assert.notEqual(marks[0].kind, marks[3].kind);
  assert.deepEqual(legend.map(({ text }) => text), ["the best", "not told apart from it"]);
  assert.equal(ruleErrors.errorsPicture([without]), null);
});
