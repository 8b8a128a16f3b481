import assert from "node:assert/strict";
import { test } from "node:test";

import { extent, numberScale, roomy, roomyLog, scaleOf } from "../../../dashboards/static/lib/scales.js";

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

test("options that have no room for all their names show some", () => {
  const options = Array.from({ length: 30 }, (_, at) => `option ${at}`);
  assert.ok(scaleOf({ options }).ticks(8).length <= 8);
  assert.equal(scaleOf({ options }).covers(30), false);
});

test("a range without ends reaches over the values, one with ends over both", () => {
  const normal = scaleOf({ low: null, high: null }, [-3, null, 5]);
  assert.ok(normal.low < -3 && normal.low > -5 && normal.high > 5 && normal.high < 7);
  const rounded = scaleOf({ low: 0, high: 1 }, [0.5, 1.25]);
  assert.deepEqual([rounded.low, rounded.high], [0, 1.25]);
  const whole = scaleOf({ kind: "integer", low: null, high: null }, [3, 3]);
  assert.deepEqual([whole.low, whole.high], [2, 4]);
  const none = scaleOf({ low: null, high: null }, [null]);
  assert.deepEqual([none.low, none.high], [0, 1]);
  const lognormal = scaleOf({ low: null, high: null, log: true }, [0.01, 100]);
  assert.ok(lognormal.log && lognormal.low < 0.01 && lognormal.low > 0.001);
  assert.ok(Math.abs(lognormal.at(1) - 0.5) < 1e-9);
});

test("a rounded 0 lies at the lower end of a logarithmic axis", () => {
  const scale = scaleOf({ low: null, high: null, log: true }, [0, 1, 100]);
  assert.ok(scale.low > 0);
  assert.equal(scale.at(0), 0);
  assert.ok(scale.covers(0));
  assert.ok(roomyLog(1, 100).low < 1);
});

test("a range without width still has a scale", () => {
  const scale = roomy(0.5, 0.5);
  assert.ok(scale.low < 0.5 && scale.high > 0.5);
  assert.equal(roomy(0, 1).low, 0);
  assert.equal(numberScale(3, 3).at(3), 0);
});

test("results that differ by rounding alone have an axis with ticks", () => {
  const scale = roomy(0.5, 0.5 + 2 ** -53);
  assert.deepEqual(texts(scale, 4), ["0.45", "0.5", "0.55"]);
});

test("an extent is that of the values", () => {
  assert.deepEqual(extent([{ x: 3 }, { x: -1 }, { x: 2 }], ({ x }) => x), [-1, 3]);
  assert.deepEqual(extent([], Number), [Infinity, -Infinity]);
});
