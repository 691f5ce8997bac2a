// openid-client against a provider: discovery, PKCE, the code from a form, refresh, user info, revocation.
// Prints what it found as JSON. The password comes by environment, as everything else.
import * as oidc from "openid-client";

const { ISSUER, CLIENT, SECRET, BACK, USER_NAME, PASSWORD } = process.env;
const authentication = SECRET ? oidc.ClientSecretBasic(SECRET) : oidc.None();
const config = await oidc.discovery(new URL(ISSUER), CLIENT, undefined, authentication, {
  execute: [oidc.allowInsecureRequests],
});
const verifier = oidc.randomPKCECodeVerifier();
const state = oidc.randomState();
const nonce = oidc.randomNonce();
const asked = oidc.buildAuthorizationUrl(config, {
  redirect_uri: BACK,
  scope: "openid email",
  code_challenge: await oidc.calculatePKCECodeChallenge(verifier),
  code_challenge_method: "S256",
  state,
  nonce,
});

// What a browser would do.
const page = await fetch(asked);
const cookie = page.headers.getSetCookie().map((each) => each.split(";")[0]).join("; ");
const html = await page.text();
const field = (name) => html.match(new RegExp(`name="${name}" value="([^"]*)"`))[1].replaceAll("&amp;", "&");
const form = { _csrf: field("_csrf"), request: field("request"), username: USER_NAME, password: PASSWORD };
const back = await fetch(new URL("/login", ISSUER), {
  method: "POST",
  redirect: "manual",
  headers: { cookie, "content-type": "application/x-www-form-urlencoded" },
  body: new URLSearchParams(form),
});

const checks = { pkceCodeVerifier: verifier, expectedState: state, expectedNonce: nonce, idTokenExpected: true };
const tokens = await oidc.authorizationCodeGrant(config, new URL(back.headers.get("location")), checks);
const claims = tokens.claims();
const user = await oidc.fetchUserInfo(config, tokens.access_token, claims.sub);
const again = await oidc.refreshTokenGrant(config, tokens.refresh_token);
await oidc.tokenRevocation(config, tokens.refresh_token);
const revoked = await oidc.refreshTokenGrant(config, tokens.refresh_token).catch((error) => error.error);
console.log(JSON.stringify({ email: user.email, same: again.claims().sub === claims.sub, revoked }));
