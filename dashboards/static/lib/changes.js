// Requests that change a search, made from the texts of a form.

/** @typedef {Record<string, string>} Values */

/** The rules that end a search, which it can be without. */
const RULES = ["until", "timeout", "stop_at", "patience", "max_failures"];
/** What a webhook's field says for none: it is empty while the webhook stays. */
export const NO_WEBHOOK = "none";
/** @type {[string, number][]} */
const UNITS = [["d", 86400], ["h", 3600], ["m", 60], ["s", 1]];

/**
 * A number if the text is one, else the text: the server says what is wrong with that.
 *
 * @param {string} text
 */
const numberOr = (text) => (text !== "" && Number.isFinite(Number(text)) ? Number(text) : text);

/**
 * Seconds as people give them to the server: 43200 as 12h; "" for none.
 *
 * @param {number | null} seconds
 */
export function durationText(seconds) {
  if (seconds === null) return "";
  const [unit, size] = UNITS.find((each) => seconds % each[1] === 0) ?? ["s", 1];
  return `${seconds / size}${unit}`;
}

/**
 * A time in the reader's time zone, as an input of the type `datetime-local` has it; "" for none.
 *
 * @param {string | null} time ISO 8601
 */
export function localTime(time) {
  if (time === null) return "";
  const date = new Date(time);
  return new Date(date.getTime() - date.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}

/**
 * The settings of a search that people may change, as a form's texts.
 *
 * @param {Pick<Api.SearchSummary, "trials" | "parallel" | "priority" | "limits">} summary
 * @returns {Values}
 */
export function settingsOf({ trials, parallel, priority, limits }) {
  /** @param {number | null} number */
  const text = (number) => (number === null ? "" : String(number));
  return {
    trials: text(trials),
    parallel: text(parallel),
    priority: text(priority),
    until: localTime(limits.until),
    timeout: durationText(limits.timeout),
    stop_at: text(limits.stop_at),
    patience: text(limits.patience),
    max_failures: text(limits.max_failures),
    // A webhook's address lets its holder speak there, so no page has it.
    notify: "",
  };
}

/**
 * The request that turns settings into others. Only what differs is in it, so that nobody undoes what
 * somebody else has set meanwhile. An emptied rule is removed, and so is a webhook that is to be "none".
 *
 * @param {Values} before
 * @param {Values} after
 * @returns {Record<string, string | number | string[]>}
 */
export function changedSettings(before, after) {
  /** @type {Record<string, string | number | string[]>} */
  const body = {};
  const changed = Object.keys(before).filter((name) => after[name] !== before[name]);
  /** @param {string} name */
  const goes = (name) => (name === "notify" ? after[name] === NO_WEBHOOK : after[name] === "" && RULES.includes(name));
  for (const name of changed.filter((each) => after[each] !== "" && !goes(each))) {
    body[name] = name === "until" ? new Date(after[name]).toISOString() : numberOr(after[name]);
  }
  const without = changed.filter(goes);
  return without.length ? { ...body, without } : body;
}

/**
 * The fields by number, each of a sampled dimension: name of the form's field, and of the dimension.
 * Dimensions with one label are told apart by their names.
 *
 * @param {Api.Parameter[]} parameters
 */
export function dimensionsOf(parameters) {
  const sampled = parameters.filter((each) => each.sampled);
  const labels = sampled.map((each) => each.label);
  return sampled.map((parameter, at) => ({
    parameter,
    field: `point-${at}`,
    called: labels.indexOf(parameter.label) === labels.lastIndexOf(parameter.label) ? parameter.label : parameter.name,
  }));
}

/**
 * The request that enqueues points. It holds all that was filled in: the server refuses two sources at
 * once, and no source.
 *
 * @param {Api.Parameter[]} parameters
 * @param {Values} values of the fields of `dimensionsOf`; a choice's is the index of its option
 * @returns {Partial<Api.EnqueueRequest>}
 */
export function enqueueRequest(parameters, values) {
  const point = Object.fromEntries(dimensionsOf(parameters)
    .filter(({ field }) => values[field] !== "")
    .map(({ parameter, field, called }) => [called, parameter.options ? parameter.options[Number(values[field])] : values[field]]));
  /** @type {Partial<Api.EnqueueRequest>} */
  const body = {};
  if (Object.keys(point).length) body.points = [point];
  if (values.table) body.table = values.table;
  if (values.published) body.published = true;
  if (values.from_search) {
    body.from_search = values.from_search;
    if (values.top) body.top = /** @type {number} */ (numberOr(values.top));
  }
  return body;
}

/**
 * The filled fields, numbers as numbers.
 *
 * @param {Values} values
 * @returns {Record<string, string | number>}
 */
export function filled(values) {
  return Object.fromEntries(Object.entries(values).filter(([, text]) => text !== "").map(([name, text]) => [name, numberOr(text)]));
}

/**
 * The request that turns tags into those of a text, where spaces or commas stand between them; null if
 * they are the same.
 *
 * @param {string[]} tags
 * @param {string} text
 * @returns {{add: string[], remove: string[]} | null}
 */
export function changedTags(tags, text) {
  const wanted = [...new Set(text.split(/[\s,]+/).filter(Boolean))];
  const add = wanted.filter((tag) => !tags.includes(tag));
  const remove = tags.filter((tag) => !wanted.includes(tag));
  return add.length || remove.length ? { add, remove } : null;
}

/**
 * A response's message with the points that were left out, as one text.
 *
 * @param {{message: string, left_out?: string[]}} response
 */
export function saidOf({ message, left_out: left = [] }) {
  return left.length ? `${message}. Left out: ${left.join("; ")}` : message;
}
