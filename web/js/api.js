// The REST API as this client uses it. Ids are strings: they are larger than numbers can be.

import { isSignedIn, token } from "./session.js";
import { prove } from "./proof.js";

/** What the API refused: `status`, `reason` of the first detail, and a sentence for people. */
export class ApiError extends Error {
  constructor(status, body, retryAfter) {
    super(sentence(status, body, retryAfter));
    this.status = status;
    this.reason = body?.details?.find((one) => one.reason)?.reason ?? "";
  }
}

function sentence(status, body, retryAfter) {
  if (status === 429) return `That was too fast. Try again in ${retryAfter ?? "a few"} s.`;
  if (status >= 500) return "Aviary does not answer at the moment. Please try again.";
  return body?.message ? body.message.charAt(0).toUpperCase() + body.message.slice(1) : "That did not work.";
}

async function sent(method, path, { body, headers = {} }, again) {
  const bearer = path.startsWith("/v1/") ? await token({ anew: again }) : null;
  return fetch(path, {
    method,
    headers: {
      ...(bearer === null ? {} : { authorization: `Bearer ${bearer}` }),
      ...(body === undefined ? {} : { "content-type": "application/json" }),
      ...headers,
    },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
}

/** Between tries of a read that a service which starts anew did not answer, in milliseconds. */
const PAUSES_MS = [400, 1500];

async function call(method, path, options = {}) {
  let answer = await sent(method, path, options, false);
  for (const pause of method === "GET" ? PAUSES_MS : []) {
    if (answer.status < 500) break;
    await new Promise((on) => setTimeout(on, pause));
    answer = await sent(method, path, options, false);
  }
  // A token that was just revoked, or a clock that is off: another token, once.
  if (answer.status === 401 && isSignedIn()) answer = await sent(method, path, options, true);
  let said = await answer.json().catch(() => ({}));
  const asked = said?.details?.find((one) => one.reason === "STEP_UP_REQUIRED");
  if (answer.status === 429 && asked && options.flow) {
    const proof = await prove(options.flow);
    const headers = { ...options.headers, "x-proof-of-work": proof };
    answer = await sent(method, path, { ...options, headers }, false);
    said = await answer.json().catch(() => ({}));
  }
  if (!answer.ok) throw new ApiError(answer.status, said, answer.headers.get("retry-after"));
  return said;
}

const get = (path, query = {}) => {
  const given = Object.entries(query).filter(([, value]) => value !== undefined && value !== "");
  return call("GET", given.length ? `${path}?${new URLSearchParams(given)}` : path);
};
const post = (path, body, options = {}) => call("POST", path, { body, ...options });
export const EXPANSIONS = "author_id,in_reply_to_tweet_id,quote_tweet_id";
const PAGE = 30;

export const api = {
  me: () => get("/v1/users/me"),
  signUp: (body) => post("/oauth/sign-up", body, { flow: "sign-up" }),
  home: (cursor, sinceId) =>
    get("/v1/timeline/home", { cursor, since_id: sinceId, limit: PAGE, expansions: EXPANSIONS }),
  ofUser: (userId, cursor) =>
    get("/v1/timeline/user", { user_id: userId, cursor, limit: PAGE, expansions: EXPANSIONS }),
  tweet: (id) => get(`/v1/tweets/${id}`, { expansions: EXPANSIONS }),
  conversation: (id, cursor) =>
    get(`/v1/tweets/${id}/conversation`, { cursor, limit: PAGE, expansions: EXPANSIONS }),
  search: (query, sort, cursor) =>
    get("/v1/search", { query, sort, cursor, limit: PAGE, expansions: EXPANSIONS }),
  people: (query, cursor) => get("/v1/users/search", { query, cursor, limit: PAGE }),
  trends: () => get("/v1/trends"),
  userByHandle: (handle) => get(`/v1/users/by/handle/${encodeURIComponent(handle)}`),
  followers: (id, cursor) => get(`/v1/users/${id}/followers`, { cursor, limit: PAGE }),
  following: (id, cursor) => get(`/v1/users/${id}/following`, { cursor, limit: PAGE }),
  relationship: (me, other) => get(`/v1/users/${me}/relationship/${other}`),
  notifications: (cursor) => get("/v1/notifications", { cursor, limit: PAGE }),
  unreadCount: () => get("/v1/notifications/unread_count"),
  markRead: (id) => post("/v1/notifications/read", { up_to_notification_id: id }),
  media: (id) => get(`/v1/media/${id}`),
  makeRoom: (body, key) => post("/v1/media", body, { headers: { "idempotency-key": key } }),
  post: (body, key) => post("/v1/tweets", body, { headers: { "idempotency-key": key }, flow: "post" }),
  remove: (id) => call("DELETE", `/v1/tweets/${id}`),
  update: (id, body) => call("PATCH", `/v1/users/${id}`, { body }),
  like: (id, on) => post(on ? "/v1/like" : "/v1/unlike", { tweet_id: id }),
  retweet: (id, on) => post(on ? "/v1/retweet" : "/v1/unretweet", { tweet_id: id }),
  pin: (id, on) => post(on ? "/v1/pin" : "/v1/unpin", { tweet_id: id }),
  follow: (id, on) => post(on ? "/v1/follow" : "/v1/unfollow", { followee_id: id }),
  requests: (cursor) => get("/v1/follow-requests", { cursor, limit: PAGE }),
  settle: (id, approve) => post(`/v1/follow-requests/${approve ? "approve" : "deny"}`, { requester_id: id }),
  mutedWords: () => get("/v1/muted-words"),
  mute: (word, on) => post(on ? "/v1/muted-words" : "/v1/muted-words/remove", { word }),
};
