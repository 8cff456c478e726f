// A log-in by openid-client, which checks of the issuer all that OpenID Connect has a client check.
// Takes {issuer, client_id, client_secret?, auth, alg?, redirect_uri, scope, state} in the first argument. Prints a
// line with the link to open, reads a line with the URI that the browser came back to, and prints
// what came of it.
import { createInterface } from "node:readline/promises";
import * as client from "openid-client";

const asked = JSON.parse(process.argv[2]);
const how = {
  none: () => client.None(),
  client_secret_basic: () => client.ClientSecretBasic(asked.client_secret),
  client_secret_post: () => client.ClientSecretPost(asked.client_secret),
}[asked.auth]();
const metadata = asked.alg ? { id_token_signed_response_alg: asked.alg } : {};
const config = await client.discovery(new URL(asked.issuer), asked.client_id, metadata, how, {
  execute: [client.allowInsecureRequests],
});
const pkceCodeVerifier = client.randomPKCECodeVerifier();
const expectedNonce = client.randomNonce();
const link = client.buildAuthorizationUrl(config, {
  redirect_uri: asked.redirect_uri,
  scope: asked.scope,
  code_challenge: await client.calculatePKCECodeChallenge(pkceCodeVerifier),
  code_challenge_method: "S256",
  nonce: expectedNonce,
  state: asked.state,
  max_age: "600",
  acr_values: "urn:example:silver",
});
console.log(JSON.stringify({ link: link.href }));

const lines = createInterface({ input: process.stdin });
const [back] = await new Promise((done) => lines.once("line", (line) => done([line])));
const tokens = await client.authorizationCodeGrant(config, new URL(back), {
  pkceCodeVerifier,
  expectedNonce,
  expectedState: asked.state,
  idTokenExpected: true,
  maxAge: 600,
});
const claims = tokens.claims();
const userinfo = await client.fetchUserInfo(config, tokens.access_token, claims.sub);
const refreshed = await client.refreshTokenGrant(config, tokens.refresh_token);
await client.tokenRevocation(config, refreshed.access_token, { token_type_hint: "access_token" });
const after = await client.refreshTokenGrant(config, refreshed.refresh_token).then(
  () => "given",
  (error) => error.error,
);
console.log(JSON.stringify({ claims, userinfo, scope: tokens.scope, after }));
lines.close();
