// The parts that every page has: theme and session.

import { apiError, getSession, post } from "./api.js";
import { byId, el } from "./dom.js";
import { root } from "./root.js";
import { setUp as setUpNotices } from "./notices.js";
import { setUp as setUpTheme } from "./theme.js";

setUpTheme();
setUpNotices();

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
    node.append(el("a", { href: `${root}/login?next=${here}`, text: "Log in to steer" }));
  } else if (session.login === "done") {
    const logOut = async () => {
      await post(`${root}/api/logout`);
      location.reload();
    };
    node.append(el("button", { type: "button", class: "tool", onclick: logOut, text: "Log out" }));
  } else if (!session.can_steer) {
    node.append("read-only");
    node.title = session.why ?? "";
  }
  return session;
}
