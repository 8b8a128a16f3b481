// Following a stream of changes, and saying so when it goes quiet.

import { byId } from "./dom.js";
import { duration } from "./format.js";

const STALE_SECONDS = 12;
const RETRY_SECONDS = 2;
const LOST_SECONDS = 20;
const HIDDEN_SECONDS = 5;

/** Follow `url()` and hand each event to `handlers[its name]`.
 *
 * EventSource reconnects by itself and names the last revision it saw. Only when the server
 * refuses, which it takes as final, or nothing comes over a connection that seems to stand, is a
 * new one opened here, from the revision that `url` names.
 */
export function follow(url, handlers) {
  let source = null;
  let last = Date.now();
  let storeAway = null;
  let broken = false;

  function heard() {
    last = Date.now();
    broken = false;
    show();
  }

  function show() {
    const quiet = (Date.now() - last) / 1000;
    const notice = byId("stale");
    const stale = broken || quiet > STALE_SECONDS;
    notice.hidden = !stale && storeAway === null;
    if (stale) notice.textContent = `last update ${duration(quiet)} ago, reconnecting`;
    else if (storeAway !== null) notice.textContent = `${storeAway} What you see is from ${duration(quietStore())} ago.`;
  }

  let opened = 0;
  let awaySince = 0;
  const quietStore = () => (Date.now() - awaySince) / 1000;

  function open() {
    if (document.hidden || (source && source.readyState !== EventSource.CLOSED)) return;
    opened = Date.now();
    source = new EventSource(url());
    source.onopen = heard;
    source.onerror = () => {
      broken = true;
      show();
      if (source.readyState === EventSource.CLOSED) setTimeout(open, RETRY_SECONDS * 1000);
    };
    source.addEventListener("alive", heard);
    source.addEventListener("store", (event) => {
      const { available, message } = JSON.parse(event.data);
      if (!available && storeAway === null) awaySince = Date.now();
      storeAway = available ? null : message || "The store doesn't answer.";
      heard();
      handlers.store?.(available);
    });
    for (const [name, handle] of Object.entries(handlers)) {
      if (name === "store") continue;
      source.addEventListener(name, (event) => {
        heard();
        handle(JSON.parse(event.data));
      });
    }
  }

  setInterval(() => {
    show();
    if (Date.now() - Math.max(last, opened) < LOST_SECONDS * 1000) return;
    source?.close();
    open();
  }, 1000);
  // A browser keeps six connections to a server, whatever the number of tabs: one that nobody looks
  // at gives its own back, and catches up when it is looked at.
  let leaving = null;
  document.addEventListener("visibilitychange", () => {
    clearTimeout(leaving);
    if (document.hidden) leaving = setTimeout(() => source?.close(), HIDDEN_SECONDS * 1000);
    else open();
  });
  // A page that is left closes its stream at once, so that the server needs not find out.
  addEventListener("pagehide", () => source?.close());
  addEventListener("pageshow", (event) => event.persisted && open());
  open();
}
