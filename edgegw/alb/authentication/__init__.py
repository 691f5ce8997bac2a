"""Signing in at the load balancer: the actions authenticate-oidc and authenticate-cognito.

Nobody is remembered here. Who is signed in brings a session in cookies, sealed with a key of the
gateway; who is on the way brings where they wanted to go, sealed the same way, in `state`:

    browser                     load balancer                           identity provider
    GET /page        ───────▶   CheckSession: no session
                     ◀───────   302 …/authorize?…&state=S, nonce N in a cookie
    GET …/authorize  ─────────────────────────────────────────────────▶ signs the user in
                     ◀───────────────────────────────────────────────── 302 back, with code and S
    GET /oauth2/idpresponse ▶   CheckSession: S opens, is of N, is young
                                ExchangeCode  ────────────────────────▶ code → tokens
                                FetchUserInfo ────────────────────────▶ access token → claims
                     ◀───────   302 /page, the session in cookies
    GET /page        ───────▶   CheckSession: it opens ─▶ on to the target, with who it is

A session whose access token is over goes by RefreshTokens and FetchUserInfo to the target, and the
answer brings it anew. What a step needs is asked by the driver, what its reply means stands here:

- `model.py`: the action; `keys.py` what seals and signs; `sealing.py` how.
- `session.py`: the session and its cookies; `state.py`: what goes with a client on its way.
- `provider_calls.py`: what the identity provider is asked; `provider_replies.py`: what it says.
- `identity_headers.py`: what targets learn; `refusals.py`: every way it ends badly.
- `steps.py`: the steps; `round_trip.py`: what follows what; `way_back.py`: who comes back.
- `outcome.py`: what of it the answer and the logs get.
"""
