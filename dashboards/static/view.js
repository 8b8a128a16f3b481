// What a page shows is in its address, so that a link shows the same thing.

const search = new URLSearchParams(location.search);
const watchers = new Set();

export const get = (key, otherwise = null) => search.get(key) ?? otherwise;

/** The list under a key; empty where there is none. */
export const list = (key) => (search.get(key) ? search.get(key).split(",") : []);

/** Every key that starts with `prefix`, without it. */
export function under(prefix) {
  const found = {};
  for (const [key, value] of search) if (key.startsWith(prefix)) found[key.slice(prefix.length)] = value;
  return found;
}

/** Change what the address says; null, "" and [] leave a key out. */
export function set(changes) {
  for (const [key, value] of Object.entries(changes)) {
    const text = Array.isArray(value) ? value.join(",") : value;
    if (text === null || text === undefined || text === "") search.delete(key);
    else search.set(key, text);
  }
  const query = search.toString();
  history.replaceState(null, "", query ? `?${query}${location.hash}` : location.pathname + location.hash);
  for (const watcher of watchers) watcher(changes);
}

export const onChange = (watcher) => watchers.add(watcher);
