// The JSON API: what it answers, and its refusals in its own words.

// After which a request that nothing is heard of has failed, so that its panel can say so.
const ANSWER_MS = 60_000;

export class ApiError extends Error {
  constructor(status, { code, message, field }) {
    super(message);
    this.status = status;
    this.code = code;
    this.field = field ?? null;
  }
}

export const searchUrl = (name, rest = "") => `/api/searches/${encodeURIComponent(name)}${rest}`;
export const searchPage = (name) => `/searches/${encodeURIComponent(name)}`;
export const trialPage = (name, tid) => `${searchPage(name)}/trials/${tid}`;

/** Ask for JSON; throws ApiError with words for people. */
export async function getJson(url) {
  return whole((await ask(url)).json());
}

/** Ask for text, such as an export. */
export async function getText(url) {
  return whole((await ask(url)).text());
}

let session = null;

/** Who the reader is and what they may do; asked for again after it could not be told. */
export async function getSession() {
  session ??= getJson("/api/session").catch((error) => {
    session = null;
    throw error;
  });
  return session;
}

/** Change something. A session that ended with its server is renewed once. */
export async function post(url, body = {}, again = true) {
  const { csrf } = await getSession();
  try {
    const response = await ask(url, {
      method: "POST",
      headers: { "Content-Type": "application/json", "X-CSRF-Token": csrf },
      body: JSON.stringify(body),
    });
    return await whole(response.json());
  } catch (error) {
    if (error.code !== "csrf" || !again) throw error;
    session = null;
    return post(url, body, false);
  }
}

async function ask(url, options = {}) {
  let response;
  try {
    response = await fetch(url, { signal: AbortSignal.timeout(ANSWER_MS), ...options });
  } catch {
    throw unreachable();
  }
  if (response.ok) return response;
  const document = await response.json().catch(() => null);
  const said = document?.error ?? { code: "internal", message: `The server answered with ${response.status}.` };
  throw new ApiError(response.status, said);
}

/** A body, which may break off as well. */
async function whole(body) {
  try {
    return await body;
  } catch {
    throw unreachable();
  }
}

function unreachable() {
  return new ApiError(0, { code: "unreachable", message: "The dashboard's server doesn't answer." });
}
