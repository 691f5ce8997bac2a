// An Express application behind a load balancer that signs users in.
//
// It believes nobody but its load balancer: `x-amzn-oidc-data` must be signed by one of AWS's keys,
// and the signer must be the load balancer whose ARN is in SIGNER.
//
//     npm install && SIGNER=arn:aws:elasticloadbalancing:… PUBLIC_KEYS=http://127.0.0.1:4901 npm start
import express from "express";
import { importSPKI, jwtVerify } from "jose";

const { SIGNER, AWS_REGION = "us-east-1", PORT = "3000" } = process.env;
const PUBLIC_KEYS =
  process.env.PUBLIC_KEYS ?? `https://public-keys.auth.elb.${AWS_REGION}.amazonaws.com`;
const KEY_ID = /^[0-9a-f-]{36}$/;
const keys = new Map();

// The key of a header that claims to be our load balancer's; the id is a UUID, the place is ours.
async function publicKey({ kid, signer }) {
  if (!SIGNER || signer !== SIGNER || !KEY_ID.test(kid)) throw new Error("another signer");
  if (!keys.has(kid)) {
    const answer = await fetch(`${PUBLIC_KEYS}/${kid}`, { signal: AbortSignal.timeout(5000) });
    if (!answer.ok) throw new Error(`no public key: ${answer.status}`);
    keys.set(kid, await importSPKI(await answer.text(), "ES256"));
  }
  return keys.get(kid);
}

// Who is signed in goes on with `request.user`; what did not come that way is refused.
async function signedIn(request, response, next) {
  try {
    const data = request.get("x-amzn-oidc-data") ?? "";
    request.user = (await jwtVerify(data, publicKey, { algorithms: ["ES256"] })).payload;
  } catch {
    return response.status(403).send("This page is for who is signed in.\n");
  }
  return next();
}

const app = express();
app.disable("x-powered-by");
app.get("/health", (_, response) => response.send("ok\n"));
app.get("/", signedIn, ({ user }, response) => response.json({ hello: user.email ?? user.sub }));

// Ends the session at the load balancer; the provider's own session ends at the provider.
app.get("/log-out", (_, response) => {
  for (const number of [0, 1, 2, 3]) {
    response.clearCookie(`AWSELBAuthSessionCookie-${number}`, { secure: true, httpOnly: true });
  }
  response.send("You are signed out.\n");
});

app.listen(Number(PORT), "127.0.0.1");
