// The provider of panva's oidc-provider with its own pages; everybody may sign in by name.
// A refresh token is good once: the one after it comes with the answer.
import Provider from "oidc-provider";

const { ISSUER, CLIENT, SECRET, BACKS } = process.env;
const provider = new Provider(ISSUER, {
  clients: [
    {
      client_id: CLIENT,
      client_secret: SECRET,
      redirect_uris: BACKS.split(" "),
      grant_types: ["authorization_code", "refresh_token"],
    },
  ],
  claims: { openid: ["sub"], email: ["email", "email_verified"] },
  cookies: { keys: ["for tests alone"] },
  findAccount: (_, id) => ({
    accountId: id,
    claims: () => ({ sub: id, email: `${id}@example.com`, email_verified: true }),
  }),
  issueRefreshToken: () => true,
  pkce: { required: () => false },
  rotateRefreshToken: true,
  ttl: {
    AccessToken: 60,
    AuthorizationCode: 60,
    Grant: 3600,
    IdToken: 600,
    Interaction: 600,
    RefreshToken: 3600,
    Session: 3600,
  },
});
let refreshes = 0;
provider.on("grant.success", (context) => {
  if (context.oidc.params.grant_type === "refresh_token") refreshes += 1;
});
provider.use(async (context, next) => {
  if (context.path === "/refreshes") context.body = { refreshes };
  else await next();
});
provider.listen(new URL(ISSUER).port, "localhost");
