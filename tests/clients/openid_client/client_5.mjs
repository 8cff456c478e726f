// openid-client 5, of other code than 6 and not on oauth4webapi, driven by `steps.mjs`.
import { custom, generators, Issuer } from "openid-client-5";
import { takeSteps } from "./steps.mjs";

const MAX_AGE_S = 600;
// Its own 3.5 s are few on a machine that is busy with other tests; 30 s is what openid-client 6 has.
custom.setHttpOptionsDefaults({ timeout: 30_000 });

const app = JSON.parse(process.argv[2]);
const issuer = await Issuer.discover(app.issuer);
const client = new issuer.Client({
  client_id: app.client_id,
  client_secret: app.client_secret || undefined,
  redirect_uris: [app.redirect_uri],
  response_types: ["code"],
  token_endpoint_auth_method: app.auth,
  id_token_signed_response_alg: app.alg,
});

let awaited; // what the link of this log-in promised: verifier, nonce, state
let tokens;

const steps = {
  link() {
    awaited = {
      code_verifier: generators.codeVerifier(),
      nonce: generators.nonce(),
      state: generators.state(),
    };
    return client.authorizationUrl({
      scope: app.scope,
      code_challenge: generators.codeChallenge(awaited.code_verifier),
      code_challenge_method: "S256",
      nonce: awaited.nonce,
      state: awaited.state,
      max_age: MAX_AGE_S,
    });
  },
  async come_back({ uri }) {
    const checks = { ...awaited, response_type: "code", max_age: MAX_AGE_S };
    tokens = await client.callback(app.redirect_uri, client.callbackParams(uri), checks);
    return { ...tokens, claims: tokens.claims() };
  },
  userinfo() {
    return client.userinfo(tokens);
  },
  refresh({ refresh_token }) {
    return client.refresh(refresh_token);
  },
  async revoke({ token }) {
    await client.revoke(token);
    return null;
  },
};

// An error of OAuth has its name; what it does not believe itself has a text alone.
await takeSteps(steps, (error) => ({ error: error.error ?? error.name, said: `${error}` }));
