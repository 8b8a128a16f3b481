// The server's stream of changes (server-sent events), with a notice while nothing comes.

import { byId } from "./dom.js";
import { duration } from "./format.js";

// The server sends a sign of life every 2.5 s. After 12 s without one the page says that it is stale.
const STALE_SECONDS = 12;
// After so long without a sign of life the connection is given up and opened anew.
const LOST_SECONDS = 20;
const RETRY_SECONDS = 2;
// A hidden tab gives its connection back after this long: a short look elsewhere should not cost it.
const HIDDEN_SECONDS = 5;

/**
 * Follow the stream at `url()` and hand each event's data to the handler of its name.
 *
 * EventSource reconnects by itself and sends the last revision that it saw. Two cases are left to
 * this function, which then opens a new connection from the revision that `url` names: the server
 * refuses (final for EventSource), or a connection that seems open carries nothing.
 *
 * @param {() => string} url
 * @param {Record<string, (data: any) => void>} handlers
 */
export function follow(url, handlers) {
  /** @type {EventSource | null} */
  let source = null;
  let last = Date.now();
  let opened = 0;
  let broken = false;
  /** The search was deleted or renamed: nothing comes any more. */
  let gone = false;
  /** Why the store can't be read, and since when; null while it can. */
  let outage = /** @type {{message: string, since: number} | null} */ (null);

  function heard() {
    last = Date.now();
    broken = false;
    show();
  }

  function show() {
    const quiet = (Date.now() - last) / 1000;
    const notice = byId("stale");
    if (gone) {
      notice.hidden = false;
      notice.textContent = "This search was deleted or renamed. What you see is what it was before.";
      return;
    }
    const stale = broken || quiet > STALE_SECONDS;
    notice.hidden = !stale && outage === null;
    if (stale) notice.textContent = `last update ${duration(quiet)} ago, reconnecting`;
    else if (outage !== null) notice.textContent = `${outage.message} What you see is from ${duration((Date.now() - outage.since) / 1000)} ago.`;
  }

  function open() {
    if (gone || document.hidden || (source && source.readyState !== EventSource.CLOSED)) return;
    opened = Date.now();
    const mine = new EventSource(url());
    source = mine;
    mine.onopen = heard;
    mine.onerror = () => {
      if (gone) return;
      broken = true;
      show();
      if (mine.readyState === EventSource.CLOSED) setTimeout(open, RETRY_SECONDS * 1000);
    };
    mine.addEventListener("alive", heard);
    mine.addEventListener("store", (event) => {
      const { available, message } = JSON.parse(event.data);
      outage = available ? null : { message: message || "The store doesn't answer.", since: outage?.since ?? Date.now() };
      heard();
    });
    mine.addEventListener("gone", () => {
      gone = true;
      mine.close();
      show();
    });
    for (const [name, handle] of Object.entries(handlers)) {
      mine.addEventListener(name, (event) => {
        heard();
        handle(JSON.parse(/** @type {MessageEvent} */ (event).data));
      });
    }
  }

  setInterval(() => {
    show();
    if (Date.now() - Math.max(last, opened) < LOST_SECONDS * 1000) return;
    source?.close();
    open();
  }, 1000);
  // A browser opens at most six connections to a server, over all tabs, so a hidden tab closes its
  // own. It reads what it missed when it is looked at again.
  let closing = 0;
  document.addEventListener("visibilitychange", () => {
    clearTimeout(closing);
    if (document.hidden) closing = setTimeout(() => source?.close(), HIDDEN_SECONDS * 1000);
    else open();
  });
  // A page that is left closes its stream at once: the server would notice only at the next event.
  addEventListener("pagehide", () => source?.close());
  addEventListener("pageshow", (event) => event.persisted && open());
  open();
}
