// openid-client 6, driven by `steps.mjs`.
import * as client from "openid-client";
import { takeSteps } from "./steps.mjs";

const app = JSON.parse(process.argv[2]);
const authentication = {
  none: () => client.None(),
  client_secret_basic: () => client.ClientSecretBasic(app.client_secret),
  client_secret_post: () => client.ClientSecretPost(app.client_secret),
}[app.auth]();
const config = await client.discovery(
  new URL(app.issuer),
  app.client_id,
  { id_token_signed_response_alg: app.alg },
  authentication,
  // Left to itself, it does not verify the signature of an ID token from the token endpoint.
  { execute: [client.allowInsecureRequests, client.enableNonRepudiationChecks] },
);

let awaited; // what the link of this log-in promised: verifier, nonce, state
let tokens;

const steps = {
  async link() {
    awaited = {
      pkceCodeVerifier: client.randomPKCECodeVerifier(),
      expectedNonce: client.randomNonce(),
      expectedState: client.randomState(),
    };
    const link = client.buildAuthorizationUrl(config, {
      redirect_uri: app.redirect_uri,
      scope: app.scope,
      code_challenge: await client.calculatePKCECodeChallenge(awaited.pkceCodeVerifier),
      code_challenge_method: "S256",
      nonce: awaited.expectedNonce,
      state: awaited.expectedState,
      max_age: "600",
    });
    return link.href;
  },
  async come_back({ uri }) {
    const checks = { ...awaited, idTokenExpected: true, maxAge: 600 };
    tokens = await client.authorizationCodeGrant(config, new URL(uri), checks);
    return { ...tokens, claims: tokens.claims() };
  },
  userinfo() {
    return client.fetchUserInfo(config, tokens.access_token, tokens.claims().sub);
  },
  refresh({ refresh_token }) {
    return client.refreshTokenGrant(config, refresh_token);
  },
  async revoke({ token }) {
    await client.tokenRevocation(config, token);
    return null;
  },
};

function refusal(error) {
  // An error of OAuth has its name; what it does not believe itself has a code, and a cause.
  const named = error.error ?? error.cause?.[0]?.parameters?.error ?? error.code;
  return { error: named, said: `${error}: ${error.cause?.message}` };
}

await takeSteps(steps, refusal);
