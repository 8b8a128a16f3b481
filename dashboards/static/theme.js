// Light or dark: as the system has it, until the reader says otherwise.

import { byId, el } from "./dom.js";

const ORDER = ["auto", "light", "dark"];
const watchers = new Set();
const dark = matchMedia("(prefers-color-scheme: dark)");
const known = new Map();
const probe = el("span", { hidden: true });

function chosen() {
  const kept = localStorage.getItem("theme");
  return ORDER.includes(kept) ? kept : "auto";
}

function apply() {
  const theme = chosen();
  if (theme === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  byId("theme").textContent = `Theme: ${theme}`;
  known.clear();
  for (const watcher of watchers) watcher();
}

export function setUp() {
  document.body.append(probe);
  byId("theme").addEventListener("click", () => {
    localStorage.setItem("theme", ORDER[(ORDER.indexOf(chosen()) + 1) % ORDER.length]);
    apply();
  });
  dark.addEventListener("change", apply);
  apply();
}

/** Call `watcher` whenever the colours change. */
export const onTheme = (watcher) => watchers.add(watcher);

/** A colour of the style sheet, by its name there, as the present theme has it. */
export function colour(name) {
  if (!known.has(name)) {
    probe.style.color = `var(--${name})`;
    known.set(name, getComputedStyle(probe).color);
  }
  return known.get(name);
}

export const isDark = () => (chosen() === "auto" ? dark.matches : chosen() === "dark");
