import assert from "node:assert/strict";
import { test } from "node:test";

import { brief, cell, clipped, clock, csv, decimals, duration, plain, raised, short } from "../../../dashboards/static/lib/format.js";

test("numbers have four decimals, and an exponent where those say nothing", () => {
  assert.equal(decimals(0.95), "0.9500");
  assert.equal(decimals(2.81094e-8), "2.8109×10⁻⁸");
  assert.equal(decimals(12345.678), "1.2346×10⁴");
  assert.equal(decimals(0), "0.0000");
  assert.equal(decimals(-Infinity), "−∞");
  for (const none of [null, undefined, NaN]) assert.equal(decimals(none), "");
});

test("exponents of Table 5's cells are raised", () => {
  assert.equal(raised("2.8109×10^{-8}"), "2.8109×10⁻⁸");
  assert.equal(raised("N/A"), "N/A");
  assert.equal(raised(undefined), "");
});

test("values of metaparameters are written as in Table 5", () => {
  assert.deepEqual([true, false, null, 2048, 0.5, "relu"].map(cell), ["True", "False", "None", "2048", "0.5000", "relu"]);
});

test("ticks are short", () => {
  assert.deepEqual([0, 200, 0.1, 1e-10, 25000].map(short), ["0", "200", "0.1", "1e-10", "2.5e4"]);
});

test("durations have their two largest units", () => {
  assert.deepEqual([8.4, 250, 11100, 187200, 3600, null].map(duration), ["8 s", "4 min 10 s", "3 h 5 min", "2 d 4 h", "1 h", ""]);
});

test("times are shown in the reader's time zone", () => {
  process.env.TZ = "Asia/Kathmandu";
  assert.equal(clock("2026-03-01T14:05:09Z"), "2026-03-01 19:50:09");
  assert.equal(clock(Date.parse("2026-03-01T14:05:09Z") / 1000), "2026-03-01 19:50:09");
  assert.equal(clock(null), "");
  assert.equal(clock("no time"), "");
});

test("a table's names lose their LaTeX, and keep dollars that are none", () => {
  assert.equal(plain(String.raw`Train Batch Size ($\lvert\mathcal{B}\rvert$)`), "Train Batch Size (|B|)");
  assert.equal(plain(String.raw`$\mathcal{R}_{\text{WM+AD}}^{\text{TPE}}$`), "R WM+AD (TPE)");
  assert.equal(plain("cost $ per $ earned"), "cost $ per $ earned");
});

test("a label with a symbol is called by it where room is short", () => {
  const labels = ["Train Batch Size |B|", "Learning rate (lr)", "Forward operations (FO) BWMC", "f(x)", "depth (tree)"];
  assert.deepEqual(labels.map(brief), ["|B|", "lr", "FO BWMC", "f(x)", "depth (tree)"]);
  assert.equal(clipped("model.svm.kernel", 8), "model.s…");
  assert.equal(clipped("short", 8), "short");
});

test("CSV is quoted, and never a formula", () => {
  assert.equal(csv(["a", "b"], [["x,y", 'say "no"'], [null, -1]]), 'a,b\r\n"x,y","say ""no"""\r\n,-1\r\n');
  assert.equal(csv(["a"], [["=1+1"], ["+2"], ["@x"], ["-y"]]), "a\r\n'=1+1\r\n'+2\r\n'@x\r\n'-y\r\n");
});
