// viewer-request: signs people in by OpenID Connect (authorization code, PKCE) before anything is served.
//
// /signed-in is where the provider sends them back to, /sign-out ends the session.
"use strict";

const crypto = require("node:crypto");

const ISSUER = "http://127.0.0.1:8095";
const AUTHORIZE = `${ISSUER}/oauth2/authorize`;
const TOKEN = `${ISSUER}/oauth2/token`;
const JWKS = `${ISSUER}/oauth2/jwks`;
const LOGOUT = `${ISSUER}/logout`;
const CLIENT = "app"; // a public client: code at the edge keeps no secret

let keys = []; // as long as the environment lives

exports.handler = async (event) => {
  const request = event.Records[0].cf.request;
  const site = siteOf(request);
  if (request.uri === "/signed-in") return comeBack(request, site);
  if (request.uri === "/sign-out") return signOut(site);
  const token = cookieOf(request, "session");
  if (token && (await claimsOf(token))) return request;
  return sendAway(request, site);
};

function siteOf(request) {
  const host = request.headers.host[0].value;
  return `${/^(localhost|127\.)/.test(host) ? "http" : "https"}://${host}`;
}

function sendAway(request, site) {
  const random = () => crypto.randomBytes(32).toString("base64url");
  const begun = { state: random(), nonce: random(), verifier: random(), path: pathOf(request) };
  const asked = new URLSearchParams({
    client_id: CLIENT,
    response_type: "code",
    redirect_uri: `${site}/signed-in`,
    scope: "openid email",
    state: begun.state,
    nonce: begun.nonce,
    code_challenge: crypto.createHash("sha256").update(begun.verifier).digest("base64url"),
    code_challenge_method: "S256",
  });
  const kept = Buffer.from(JSON.stringify(begun)).toString("base64url");
  return redirect(`${AUTHORIZE}?${asked}`, [cookie(site, "sign_in", kept, 600)]);
}

// Where to go on afterwards: a path of this site, never `//elsewhere`.
function pathOf({ method, uri, querystring }) {
  const isOwn = method === "GET" && /^\/(?![/\\])/.test(uri);
  return isOwn ? uri + (querystring && `?${querystring}`) : "/";
}

async function comeBack(request, site) {
  const query = new URLSearchParams(request.querystring);
  const begun = decoded(cookieOf(request, "sign_in") ?? "");
  if (!begun || query.get("state") !== begun.state) return page(400, "This sign-in was not begun here.");
  if (!query.has("code")) return page(403, "You are not signed in.");
  const answer = await fetch(TOKEN, {
    method: "POST",
    signal: AbortSignal.timeout(4000),
    body: new URLSearchParams({
      grant_type: "authorization_code",
      client_id: CLIENT,
      code: query.get("code"),
      redirect_uri: `${site}/signed-in`,
      code_verifier: begun.verifier,
    }),
  });
  if (!answer.ok) return page(502, "The identity provider did not take the code.");
  const { id_token: token } = await answer.json();
  const claims = await claimsOf(token);
  if (!claims || claims.nonce !== begun.nonce) return page(502, "The identity provider's token is not good.");
  const seconds = Math.floor(claims.exp - Date.now() / 1000);
  return redirect(site + begun.path, [cookie(site, "session", token, seconds), cookie(site, "sign_in", "", 0)]);
}

function signOut(site) {
  const asked = new URLSearchParams({ client_id: CLIENT, post_logout_redirect_uri: `${site}/` });
  return redirect(`${LOGOUT}?${asked}`, [cookie(site, "session", "", 0)]);
}

// The claims of an ID token that is for us; undefined of any other.
async function claimsOf(token) {
  const [head, body, signature, more] = token.split(".");
  const header = decoded(head);
  if (!signature || more !== undefined || header?.alg !== "RS256") return undefined;
  const known = () => keys.find((each) => each.kid === header.kid);
  if (!known()) keys = (await (await fetch(JWKS, { signal: AbortSignal.timeout(3000) })).json()).keys;
  if (!known()) return undefined;
  const key = crypto.createPublicKey({ key: known(), format: "jwk" });
  const bytes = Buffer.from(signature, "base64url");
  if (!crypto.verify("RSA-SHA256", Buffer.from(`${head}.${body}`), key, bytes)) return undefined;
  const claims = decoded(body);
  const isOurs = claims.iss === ISSUER && claims.aud === CLIENT && Date.now() / 1000 < claims.exp;
  return isOurs ? claims : undefined;
}

function decoded(part) {
  try {
    return JSON.parse(Buffer.from(part, "base64url"));
  } catch {
    return undefined;
  }
}

function cookieOf(request, name) {
  const crumbs = (request.headers.cookie ?? []).flatMap(({ value }) => value.split("; "));
  return crumbs.find((each) => each.startsWith(`${name}=`))?.slice(name.length + 1);
}

function cookie(site, name, value, seconds) {
  const secure = site.startsWith("https:") ? "; Secure" : "";
  return `${name}=${value}; Path=/; Max-Age=${seconds}; HttpOnly; SameSite=Lax${secure}`;
}

function redirect(location, cookies) {
  return {
    status: "302",
    statusDescription: "Found",
    headers: {
      location: [{ key: "Location", value: location }],
      "cache-control": [{ key: "Cache-Control", value: "no-store" }],
      "set-cookie": cookies.map((value) => ({ key: "Set-Cookie", value })),
    },
  };
}

function page(status, body) {
  return {
    status: String(status),
    headers: { "cache-control": [{ key: "Cache-Control", value: "no-store" }] },
    body,
  };
}
