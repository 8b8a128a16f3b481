// The best trial as a column of Table 5.

import { searchUrl } from "../lib/api.js";
import { inView } from "../lib/dom.js";
import { Table5 } from "./table5.js";

/**
 * Fill the panel "table5".
 *
 * @param {import("./chart.js").SearchPage} page
 * @param {import("./chart.js").Panel[]} panels
 */
export function create({ trials }, [panel]) {
  const { name } = trials;
  const table = new Table5(panel, () => searchUrl(name, "/table"), (format) => searchUrl(name, `/export?format=${format}`));
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
