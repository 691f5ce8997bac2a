// viewer-request: lets in who has a token of the identity provider in the cookie `token`.
"use strict";

const crypto = require("node:crypto");

const ISSUER = "http://127.0.0.1:8095"; // of a user pool: https://cognito-idp.REGION.amazonaws.com/POOL
const JWKS = ISSUER + "/oauth2/jwks"; // of a user pool: ISSUER + "/.well-known/jwks.json"
const CLIENT = "app";
const MINUTE = 60_000;

const keys = new Map(); // by id, as long as the environment lives
let fetched = 0;

exports.handler = async (event) => {
  const request = event.Records[0].cf.request;
  try {
    const claims = await verified(cookie(request, "token"));
    // Over what a viewer may have sent under this name.
    request.headers["x-user"] = [{ key: "X-User", value: claims.sub }];
    return request;
  } catch (error) {
    console.log(`refused: ${error.message}`); // what is wrong, never the token
    return {
      status: "401",
      statusDescription: "Unauthorized",
      headers: { "cache-control": [{ key: "Cache-Control", value: "no-store" }] },
      body: "Sign in first.",
    };
  }
};

function cookie(request, name) {
  for (const { value } of request.headers.cookie ?? []) {
    const crumb = value.split("; ").find((each) => each.startsWith(`${name}=`));
    if (crumb) return crumb.slice(name.length + 1);
  }
  throw new Error("there is no cookie");
}

async function verified(token) {
  const [head, body, signature, more] = token.split(".");
  if (!signature || more !== undefined) throw new Error("it is no token");
  const header = decoded(head);
  if (header.alg !== "RS256") throw new Error("it is not signed by RS256"); // whatever the token says
  const key = await keyOf(header.kid);
  const bytes = Buffer.from(signature, "base64url");
  if (!crypto.verify("RSA-SHA256", Buffer.from(`${head}.${body}`), key, bytes)) {
    throw new Error("the signature does not fit");
  }
  const claims = decoded(body);
  if (claims.iss !== ISSUER) throw new Error("it is another issuer's");
  if (![claims.client_id, claims.aud].includes(CLIENT)) throw new Error("it is for another client");
  if (!(Date.now() / 1000 < claims.exp)) throw new Error("it has expired");
  return claims;
}

function decoded(part) {
  try {
    return JSON.parse(Buffer.from(part, "base64url"));
  } catch {
    throw new Error("it is no token"); // the parser's words quote it
  }
}

// An unknown id asks the provider, but once a minute at most.
async function keyOf(name) {
  if (!keys.has(name) && Date.now() - fetched > MINUTE) {
    fetched = Date.now();
    const answer = await fetch(JWKS, { signal: AbortSignal.timeout(3000) });
    for (const jwk of (await answer.json()).keys) {
      keys.set(jwk.kid, crypto.createPublicKey({ key: jwk, format: "jwk" }));
    }
  }
  if (!keys.has(name)) throw new Error("its key is not the issuer's");
  return keys.get(name);
}
