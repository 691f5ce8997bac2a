"""The pages: no scripts, nothing from elsewhere, one style sheet that the policy names by its hash.

They work by keyboard and with a screen reader, on small screens, in light and dark, and without
colours. Names of fields are those of Amazon Cognito's hosted pages, which tests fill in.
"""

from __future__ import annotations

import hashlib
from base64 import b64encode
from html import escape
from typing import Final
from urllib.parse import parse_qsl, urlencode

from edgegw.identity.authorization import AuthorizationRequest
from edgegw.identity.model import IdentityProvider, IdentityUser

_STYLE: Final = """
:root{color-scheme:light dark;--back:#f3f5f8;--card:#fff;--text:#1a2233;--soft:#566075;
--line:#8791a5;--accent:#1d5fd1;--on:#fff;--bad:#b3261e;--badback:#fdecea;--edge:#dde2ea}
@media (prefers-color-scheme:dark){:root{--back:#10141c;--card:#1a202c;--text:#eaeef6;
--soft:#a8b1c4;--line:#7d879b;--accent:#8db8ff;--on:#0b1a33;--bad:#ffb4ab;--badback:#3b1a18;
--edge:#2b3444}}
*{box-sizing:border-box}
body{margin:0;min-height:100vh;display:flex;flex-direction:column;align-items:center;
justify-content:center;gap:1.25rem;padding:1.5rem 1rem;background:var(--back);color:var(--text);
font:1rem/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",sans-serif}
main{width:100%;max-width:24rem;background:var(--card);border:1px solid var(--edge);
border-radius:.75rem;padding:2rem;box-shadow:0 .5rem 2rem rgba(16,24,40,.08)}
.mark{width:2.75rem;height:2.75rem;border-radius:.75rem;background:var(--accent);color:var(--on);
display:grid;place-items:center;font-weight:700;font-size:1.25rem;margin-bottom:1rem}
h1{font-size:1.375rem;line-height:1.3;margin:0 0 .25rem}
p{margin:0 0 1rem;color:var(--soft);overflow-wrap:anywhere}
p strong,li{color:var(--text)}
main>:last-child{margin-bottom:0}
label{display:block;font-weight:600;margin:1rem 0 .375rem}
input{width:100%;font:inherit;color:inherit;background:transparent;padding:.625rem .75rem;
border:1px solid var(--line);border-radius:.5rem}
button{width:100%;font:inherit;font-weight:600;padding:.6875rem .75rem;border-radius:.5rem;
border:1px solid var(--accent);background:var(--accent);color:var(--on);cursor:pointer;
margin-top:1.5rem}
button.second{background:transparent;color:var(--accent);margin-top:.75rem}
a{color:var(--accent)}
:focus-visible{outline:3px solid var(--accent);outline-offset:2px}
.fault{background:var(--badback);color:var(--bad);border-radius:.5rem;padding:.625rem .75rem;
margin:1rem 0 0;font-weight:600}
.known{margin:1.5rem 0 0;padding-top:1rem;border-top:1px solid var(--edge);font-size:.875rem}
ul{margin:0;padding-left:1.25rem}
footer{font-size:.8125rem;color:var(--soft);text-align:center}
.pool main{border-radius:.25rem;padding:0 0 2rem}
.pool main>*{margin-left:2rem;margin-right:2rem}
.pool .mark{width:auto;height:4.5rem;margin:0 0 1.5rem;border-radius:.25rem .25rem 0 0}
.pool input,.pool button{border-radius:.25rem}
"""
_POLICY: Final = (
    "default-src 'none'; img-src data:; "
    f"style-src 'sha256-{b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()}'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
HEADERS: Final = {
    "content-security-policy": _POLICY,
    "cache-control": "no-store",
    "referrer-policy": "same-origin",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}
"""What every page is sent with. Where forms lead is left open: the way back to a client is part of
the same navigation, and goes on from there to anywhere."""

_MOST_KNOWN: Final = 12
"""Users that the log-in page offers."""
_SCOPES: Final = {
    "openid": "who you are",
    "profile": "your name and profile",
    "email": "your e-mail address",
    "phone": "your phone number",
    "address": "your address",
    "offline_access": "access while you are away",
}


def login_page(
    provider: IdentityProvider,
    request: AuthorizationRequest,
    token: str,
    *,
    fault: str,
    name: str,
) -> str:
    """The page that asks for name and password."""
    invalid = ' aria-invalid="true" aria-describedby="fault"' if fault else ""
    first, second = ("", " autofocus") if name else (" autofocus", "")
    alert = f'<p class="fault" role="alert" id="fault">{escape(fault)}</p>' if fault else ""
    content = f"""<h1>Sign in</h1>
<p>to continue to <strong>{escape(request.client.id)}</strong></p>
{alert}
<form method="post" action="/login">
{_hidden(request, token)}
<label for="username">User name</label>
<input id="username" name="username" value="{escape(name)}" autocomplete="username" \
autocapitalize="none" spellcheck="false" required{first}{invalid}>
<label for="password">Password</label>
<input id="password" name="password" type="password" autocomplete="current-password" \
required{second}{invalid}>
<button name="signInSubmitButton" value="1">Sign in</button>
<button class="second" name="cancel" value="1" formnovalidate>Cancel</button>
</form>
{_known_users(provider, request)}"""
    return _page(provider, "Sign in", content)


def _known_users(provider: IdentityProvider, request: AuthorizationRequest) -> str:
    """The users of the configuration: a link fills in the name."""
    names = [user.name for user in provider.users.values() if user.password is not None]
    if not names:
        return ""
    pairs = [pair for pair in parse_qsl(request.query) if pair[0] != "login_hint"]
    links = [
        f'<a href="/login?{escape(urlencode([*pairs, ("login_hint", name)]))}">{escape(name)}</a>'
        for name in names[:_MOST_KNOWN]
    ]
    return f'<p class="known">Users of the configuration: {", ".join(links)}</p>'


def consent_page(
    provider: IdentityProvider, request: AuthorizationRequest, user: IdentityUser, token: str
) -> str:
    """The page that asks whether a client may have what it asks for."""
    wanted = "".join(f"<li>{escape(_SCOPES.get(scope, scope))}</li>" for scope in request.scopes)
    content = f"""<h1>Allow access?</h1>
<p><strong>{escape(request.client.id)}</strong> asks <strong>{escape(user.name)}</strong> for:</p>
<ul>{wanted}</ul>
<form method="post" action="/consent">
{_hidden(request, token)}
<button name="allow" value="1">Allow</button>
<button class="second" name="deny" value="1">Deny</button>
</form>"""
    return _page(provider, "Allow access?", content)


def message_page(provider: IdentityProvider, title: str, text: str) -> str:
    """A page that says something."""
    return _page(provider, title, f"<h1>{escape(title)}</h1>\n<p>{escape(text)}</p>")


def _hidden(request: AuthorizationRequest, token: str) -> str:
    return (
        f'<input type="hidden" name="_csrf" value="{escape(token)}">'
        f'<input type="hidden" name="request" value="{escape(request.query)}">'
    )


def _page(provider: IdentityProvider, title: str, content: str) -> str:
    theme = "plain" if provider.user_pool is None else "pool"
    mark = escape((provider.name[:1] or "e").upper())
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width,initial-scale=1">
<meta name="robots" content="noindex">
<title>{escape(title)} - {escape(provider.name)}</title>
<link rel="icon" href="data:,">
<style>{_STYLE}</style>
</head>
<body class="{theme}">
<main>
<div class="mark" aria-hidden="true">{mark}</div>
{content}
</main>
<footer>{escape(provider.name)}: an identity provider of edgegw, for development</footer>
</body>
</html>
"""
