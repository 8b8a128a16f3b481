import assert from "node:assert/strict";
import { test } from "node:test";

import { kindsOf, shown, trialsInWords, whyNoResult } from "../../../dashboards/static/lib/metric.js";

const none = { queued: 0, running: 0, completed: 0, failed: 0, cancelled: 0, pruned: 0 };

test("a loss is shown as the metric that people know", () => {
  assert.equal(shown({ direction: "minimize" }, 0.25), 0.25);
  assert.equal(shown({ direction: "maximize" }, -0.75), 0.75);
});

test("trials that diverged are a kind of their own beside those that completed", () => {
  const counts = { ...none, completed: 5, running: 1 };
  assert.deepEqual(kindsOf({ counts, diverged: 2 }), [{ kind: "completed", count: 3 }, { kind: "diverged", count: 2 }, { kind: "running", count: 1 }]);
  assert.deepEqual(kindsOf({ counts, diverged: 0 })[0], { kind: "completed", count: 5 });
});

test("a search without a result says why", () => {
  assert.equal(whyNoResult({ counts: none, diverged: 0 }), "No trial has begun yet.");
  assert.equal(whyNoResult({ counts: { ...none, running: 2 }, diverged: 0 }), "No trial has finished yet.");
  const ended = { counts: { ...none, completed: 3, failed: 1, queued: 9 }, diverged: 3 };
  assert.equal(whyNoResult(ended), "No trial has finished with a result: 3 diverged, 1 failed.");
});

test("one trial is no trials", () => {
  assert.deepEqual([1, 8].map(trialsInWords), ["1 trial", "8 trials"]);
});
