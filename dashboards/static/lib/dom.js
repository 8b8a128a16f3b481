// Elements made from data, and when code runs. Text becomes text nodes only, never markup.

const SVG = "http://www.w3.org/2000/svg";
const SVG_TAGS = new Set(["svg", "g", "line", "rect", "text", "title", "polyline"]);

/**
 * Make an element. Properties that begin with "on" are listeners; null and false are left out.
 *
 * @template {"svg" | "g" | "line" | "rect" | "text" | "title" | "polyline"} Tag
 * @overload
 * @param {Tag} tag
 * @param {Record<string, any>} [properties]
 * @param {...any} children
 * @returns {SVGElementTagNameMap[Tag]}
 */
/**
 * @template {keyof HTMLElementTagNameMap} Tag
 * @overload
 * @param {Tag} tag
 * @param {Record<string, any>} [properties]
 * @param {...any} children
 * @returns {HTMLElementTagNameMap[Tag]}
 */
/**
 * @param {string} tag
 * @param {Record<string, any>} [properties]
 * @param {...any} children
 * @returns {Element}
 */
export function el(tag, properties = {}, ...children) {
  const node = SVG_TAGS.has(tag) ? document.createElementNS(SVG, tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (name === "text") node.textContent = value;
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined));
  return node;
}

/**
 * The element with this id. Throws if the page has none.
 *
 * @param {string} id
 * @returns {HTMLElement}
 */
export function byId(id) {
  const node = document.getElementById(id);
  if (node === null) throw new Error(`the page has no element with the id ${id}`);
  return node;
}

/**
 * The select with this id.
 *
 * @param {string} id
 */
export const selectById = (id) => /** @type {HTMLSelectElement} */ (byId(id));

/**
 * The input with this id.
 *
 * @param {string} id
 */
export const inputById = (id) => /** @type {HTMLInputElement} */ (byId(id));

/**
 * The first element below `node` that fits the selector. Throws if there is none.
 *
 * @param {Element} node
 * @param {string} selector
 * @returns {HTMLElement}
 */
export function within(node, selector) {
  const found = node.querySelector(selector);
  if (found === null) throw new Error(`nothing fits ${selector}`);
  return /** @type {HTMLElement} */ (found);
}

/**
 * The value of the field that an event is about.
 *
 * @param {Event} event
 */
export const valueOf = (event) => /** @type {HTMLInputElement | HTMLSelectElement} */ (event.target).value;

/**
 * Return whether the box that an event is about is checked.
 *
 * @param {Event} event
 */
export const isChecked = (event) => /** @type {HTMLInputElement} */ (event.target).checked;

/**
 * Open a row's page after a click somewhere in the row, but not on what does something else.
 *
 * @param {MouseEvent} event
 * @param {string} href
 */
export function follow(event, href) {
  const on = /** @type {Element} */ (event.target);
  // A drag over the row's text selects it.
  if (on.closest("a, button, input, label") || String(getSelection() ?? "")) return;
  if (event.ctrlKey || event.metaKey) window.open(href);
  else location.href = href;
}

/**
 * A `data-` attribute of the element that has the focus, if it is inside `node`.
 *
 * @param {Element} node
 * @param {string} key
 */
export function focusedData(node, key) {
  const focused = document.activeElement;
  if (!(focused instanceof HTMLElement || focused instanceof SVGElement) || !node.contains(focused)) return undefined;
  return focused.dataset[key];
}

/**
 * Focus the element below `node` with this `data-` attribute, if there is one.
 *
 * @param {Element} node
 * @param {string} key
 * @param {string | undefined} value
 */
export function focusData(node, key, value) {
  if (value === undefined) return;
  const found = node.querySelector(`[data-${key}="${CSS.escape(value)}"]`);
  if (found instanceof HTMLElement || found instanceof SVGElement) found.focus();
}

/**
 * A function that runs `job` once on the next frame, however often it is called before.
 *
 * @param {() => void} job
 */
export function onFrame(job) {
  let scheduled = false;
  return () => {
    if (scheduled) return;
    scheduled = true;
    requestAnimationFrame(() => {
      scheduled = false;
      job();
    });
  };
}

/**
 * Call `first` once the element comes near the viewport.
 *
 * @param {Element} node
 * @param {() => void} first
 */
export function whenNear(node, first, margin = "200px") {
  const observer = new IntersectionObserver(
    (entries) => {
      if (!entries.some((entry) => entry.isIntersecting)) return;
      observer.disconnect();
      first();
    },
    { rootMargin: margin },
  );
  observer.observe(node);
}

/**
 * Call `listener` with true or false whenever the element enters or leaves the viewport.
 *
 * @param {Element} node
 * @param {(visible: boolean) => void} listener
 */
export function onVisible(node, listener) {
  new IntersectionObserver((entries) => listener(entries[entries.length - 1].isIntersecting)).observe(node);
}

/**
 * A function that runs `job` now while the element is in the viewport, else once it enters it.
 *
 * @param {Element} node
 * @param {() => void} job
 */
export function inView(node, job) {
  let [visible, due] = [false, false];
  onVisible(node, (now) => {
    visible = now;
    if (visible && due) {
      due = false;
      job();
    }
  });
  return () => {
    if (visible) job();
    else due = true;
  };
}

/**
 * Wait for a promise, but not longer than `most` milliseconds.
 *
 * @param {number} most
 * @param {Promise<unknown>} promise
 */
export function waitAtMost(most, promise) {
  return Promise.race([promise, new Promise((resolve) => setTimeout(resolve, most))]);
}

/**
 * A function that runs `job` soon, and at most once in `gap` milliseconds.
 *
 * @param {number} gap
 * @param {() => void} job
 */
export function atMostEvery(gap, job) {
  let last = -Infinity;
  let scheduled = false;
  return () => {
    if (scheduled) return;
    scheduled = true;
    setTimeout(() => {
      scheduled = false;
      last = performance.now();
      job();
    }, Math.max(0, last + gap - performance.now()));
  };
}

/**
 * Call `job` whenever the width of the element changes.
 *
 * @param {Element} node
 * @param {() => void} job
 */
export function onResize(node, job) {
  let width = node.clientWidth;
  const scheduled = onFrame(job);
  new ResizeObserver(() => {
    if (node.clientWidth === width) return;
    width = node.clientWidth;
    scheduled();
  }).observe(node);
}

/**
 * Let the reader save text as a file.
 *
 * @param {string} name
 * @param {string} text
 */
export function download(name, text, type = "text/csv") {
  const url = URL.createObjectURL(new Blob([text], { type: `${type};charset=utf-8` }));
  const link = el("a", { href: url, download: name });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

/**
 * Copy text to the clipboard.
 *
 * @param {string} text
 */
export async function copy(text) {
  // Browsers offer `navigator.clipboard` on HTTPS and loopback only.
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  const field = el("textarea", { class: "visually-hidden" });
  field.value = text;
  document.body.append(field);
  field.select();
  document.execCommand("copy");
  field.remove();
  return undefined;
}

/**
 * Have screen readers read a text out.
 *
 * @param {string} text
 */
export function announce(text) {
  byId("announcer").textContent = text;
}
