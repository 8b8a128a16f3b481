// Light or dark: as the system has it, until the reader says otherwise.

import { byId } from "./dom.js";

const ORDER = ["auto", "light", "dark"];
const watchers = new Set();
const dark = matchMedia("(prefers-color-scheme: dark)");

function chosen() {
  const kept = localStorage.getItem("theme");
  return ORDER.includes(kept) ? kept : "auto";
}

function apply() {
  const theme = chosen();
  if (theme === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  byId("theme").textContent = `Theme: ${theme}`;
  for (const watcher of watchers) watcher();
}

export function setUp() {
  byId("theme").addEventListener("click", () => {
    localStorage.setItem("theme", ORDER[(ORDER.indexOf(chosen()) + 1) % ORDER.length]);
    apply();
  });
  dark.addEventListener("change", apply);
  apply();
}

/** Call `watcher` whenever the colours change. */
export const onTheme = (watcher) => watchers.add(watcher);

/** A colour of the style sheet, by its name there. */
export const colour = (name) =>
  getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

export const isDark = () => colour("page") === "#11151b";
