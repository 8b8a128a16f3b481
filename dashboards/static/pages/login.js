// The page to log in with the dashboard's token.

import { apiError, post } from "../lib/api.js";
import { byId, inputById } from "../lib/dom.js";
import { root } from "../lib/root.js";
import { page, showSession } from "../lib/shell.js";

byId("login").addEventListener("submit", async (event) => {
  event.preventDefault();
  try {
    await post(`${root}/api/login`, { name: inputById("name").value, token: inputById("token").value });
    const next = new URL(page.next || `${root}/`, location.origin);
    location.href = next.origin === location.origin ? next.href : `${root}/`;
  } catch (error) {
    byId("refusal").textContent = apiError(error).message;
    inputById("token").select();
  }
});
showSession();
