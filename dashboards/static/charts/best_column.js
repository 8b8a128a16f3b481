// The best trial as a column of its search's table.

import { searchUrl } from "../lib/api.js";
import { inView } from "../lib/dom.js";
import { Configurations } from "./configurations.js";

/**
 * Fill the panel "table".
 *
 * @param {import("./chart.js").SearchPage} page
 * @param {import("./chart.js").Panel[]} panels
 */
export function create({ trials }, [panel]) {
  const { name } = trials;
  const table = new Configurations(panel, () => searchUrl(name, "/table"), (format) => searchUrl(name, `/export?format=${format}`));
  const readAgain = inView(panel.section, () => table.load());
  let shown = trials.summary.best?.tid;
  return {
    load: () => table.load(),
    update() {
      if (trials.summary.best?.tid === shown) return;
      shown = trials.summary.best?.tid;
      readAgain();
    },
  };
}
