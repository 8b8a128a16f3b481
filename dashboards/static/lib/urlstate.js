// The state of a page as query parameters of its URL, so that a copied link shows the same.

const search = new URLSearchParams(location.search);

/** @type {{(key: string): string | null; (key: string, otherwise: string): string}} */
export const get = (/** @type {string} */ key, /** @type {any} */ otherwise = null) => search.get(key) ?? otherwise;

/**
 * A list under a key; empty without it.
 *
 * @param {string} key
 */
export const list = (key) => search.get(key)?.split(",").filter(Boolean) ?? [];

/**
 * The parameters whose keys begin with `prefix`, by the rest of their keys: any text, `__proto__`, too.
 *
 * @param {string} prefix
 */
export function under(prefix) {
  /** @type {Record<string, string>} */
  const found = Object.create(null);
  for (const [key, value] of search) if (key.startsWith(prefix)) found[key.slice(prefix.length)] = value;
  return found;
}

/**
 * Change parameters of the URL. null, undefined, "" and [] remove a key.
 *
 * @param {Record<string, string | number | (string | number)[] | null | undefined>} changes
 */
export function set(changes) {
  for (const [key, value] of Object.entries(changes)) {
    const text = Array.isArray(value) ? value.join(",") : value;
    if (text === null || text === undefined || text === "") search.delete(key);
    else search.set(key, String(text));
  }
  const query = search.toString();
  history.replaceState(null, "", query ? `?${query}${location.hash}` : location.pathname + location.hash);
}
