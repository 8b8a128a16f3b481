// Numbers, times and names as text. Numbers are formatted as in Table 5 of Kunin et al. 2020.

/** @type {Record<string, string>} */
const SUPERSCRIPTS = { "-": "⁻", 0: "⁰", 1: "¹", 2: "²", 3: "³", 4: "⁴", 5: "⁵", 6: "⁶", 7: "⁷", 8: "⁸", 9: "⁹" };

/**
 * A number with four decimals: 0.9500, or 2.8109×10⁻⁸ below 0.001 and from 10,000 on; "" for none.
 *
 * @param {number | null | undefined} value
 */
export function decimals(value) {
  if (value === null || value === undefined || Number.isNaN(value)) return "";
  if (!Number.isFinite(value)) return value > 0 ? "∞" : "−∞";
  const size = Math.abs(value);
  if (size === 0 || (size >= 1e-3 && size < 1e4)) return value.toFixed(4);
  const [mantissa, exponent] = value.toExponential(4).split("e");
  return raised(`${mantissa}×10^{${Number(exponent)}}`);
}

/**
 * A share from 0 to 1 in percent, with two decimals and without the sign; "" for none.
 *
 * @param {number | null | undefined} share
 */
export const percent = (share) => (share === null || share === undefined ? "" : (100 * share).toFixed(2));

/**
 * Text with its exponents raised: 2.8109×10^{-8} becomes 2.8109×10⁻⁸.
 *
 * @param {string | null | undefined} text
 */
export function raised(text) {
  /** @param {string} power */
  const raise = (power) => [...power].map((sign) => SUPERSCRIPTS[sign]).join("");
  return String(text ?? "").replace(/\^\{(-?\d+)\}/g, (_, power) => raise(power));
}

/**
 * A metaparameter's value: "True", "2048", "0.9500", or "None" for an option without a value.
 *
 * @param {unknown} value
 */
export function cell(value) {
  if (value === null || value === undefined) return "None";
  if (value === true) return "True";
  if (value === false) return "False";
  if (typeof value === "number") return Number.isInteger(value) ? String(value) : decimals(value);
  return String(value);
}

/**
 * A number in the few characters that an axis has room for: 200, 0.1, 1e-10.
 *
 * @param {number} value
 */
export function short(value) {
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size >= 1e-3 && size < 1e4) return String(Number(value.toPrecision(3)));
  return Number(value.toPrecision(2)).toExponential().replace("e+", "e");
}

/** @type {[string, number][]} */
const UNITS = [["d", 86400], ["h", 3600], ["min", 60], ["s", 1]];

/**
 * A number of seconds in its two largest units: 8 s, 4 min 10 s, 3 h 5 min, 2 d 4 h.
 *
 * @param {number | null | undefined} seconds
 */
export function duration(seconds) {
  if (seconds === null || seconds === undefined) return "";
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  const first = UNITS.findIndex(([, size]) => whole >= size);
  const parts = [];
  let left = whole;
  for (const [unit, size] of UNITS.slice(first, first + 2)) {
    const count = Math.floor(left / size);
    left -= count * size;
    if (count) parts.push(`${count} ${unit}`);
  }
  return parts.join(" ");
}

/**
 * The unit in which an axis over so many seconds is read best: its seconds, and its name spelled out.
 *
 * @param {number} seconds
 */
export function unitOfTime(seconds) {
  if (seconds >= 3 * 86400) return { size: 86400, word: "days" };
  if (seconds >= 2 * 3600) return { size: 3600, word: "hours" };
  return seconds >= 180 ? { size: 60, word: "minutes" } : { size: 1, word: "seconds" };
}

/**
 * Milliseconds since 1970; null without a time.
 *
 * @param {number | string | null | undefined} time Unix seconds or ISO 8601
 */
function instant(time) {
  if (time === null || time === undefined) return null;
  return typeof time === "number" ? time * 1000 : Date.parse(time);
}

/**
 * A time in the reader's time zone: 2026-03-01 14:05:09; "" for none.
 *
 * @param {number | string | null | undefined} time Unix seconds or ISO 8601
 */
export function clock(time) {
  const at = instant(time);
  if (at === null || Number.isNaN(at)) return "";
  const date = new Date(at);
  /** @param {number} number */
  const pad = (number) => String(number).padStart(2, "0");
  const day = `${date.getFullYear()}-${pad(date.getMonth() + 1)}-${pad(date.getDate())}`;
  return `${day} ${pad(date.getHours())}:${pad(date.getMinutes())}:${pad(date.getSeconds())}`;
}

/**
 * The text of a table without its LaTeX: "Train Batch Size ($\lvert\mathcal{B}\rvert$)" becomes
 * "... (|B|)". Dollar signs without LaTeX between them stay.
 *
 * @param {string} name
 */
export function plain(name) {
  return String(name)
    .replace(/\$?\\lvert\\mathcal\{B\}\\rvert\$?/g, "|B|")
    .replace(/\$\\mathcal\{R\}_\{\\text\{([^}]*)\}\}\^\{\\text\{([^}]*)\}\}\$/g, "R $1 ($2)")
    .replace(/\$([^$]*\\[^$]*)\$/g, "$1");
}

/**
 * A metaparameter's label where room is short. A label with a symbol, in parentheses or between bars
 * at its end, begins there: "Learning rate (lr)" becomes "lr", "(FO) Bias" with more before it "FO Bias".
 *
 * @param {string} label
 */
export function brief(label) {
  const [, barred] = label.match(/\s(\|\S{1,4}\|)$/) ?? [];
  const [, symbol, rest = ""] = label.match(/\s\(([^()\s]{1,3})\)(\s.*)?$/) ?? [];
  return barred ?? (symbol === undefined ? label : `${symbol}${rest}`);
}

/**
 * A text cut to `most` characters, the last of them an ellipsis; a shorter text as it is.
 *
 * @param {string} text
 * @param {number} most
 */
export const clipped = (text, most) => (text.length > most ? `${text.slice(0, Math.max(1, most - 1))}…` : text);

/**
 * Rows as comma-separated values (RFC 4180).
 *
 * @param {string[]} headings
 * @param {unknown[][]} rows
 */
export function csv(headings, rows) {
  /** @param {unknown} value */
  const quote = (value) => {
    const text = value === null || value === undefined ? "" : String(value);
    // A spreadsheet takes text that begins with = + - @ for a formula. Numbers stay as they are.
    const safe = typeof value === "string" && /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
    return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
  };
  return [headings, ...rows].map((row) => row.map(quote).join(",")).join("\r\n") + "\r\n";
}
