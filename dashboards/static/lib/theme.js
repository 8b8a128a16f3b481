// The light or dark theme: the system's, until the reader chooses one.

import { byId, el } from "./dom.js";

const ORDER = ["auto", "light", "dark"];
/** @type {Set<() => void>} */
const listeners = new Set();
const dark = matchMedia("(prefers-color-scheme: dark)");
/** @type {Map<string, string>} */
const known = new Map();
const probe = el("span", { hidden: true });

function chosen() {
  const kept = localStorage.getItem("theme") ?? "";
  return ORDER.includes(kept) ? kept : "auto";
}

function apply() {
  const theme = chosen();
  if (theme === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  byId("theme").textContent = `Theme: ${theme}`;
  known.clear();
  for (const listener of listeners) listener();
}

/** Apply the theme, and let the header's button change it. */
export function setUp() {
  document.body.append(probe);
  byId("theme").addEventListener("click", () => {
    localStorage.setItem("theme", ORDER[(ORDER.indexOf(chosen()) + 1) % ORDER.length]);
    apply();
  });
  dark.addEventListener("change", apply);
  apply();
}

/**
 * Call `listener` whenever the theme changes.
 *
 * @param {() => void} listener
 */
export const onTheme = (listener) => listeners.add(listener);

/**
 * A colour of style.css in the present theme, by its name there without the dashes.
 *
 * @param {string} name
 */
export function colour(name) {
  let found = known.get(name);
  if (found === undefined) {
    probe.style.color = `var(--${name})`;
    found = getComputedStyle(probe).color;
    known.set(name, found);
  }
  return found;
}

/** Return whether the dark theme is on. */
export const isDark = () => (chosen() === "auto" ? dark.matches : chosen() === "dark");
