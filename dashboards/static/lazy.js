// Panels that are made when they come near the view. What goes wrong in one is said in it, with
// another try; it holds up no other.

import { ApiError } from "./api.js";
import { whenNear } from "./dom.js";

/** Read a module of this page. A browser keeps a failure for good, so another try has another name. */
async function read(module, tries) {
  if (module === null) return null;
  try {
    return await import(`./${module}.js${tries ? `?try=${tries}` : ""}`);
  } catch {
    throw new ApiError(0, { code: "unreachable", message: "A part of this page could not be read from the server." });
  }
}

/** Have `make` fill `panels` with what `module` exports (null: it needs none), once the first of them comes near. */
export function lazily(panels, module, make) {
  let tries = 0;
  async function attempt() {
    try {
      await make(await read(module, tries));
    } catch (error) {
      tries += 1;
      for (const panel of panels) {
        panel.fail(error, () => {
          for (const each of panels) each.loading();
          attempt();
        });
      }
      // What isn't an answer of the server's is a fault of the page's.
      if (!error.code) reportError(error);
    }
  }
  whenNear(panels[0].section, attempt);
}
