// The few parts of a browser that the pure modules touch when they are imported: a page's URL.

/**
 * Pretend to be on a page with this query string; returns the URLs that the page sets.
 */
export function onPage(query = "") {
  const urls = [];
  globalThis.location = { search: query, hash: "", pathname: "/searches/first" };
  globalThis.history = { replaceState: (_state, _title, url) => urls.push(url) };
  return urls;
}

/** Import a module of the dashboard anew, so that it reads the page's URL again. */
let imports = 0;
export const fresh = (path) => import(`../../../dashboards/static/${path}?fresh=${(imports += 1)}`);
