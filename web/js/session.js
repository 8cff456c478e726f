// Who is signed in: authorization code with PKCE at the embedded issuer (RFC 7636).
//
// The access token is in memory alone. The refresh token is in this tab's session storage, so that a
// reload stays signed in; both go with the tab. No token is ever in an address.

const CLIENT_ID = "aviary-web";
const SCOPE = [
  "openid timeline:read tweets:read tweets:write media:write users:read users:write follows:read",
  "follows:write blocks:write likes:read likes:write notifications:read notifications:write",
].join(" ");
const REFRESH = "aviary.refresh";
const PENDING = "aviary.pending";
/** Before its end a token is replaced, in milliseconds: clocks differ, and requests take a while. */
const EARLY_MS = 60_000;

let access = null;
let goodUntil = 0;
let refreshing = null;

const redirectUri = () => `${location.origin}/callback`;
const base64url = (bytes) =>
  btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
const random = () => base64url(crypto.getRandomValues(new Uint8Array(32)));

/** Whether somebody was signed in when this tab was last used. */
export const isSignedIn = () => access !== null || sessionStorage.getItem(REFRESH) !== null;

/** Leave for the issuer's page, which asks for the password; comes back to `/callback`. */
export async function signIn({ handle = "", back = "/" } = {}) {
  const verifier = random();
  const state = random();
  sessionStorage.setItem(PENDING, JSON.stringify({ verifier, state, back }));
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(verifier));
  const query = new URLSearchParams({
    response_type: "code",
    client_id: CLIENT_ID,
    redirect_uri: redirectUri(),
    scope: SCOPE,
    state,
    code_challenge: base64url(new Uint8Array(digest)),
    code_challenge_method: "S256",
    ...(handle ? { login_hint: handle } : {}),
  });
  location.assign(`/oauth/authorize?${query}`);
}

/** Take up what the issuer sent back; gives the path to go on at, or throws what went wrong. */
export async function comeBack() {
  const said = new URLSearchParams(location.search);
  // Out of the address, and so out of the history, before anything else.
  history.replaceState(null, "", "/callback");
  const pending = JSON.parse(sessionStorage.getItem(PENDING) ?? "null");
  sessionStorage.removeItem(PENDING);
  if (said.get("error") === "access_denied") throw new Error("You did not sign in.");
  const isOurs = pending !== null && said.get("state") === pending.state;
  // RFC 9207: another issuer's answer is none of ours.
  if (!isOurs || said.get("iss") !== (await issuer()) || !said.get("code")) {
    throw new Error("This sign-in was not begun here, or has ended. Please try again.");
  }
  await take({
    grant_type: "authorization_code",
    code: said.get("code"),
    redirect_uri: redirectUri(),
    code_verifier: pending.verifier,
  });
  return pending.back;
}

async function issuer() {
  const answer = await fetch("/.well-known/openid-configuration");
  return answer.ok ? (await answer.json()).issuer : "";
}

/** Give an access token, a new one where the last has ended; null where nobody is signed in. */
export async function token({ anew = false } = {}) {
  if (access !== null && !anew && Date.now() < goodUntil) return access;
  const refresh = sessionStorage.getItem(REFRESH);
  if (refresh === null) return null;
  // A refresh token is good once, so all who need a token wait for one request.
  refreshing ??= take({ grant_type: "refresh_token", refresh_token: refresh }).finally(() => {
    refreshing = null;
  });
  await refreshing;
  return access;
}

async function take(grant) {
  const answer = await fetch("/oauth/token", {
    method: "POST",
    body: new URLSearchParams({ client_id: CLIENT_ID, ...grant }),
  });
  if (!answer.ok) {
    // Refused for good; what is only away for a moment keeps what we have.
    if (answer.status === 400 || answer.status === 401) forget();
    throw new Error(answer.status === 400 ? "Your session has ended. Please sign in again." : "Aviary does not answer.");
  }
  const made = await answer.json();
  // Somebody has signed out meanwhile: nothing of this session is kept.
  const { refresh_token: spent } = grant;
  if (spent && sessionStorage.getItem(REFRESH) !== spent) throw new Error("You are signed out.");
  access = made.access_token;
  goodUntil = Date.now() + made.expires_in * 1000 - EARLY_MS;
  if (made.refresh_token) sessionStorage.setItem(REFRESH, made.refresh_token);
}

function forget() {
  access = null;
  sessionStorage.removeItem(REFRESH);
}

/** End the session here and at the issuer. */
export async function signOut() {
  const refresh = sessionStorage.getItem(REFRESH);
  forget();
  if (refresh === null) return;
  const body = new URLSearchParams({ client_id: CLIENT_ID, token: refresh });
  // Where it does not arrive, the token is at least gone from here.
  await fetch("/oauth/revoke", { method: "POST", body }).catch(() => {});
}
