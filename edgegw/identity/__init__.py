"""An identity provider for development: OpenID Connect, and the shape of an Amazon Cognito pool.

What it decides is pure: time and chance come in as arguments, nothing opens a file or a socket.
`gateway/identity_providers.py` keeps its keys and puts it behind a socket.

    app.py             the paths, as a starlette application
      guard.py         who may call at all: Host, Origin
      authorization.py what an authorization request asks for, or why it is refused
      sign_in.py       from there to a code: log-in page, session, consent
      pages.py         the pages, without scripts and foreign resources
      token_requests.py   codes and refresh tokens → tokens
      cognito_api.py   the calls of `cognito-idp`
      documents.py     discovery, JWKS
    provider.py        what all of these share: users, clients, the clock, what was issued
      codes.py  grants.py   what may be used once, what was taken back
      memory.py        what of it outlives a restart, and passwords that were changed
      tokens.py  claims.py  signing.py  sealing.py   what tokens say, and how they are made

JWTs are PyJWT's: of the libraries measured it is the one without dependencies, and signing costs
the same with all of them (0.8 ms, of which 0.7 are RSA). It comes with the first request, as
starlette does.
"""
