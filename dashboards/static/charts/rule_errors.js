// Chart of the errors of learning rules: each rule's mean with its interval, and its single seeds.

import { SIGNS } from "../lib/canvas.js";
import { category } from "../lib/colours.js";
import { percent } from "../lib/format.js";
import { extent, roomy } from "../lib/scales.js";
import { colour } from "../lib/theme.js";

// Single seeds are smaller than means, and lie below them by this share of a row.
const SEED_SIZE = 5;
const SEED_BELOW = 0.3;

/**
 * How a rule stands beside the best one: words for its legend, index of its shape, and its colour.
 *
 * @type {{text: string, kind: number, shade: () => string, fits: (rule: Api.RuleRow) => boolean}[]}
 */
const STANDINGS = [
  { text: "the best", kind: 0, shade: () => category(0), fits: ({ chance_best: chance, told_apart: apart }) => chance !== null && apart === null },
  { text: "not told apart from it", kind: 1, shade: () => category(1), fits: ({ told_apart: apart }) => apart === false },
  { text: "told apart from it", kind: 3, shade: () => colour("muted"), fits: ({ told_apart: apart }) => apart === true },
  { text: "not compared yet", kind: 2, shade: () => colour("muted"), fits: ({ chance_best: chance }) => chance === null },
];

/**
 * The picture of a table's rules that have an error; null if none has.
 *
 * @param {Api.RuleRow[]} rules
 * @returns {import("./rows.js").Rows | null}
 */
export function errorsPicture(rules) {
  const known = rules.filter(({ mean }) => mean !== null);
  if (known.length === 0) return null;
  const standings = known.map((rule) => STANDINGS.find(({ fits }) => fits(rule)) ?? STANDINGS[STANDINGS.length - 1]);
  /** @type {import("./rows.js").Mark[]} */
  const marks = known.flatMap((rule, row) => {
    const { kind, text: beside } = standings[row];
    const shade = standings[row].shade();
    const [mean, low, high] = [rule.mean, rule.low, rule.high].map((share) => (share === null ? undefined : 100 * share));
    const interval = low === undefined ? "" : `, 95 % interval ${intervalInWords(rule)}`;
    return [
      { row, value: mean ?? 0, low, high, shade, kind, text: `${rule.name}: mean ${percent(rule.mean)} %${interval}, ${beside}` },
      ...rule.errors.map((error, at) => ({ row: row + SEED_BELOW, value: 100 * error, shade, size: SEED_SIZE, text: `${rule.name}: ${percent(error)} %, result ${at + 1} of ${rule.errors.length} seeds` })),
    ];
  });
  const [low] = extent(marks, ({ value, low: end }) => Math.min(value, end ?? value));
  const [, high] = extent(marks, ({ value, high: end }) => Math.max(value, end ?? value));
  return {
    names: known.map(({ name }) => name),
    marks,
    x: roomy(low, high),
    xTitle: "validation error in %",
    label: `Errors of ${known.length} rules, the lowest mean first: ${known.slice(0, 3).map(({ name, mean }) => `${name} ${percent(mean)} %`).join(", ")}`,
    legend: STANDINGS.filter((each) => standings.includes(each)).map(({ text, kind, shade }) => ({ sign: SIGNS[kind], shade: shade(), text })),
  };
}

/**
 * The ends of a rule's interval in percent; "" without one.
 *
 * @param {Api.RuleRow} rule
 */
export const intervalInWords = ({ low, high }) => (low === null || high === null ? "" : `${percent(low)} to ${percent(high)}`);
