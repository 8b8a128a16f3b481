// Requests to the JSON API. A refused request throws an ApiError with the server's message.

import { root } from "./root.js";

// A request without a response after this long counts as failed, so that its panel can say so.
const TIMEOUT_MS = 60_000;
// The same for a file: a dump of 200 MB takes minutes over a slow line, and some more to be stored.
const UPLOAD_MS = 1_800_000;

/** A request that the server refused, or that never reached it (status 0, code "unreachable"). */
export class ApiError extends Error {
  /**
   * @param {number} status HTTP status, 0 without a response
   * @param {{code: string, message: string, field?: string | null}} detail
   */
  constructor(status, { code, message, field }) {
    super(message);
    this.status = status;
    this.code = code;
    this.field = field ?? null;
  }
}

/**
 * The error as an ApiError. Any other error is a bug in our JavaScript and is thrown again.
 *
 * @param {unknown} error
 * @returns {ApiError}
 */
export function apiError(error) {
  if (error instanceof ApiError) return error;
  throw error;
}

/**
 * Path of an endpoint below a search.
 *
 * @param {string} name
 */
export const searchUrl = (name, rest = "") => `${root}/api/searches/${encodeURIComponent(name)}${rest}`;

/**
 * Path of a search's page.
 *
 * @param {string} name
 */
export const searchPage = (name) => `${root}/searches/${encodeURIComponent(name)}`;

/**
 * Path of a trial's page.
 *
 * @param {string} name
 * @param {number} tid
 */
export const trialPage = (name, tid) => `${searchPage(name)}/trials/${tid}`;

/**
 * Read JSON from an endpoint.
 *
 * @param {string} url
 * @returns {Promise<any>}
 */
export async function getJson(url) {
  return whole((await request(url)).json());
}

/**
 * Read text from an endpoint, such as an export.
 *
 * @param {string} url
 */
export async function getText(url) {
  return whole((await request(url)).text());
}

/** @type {Promise<Api.SessionState> | null} */
let session = null;

/**
 * The reader's session; requested once, and again after a failure.
 *
 * @returns {Promise<Api.SessionState>}
 */
export async function getSession() {
  session ??= getJson(`${root}/api/session`).catch((error) => {
    session = null;
    throw error;
  });
  return session;
}

/**
 * Send a change as JSON. A session that ended because the server restarted is renewed once.
 *
 * @param {string} url
 * @param {object} body
 * @returns {Promise<any>}
 */
export function post(url, body = {}) {
  return change(url, "application/json", JSON.stringify(body));
}

/**
 * Upload a file, with what the endpoint is to know about it. Empty parameters are left out.
 *
 * @param {string} url
 * @param {File} file
 * @param {Record<string, string>} parameters
 * @returns {Promise<any>}
 */
export function upload(url, file, parameters = {}) {
  const known = Object.entries({ file: file.name, ...parameters }).filter(([, value]) => value !== "");
  return change(`${url}?${new URLSearchParams(known)}`, "application/octet-stream", file, UPLOAD_MS);
}

/**
 * @param {string} url
 * @param {string} type
 * @param {string | File} body
 * @param {number} timeout in milliseconds
 * @returns {Promise<any>}
 */
async function change(url, type, body, timeout = TIMEOUT_MS, retry = true) {
  const { csrf } = await getSession();
  try {
    const response = await request(url, {
      method: "POST",
      headers: { "Content-Type": type, "X-CSRF-Token": csrf },
      body,
      signal: AbortSignal.timeout(timeout),
    });
    return await whole(response.json());
  } catch (error) {
    if (apiError(error).code !== "csrf" || !retry) throw error;
    session = null;
    return change(url, type, body, timeout, false);
  }
}

/**
 * @param {string} url
 * @param {RequestInit} options
 */
async function request(url, options = {}) {
  let response;
  try {
    response = await fetch(url, { signal: AbortSignal.timeout(TIMEOUT_MS), ...options });
  } catch {
    throw unreachable();
  }
  if (response.ok) return response;
  const document = await response.json().catch(() => null);
  const detail = document?.error ?? { code: "internal", message: `The server answered with ${response.status}.` };
  throw new ApiError(response.status, detail);
}

/**
 * The whole body of a response. A connection that breaks while it is read is an ApiError too.
 *
 * @template T
 * @param {Promise<T>} body
 */
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
