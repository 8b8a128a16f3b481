// Logging in with the dashboard's token.

import { post } from "./api.js";
import { byId } from "./dom.js";
import { page, showSession } from "./shell.js";

byId("login").addEventListener("submit", async (event) => {
  event.preventDefault();
  try {
    await post("/api/login", { name: byId("name").value, token: byId("token").value });
    location.href = page.next || "/";
  } catch (error) {
    if (!error.code) throw error;
    byId("refusal").textContent = error.message;
    byId("token").select();
  }
});
showSession();
