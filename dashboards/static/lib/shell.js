// The parts that every page has: theme, session, and a dialog that asks before a change.

import { apiError, getSession, post } from "./api.js";
import { byId, el } from "./dom.js";
import { setUp as setUpTheme } from "./theme.js";

setUpTheme();

/** The values that the server wrote into the page's `data-` attributes. */
export const page = document.body.dataset;

/**
 * Show the session in the header and return it; null if the server can't be reached.
 *
 * @returns {Promise<Api.SessionState | null>}
 */
export async function showSession() {
  const node = byId("session");
  let session;
  try {
    session = await getSession();
  } catch (error) {
    node.textContent = apiError(error).message;
    return null;
  }
  node.replaceChildren();
  if (session.user) node.append(session.user, " ");
  if (session.login === "needed") {
    const here = encodeURIComponent(location.pathname + location.search);
    node.append(el("a", { href: `/login?next=${here}`, text: "Log in to steer" }));
  } else if (session.login === "done") {
    const logOut = async () => {
      await post("/api/logout");
      location.reload();
    };
    node.append(el("button", { type: "button", class: "tool", onclick: logOut, text: "Log out" }));
  } else if (!session.can_steer) {
    node.append("read-only");
    node.title = session.why ?? "";
  }
  return session;
}

/**
 * Ask in a dialog whether to go on.
 *
 * @param {string} title
 * @param {string} text
 * @param {string} action label of the button that goes on
 * @returns {Promise<boolean>}
 */
export function confirm(title, text, action, danger = false) {
  const dialog = el(
    "dialog",
    { "aria-labelledby": "dialog-title" },
    el("h2", { id: "dialog-title", text: title }),
    el("p", { text }),
    el(
      "form",
      { method: "dialog", class: "row" },
      el("button", { value: "no", text: "Leave it" }),
      el("button", { value: "yes", class: danger ? "danger" : "primary", text: action }),
    ),
  );
  document.body.append(dialog);
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue === "yes");
    });
  });
}
