// Notices on the desktop at a search's end, when most of its trials diverge, and when it stands still.

import { getJson, searchPage } from "./api.js";
import { announce, byId } from "./dom.js";
import { root } from "./root.js";

// The server is asked this often. A browser lets a hidden tab ask once a minute.
const POLL_MS = 10_000;
// More news at once, as after a night, make one notice.
const MOST_AT_ONCE = 3;
// Notices that were shown are kept in the browser, so that no tab shows them again.
const MOST_KEPT = 1000;
const [WANTED, SHOWN] = ["notices", "notices-shown"];

/** @typedef {{is: boolean, text: string, why: string}} State */

const button = /** @type {HTMLButtonElement} */ (byId("notices"));
/** Whether this tab has asked for the lock by which one tab of all asks the server. */
let queued = false;

/** @returns {State} whether notices are shown, and the words for it */
function state() {
  if (!("Notification" in window) || !isSecureContext) {
    return { is: false, text: "need https", why: "A browser shows notices of pages over https and of localhost alone." };
  }
  if (Notification.permission === "denied") {
    return { is: false, text: "blocked", why: "This browser blocks notices of this page; its settings of the site allow them." };
  }
  if (localStorage.getItem(WANTED) === "on" && Notification.permission === "granted") {
    return { is: true, text: "on", why: "A search's end and its troubles are shown on the desktop, while a page of the dashboard is open." };
  }
  return { is: false, text: "off", why: "Show a search's end and its troubles on the desktop, while a page of the dashboard is open." };
}

function show() {
  const { is, text, why } = state();
  button.textContent = `Notices: ${text}`;
  button.title = why;
  button.setAttribute("aria-pressed", String(is));
}

/** Ask for notices if they are off, and end them if they are on. */
async function turn() {
  if (state().is) {
    localStorage.removeItem(WANTED);
  } else if ("Notification" in window && isSecureContext) {
    if ((await Notification.requestPermission()) === "granted") {
      localStorage.setItem(WANTED, "on");
      // Searches that ended before are not told of. A trouble that still goes on is.
      const { notices } = await read();
      keep(notices.filter(({ kind }) => kind === "ended").map(({ id }) => id));
    }
  }
  show();
  announce(`Notices: ${state().text}. ${state().why}`);
  watch();
}

/** @returns {Promise<Api.Notices>} none if the server can't be asked: it is asked again */
async function read() {
  try {
    return await getJson(`${root}/api/notices`);
  } catch {
    return { notices: [] };
  }
}

/** @returns {string[]} ids of the notices that were shown */
function shown() {
  try {
    const kept = JSON.parse(localStorage.getItem(SHOWN) ?? "[]");
    return Array.isArray(kept) ? kept : [];
  } catch {
    return [];
  }
}

/** @param {string[]} ids */
function keep(ids) {
  localStorage.setItem(SHOWN, JSON.stringify([...new Set([...shown(), ...ids])].slice(-MOST_KEPT)));
}

/** Show what is due and wasn't shown yet. */
async function look() {
  if (!state().is) return;
  const { notices } = await read();
  const before = new Set(shown());
  const fresh = notices.filter(({ id }) => !before.has(id));
  if (fresh.length === 0 || !state().is) return;
  keep(fresh.map(({ id }) => id));
  if (fresh.length <= MOST_AT_ONCE) {
    for (const { id, text, search } of fresh) notify(text, searchPage(search), id);
  } else {
    const texts = fresh.slice(0, MOST_AT_ONCE).map(({ text }) => text).join("; ");
    notify(`${fresh.length} news: ${texts}; and more`, `${root}/`, fresh[0].id);
  }
}

/**
 * @param {string} text
 * @param {string} page that a click opens
 * @param {string} tag by which the browser shows it once
 */
function notify(text, page, tag) {
  try {
    const notice = new Notification("alignsearch", { body: text, tag, icon: iconUrl() });
    notice.onclick = () => {
      window.focus();
      location.href = page;
    };
  } catch {
    // Browsers of phones show notices of service workers alone.
    announce(text);
  }
}

const iconUrl = () => /** @type {HTMLLinkElement | null} */ (document.querySelector("link[rel=icon]"))?.href ?? "";

/** Look again and again while notices are on; of all tabs, one does. */
async function watch() {
  if (queued || !state().is) return;
  queued = true;
  await navigator.locks.request("alignsearch-notices", async () => {
    while (state().is) {
      await look();
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
  });
  queued = false;
  show();
}

/** Let the header's button turn notices on and off, and show them while they are on. */
export function setUp() {
  show();
  button.addEventListener("click", turn);
  // Another tab has turned them on or off.
  addEventListener("storage", () => {
    show();
    watch();
  });
  watch();
}
