// Elements made from data. Text only ever becomes a text node: what a store says is never markup.

const SVG = "http://www.w3.org/2000/svg";
const SVG_TAGS = new Set(["svg", "g", "line", "rect", "text", "title", "polyline"]);

/** Make an element. Properties starting with "on" are listeners; null and false are left out. */
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

export const byId = (id) => document.getElementById(id);

/** Run `job` once on the next frame, however often it is asked for before. */
export function onFrame(job) {
  let asked = false;
  return () => {
    if (asked) return;
    asked = true;
    requestAnimationFrame(() => {
      asked = false;
      job();
    });
  };
}

/** Call `first` once the element comes near the view. */
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

/** A job that is done at once while the element is in view, and otherwise once it comes into view. */
export function inView(node, job) {
  let [visible, due] = [false, false];
  new IntersectionObserver((entries) => {
    visible = entries.at(-1).isIntersecting;
    if (visible && due) {
      due = false;
      job();
    }
  }).observe(node);
  return () => {
    if (visible) job();
    else due = true;
  };
}

/** Wait until `promise` is fulfilled, but for `most` milliseconds only; then it goes on by itself. */
export function within(most, promise) {
  return Promise.race([promise, new Promise((resolve) => setTimeout(resolve, most))]);
}

/** A job that is done soon, and at most once in `gap` milliseconds. */
export function atMostEvery(gap, job) {
  let [last, timer] = [-Infinity, null];
  return () => {
    timer ??= setTimeout(() => {
      timer = null;
      last = performance.now();
      job();
    }, Math.max(0, last + gap - performance.now()));
  };
}

/** Call `job` whenever the width of the element changes. */
export function onResize(node, job) {
  let width = node.clientWidth;
  const scheduled = onFrame(job);
  new ResizeObserver(() => {
    if (node.clientWidth === width) return;
    width = node.clientWidth;
    scheduled();
  }).observe(node);
}

/** Offer text as a file. */
export function download(name, text, type = "text/csv") {
  const url = URL.createObjectURL(new Blob([text], { type: `${type};charset=utf-8` }));
  const link = el("a", { href: url, download: name });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

/** Copy text, where the browser lets a page do that. */
export async function copy(text) {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  // Over plain HTTP from another machine there is no clipboard interface.
  const field = el("textarea", { class: "visually-hidden" });
  field.value = text;
  document.body.append(field);
  field.select();
  document.execCommand("copy");
  field.remove();
}

/** Say something to people who listen rather than look. */
export function announce(text) {
  byId("announcer").textContent = text;
}
