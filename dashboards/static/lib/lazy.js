// Panels whose modules are loaded when they come near the viewport. An error stays in its panel.

import { ApiError } from "./api.js";
import { whenNear } from "./dom.js";

/** @typedef {import("./panel.js").Panel} Panel */

/**
 * Import a chart's module. A browser caches a failed import, so each retry has another URL.
 *
 * @param {string} module file in `charts/` without its suffix
 * @param {number} tries
 */
async function load(module, tries) {
  try {
    return await import(`../charts/${module}.js${tries ? `?try=${tries}` : ""}`);
  } catch {
    throw new ApiError(0, { code: "unreachable", message: "A part of this page could not be read from the server." });
  }
}

/**
 * Once the first of the panels comes near the viewport, import `module` and let `fill` use it.
 *
 * @param {Panel[]} panels
 * @param {string} module file in `charts/` without its suffix
 * @param {(found: any) => Promise<void>} fill
 */
export function lazily(panels, module, fill) {
  let tries = 0;
  async function attempt() {
    try {
      await fill(await load(module, tries));
    } catch (error) {
      tries += 1;
      const shown = error instanceof Error ? error : new Error(String(error));
      for (const panel of panels) {
        panel.fail(shown, () => {
          for (const each of panels) each.loading();
          attempt();
        });
      }
      // An error without a code is a bug in our JavaScript: report it.
      if (!(error instanceof ApiError)) reportError(error);
    }
  }
  whenNear(panels[0].section, attempt);
}
