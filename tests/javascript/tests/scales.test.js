import assert from "node:assert/strict";
import { test } from "node:test";

import { extent, numberScale, roomy, scaleOf } from "../../../dashboards/static/lib/scales.js";

const texts = (scale, count) => scale.ticks(count).map(({ text }) => text);

test("a linear scale maps its ends to 0 and 1 and back", () => {
  const scale = numberScale(2, 4);
  assert.deepEqual([2, 3, 4].map(scale.at), [0, 0.5, 1]);
  assert.deepEqual([0, 0.5, 1].map(scale.value), [2, 3, 4]);
  assert.deepEqual([1.9, 2, 4, 4.1].map(scale.covers), [false, true, true, false]);
  assert.deepEqual(texts(scale, 4), ["2", "2.5", "3", "3.5", "4"]);
});

test("a logarithmic scale has powers of ten as its ticks", () => {
  const scale = numberScale(1e-4, 1, true);
  assert.ok(Math.abs(scale.at(0.01) - 0.5) < 1e-12);
  assert.ok(Math.abs(scale.value(0.5) - 0.01) < 1e-12);
  assert.deepEqual(texts(scale, 5), ["10⁻⁴", "10⁻³", "10⁻²", "10⁻¹", "10⁰"]);
  assert.ok(texts(scale, 3).length <= 3);
});

test("a logarithmic scale over one power has ticks between", () => {
  assert.deepEqual(texts(numberScale(1, 10, true), 5), ["1", "2", "5", "10"]);
});

test("options have equal parts", () => {
  const scale = scaleOf({ options: [false, true] });
  assert.deepEqual([0, 1].map(scale.at), [0.25, 0.75]);
  assert.deepEqual(texts(scale, 2), ["False", "True"]);
});

test("a range without width still has a scale", () => {
  const scale = roomy(0.5, 0.5);
  assert.ok(scale.low < 0.5 && scale.high > 0.5);
  assert.equal(roomy(0, 1).low, 0);
  assert.equal(numberScale(3, 3).at(3), 0);
});

test("an extent is that of the values", () => {
  assert.deepEqual(extent([{ x: 3 }, { x: -1 }, { x: 2 }], ({ x }) => x), [-1, 3]);
  assert.deepEqual(extent([], Number), [Infinity, -Infinity]);
});
