"""From an authorization request to a code, and out again: pages, sessions, consent, log-out."""

from __future__ import annotations

import re
from collections.abc import Mapping
from html import unescape
from urllib.parse import parse_qs, urlsplit

import pytest

from edgegw.errors import UsageError
from edgegw.identity import sign_in
from edgegw.identity.sign_in import BrowserAnswer
from tests.identity.providers import BACK, CHALLENGE, NOW, Bench, query

CAREFUL = {"client_id": "careful", "redirect_uri": "https://careful.test/"}


class Browser:
    """Keeps cookies, and sends forms as they stand on the page."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.cookies: dict[str, str] = {}
        self.answer = BrowserAnswer()

    def _take(self, answer: BrowserAnswer) -> BrowserAnswer:
        for name, text in answer.cookies.items():
            self.cookies.pop(name, None)
            if text:
                self.cookies[name] = text
        self.answer = answer
        return answer

    def ask(self, text: str) -> BrowserAnswer:
        answer = self._take(sign_in.authorize(self.bench.provider, text, self.cookies))
        if answer.location is not None and answer.location.startswith("/login?"):
            answer = self._take(
                sign_in.login(self.bench.provider, answer.location[7:], self.cookies)
            )
        return answer

    def form(self) -> dict[str, str]:
        fields = re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', self.answer.page)
        return {name: unescape(text) for name, text in fields}

    def send(self, **more: str) -> BrowserAnswer:
        form = {**self.form(), **more}
        submit = (
            sign_in.submitted_consent
            if "allow" in more or "deny" in more
            else sign_in.submitted_login
        )
        return self._take(submit(self.bench.provider, form, self.cookies))

    def sign_in(self, text: str, name: str = "ada", password: str = "demo") -> BrowserAnswer:
        self.ask(text)
        return self.send(username=name, password=password)


def returned(answer: BrowserAnswer) -> Mapping[str, list[str]]:
    assert answer.location is not None
    assert answer.location.startswith(("https://app.test/", "https://careful.test/")), (
        answer.location
    )
    return parse_qs(urlsplit(answer.location).query)


@pytest.fixture
def browser() -> Browser:
    return Browser(Bench())


def test_a_password_leads_back_with_code_and_state(browser: Browser) -> None:
    page = browser.ask(query(login_hint="grace"))
    assert page.status == 200
    assert 'value="grace"' in page.page
    back = browser.send(username="ada", password="demo")
    assert back.location is not None
    assert back.location.startswith(BACK)
    told = returned(back)
    assert told["state"] == ["xyz"]
    assert len(told["code"]) == 1
    assert browser.bench.lines == ["ada signed in for app"]


def test_who_is_signed_in_gets_another_code_without_a_page(browser: Browser) -> None:
    first = returned(browser.sign_in(query()))["code"]
    second = returned(browser.ask(query(redirect_uri="https://app.test/other")))["code"]
    assert first != second


@pytest.mark.parametrize(
    ("name", "password"),
    [("ada", "wrong"), ("ada", ""), ("eve", "demo"), ("nobody", ""), ("", ""), ("ada", "démo")],
)
def test_no_other_password_leads_anywhere(browser: Browser, name: str, password: str) -> None:
    answer = browser.sign_in(query(), name, password)
    assert (answer.location, answer.status) == (None, 401)
    assert 'role="alert"' in answer.page
    assert browser.bench.lines == ["a sign-in for app was refused"]


def test_what_was_typed_is_text_on_the_page(browser: Browser) -> None:
    answer = browser.sign_in(query(), '"><script>alert(1)</script>', "x")
    assert "<script" not in answer.page
    page = browser.ask(query(login_hint='"><img src=x>', state="<b>")).page
    assert "<img" not in page
    assert "<b>" not in page


def test_cancel_is_access_denied(browser: Browser) -> None:
    browser.ask(query())
    told = returned(browser.send(cancel="1"))
    assert told["error"] == ["access_denied"]
    assert told["state"] == ["xyz"]


def test_a_session_ends_with_its_time(browser: Browser) -> None:
    browser.sign_in(query())
    browser.bench.clock.now = NOW + 3599
    assert "code" in returned(browser.ask(query()))
    browser.bench.clock.now = NOW + 3600
    assert browser.ask(query()).location is None


def test_max_age_and_prompt_ask_for_the_password_anew(browser: Browser) -> None:
    browser.sign_in(query())
    browser.bench.clock.now = NOW + 61
    assert browser.ask(query(max_age="60")).location is None
    assert "code" in returned(browser.ask(query(max_age="61")))
    assert browser.ask(query(prompt="login")).location is None
    assert browser.ask(query(prompt="select_account")).location is None


def test_prompt_none_shows_no_page(browser: Browser) -> None:
    assert returned(browser.ask(query(prompt="none")))["error"] == ["login_required"]
    browser.sign_in(query())
    assert "code" in returned(browser.ask(query(prompt="none")))
    silent = query(prompt="none", **CAREFUL)
    assert returned(browser.ask(silent))["error"] == ["consent_required"]


def test_consent_is_asked_once_for_each_set_of_scopes(browser: Browser) -> None:
    page = browser.sign_in(query(**CAREFUL))
    assert "your e-mail address" in page.page
    assert "code" in returned(browser.send(allow="1"))
    assert "code" in returned(browser.ask(query(**CAREFUL)))
    assert browser.ask(query(scope="openid profile", **CAREFUL)).location is None
    assert browser.ask(query(prompt="consent", **CAREFUL)).location is None


def test_consent_denied_is_access_denied(browser: Browser) -> None:
    browser.sign_in(query(**CAREFUL))
    assert returned(browser.send(deny="1"))["error"] == ["access_denied"]
    assert browser.ask(query(**CAREFUL)).location is None


# Forms and cookies of others


def test_a_form_is_good_in_the_browser_it_was_made_for(browser: Browser) -> None:
    other = Browser(browser.bench)
    other.ask(query())
    browser.ask(query())
    form = {**other.form(), "username": "ada", "password": "demo"}
    answer = sign_in.submitted_login(browser.bench.provider, form, browser.cookies)
    assert (answer.status, answer.location) == (403, None)


@pytest.mark.parametrize(
    "changed", [{"_csrf": ""}, {"_csrf": "0" * 64}, {"request": query(state="other")}]
)
def test_a_changed_form_is_refused(browser: Browser, changed: dict[str, str]) -> None:
    browser.ask(query())
    answer = browser.send(username="ada", password="demo", **changed)
    assert (answer.status, answer.location) == (403, None)


def test_without_the_cookie_a_form_is_refused(browser: Browser) -> None:
    browser.ask(query())
    form = {**browser.form(), "username": "ada", "password": "demo"}
    assert sign_in.submitted_login(browser.bench.provider, form, {}).status == 403
    assert sign_in.submitted_login(browser.bench.provider, {}, {}).status == 403


def test_a_consent_form_needs_a_session(browser: Browser) -> None:
    browser.sign_in(query(**CAREFUL))
    form = {**browser.form(), "allow": "1"}
    only = {name: text for name, text in browser.cookies.items() if name.endswith("-form")}
    answer = sign_in.submitted_consent(browser.bench.provider, form, only)
    assert answer.location is None


def test_cut_forged_and_swapped_session_cookies_sign_nobody_in(browser: Browser) -> None:
    browser.sign_in(query())
    session = browser.cookies["edgegw-identity-local"]
    secret = browser.cookies["edgegw-identity-local-form"]
    for text in (
        session[:-1],
        session[1:],
        "B" + session[1:],
        session + "A",
        secret,
        "",
        "a" * 9000,
        "ä",
    ):
        cookies = {"edgegw-identity-local": text}
        answer = sign_in.authorize(browser.bench.provider, query(prompt="none"), cookies)
        assert returned(answer)["error"] == ["login_required"], text


# Log-out


def test_log_out_ends_the_session_and_a_copy_of_its_cookie(browser: Browser) -> None:
    browser.sign_in(query())
    copied = dict(browser.cookies)
    parameters = {
        "client_id": "app",
        "post_logout_redirect_uri": "https://app.test/bye",
        "state": "s",
    }
    answer = sign_in.log_out(browser.bench.provider, parameters, browser.cookies)
    assert answer.location == "https://app.test/bye?state=s"
    assert answer.cookies == {"edgegw-identity-local": ""}
    again = sign_in.authorize(browser.bench.provider, query(prompt="none"), copied)
    assert returned(again)["error"] == ["login_required"]
    assert browser.bench.lines[-1] == "ada signed out"


@pytest.mark.parametrize(
    "parameters",
    [
        {"client_id": "app", "logout_uri": "https://evil.test/"},
        {"client_id": "spa", "logout_uri": "https://app.test/bye"},
        {"logout_uri": "https://app.test/bye"},
        {"client_id": "app", "logout_uri": "https://app.test/bye/"},
        {"id_token_hint": "e30.e30.", "post_logout_redirect_uri": "https://app.test/bye"},
    ],
)
def test_log_out_leads_to_registered_addresses_alone(
    browser: Browser, parameters: dict[str, str]
) -> None:
    answer = sign_in.log_out(browser.bench.provider, parameters, {})
    assert (answer.location, answer.status) == (None, 400)


def test_log_out_without_an_address_shows_a_page(browser: Browser) -> None:
    answer = sign_in.log_out(browser.bench.provider, {}, {})
    assert answer.status == 200
    assert "You are signed out" in answer.page


def test_a_user_pool_leads_from_log_out_to_log_in() -> None:
    bench = Bench(pool=True)
    parameters = {"client_id": "app", "redirect_uri": BACK, "response_type": "code"}
    location = sign_in.log_out(bench.provider, parameters, {}).location
    assert location is not None
    assert location.startswith("/login?client_id=app&redirect_uri=")


# Without a browser


def test_a_test_signs_in_without_a_browser() -> None:
    bench = Bench()
    url = sign_in.signed_in_without_browser(bench.provider, query(), "ada")
    assert url.startswith(f"{BACK}&code=")
    denied = sign_in.signed_in_without_browser(bench.provider, query(scope="no"), "ada")
    assert "error=invalid_scope" in denied
    with pytest.raises(UsageError, match="redirect_uri"):
        sign_in.signed_in_without_browser(bench.provider, query(redirect_uri="https://e/"), "ada")
    with pytest.raises(UsageError, match="no user 'eve'"):
        sign_in.signed_in_without_browser(bench.provider, query(), "eve")


def test_the_pages_need_nothing_from_elsewhere(browser: Browser) -> None:
    pages = [browser.ask(query()).page, browser.sign_in(query(**CAREFUL)).page]
    for page in pages:
        assert "<script" not in page
        assert not re.search(r'(?:src|href)="(?!data:,|/)', page)
        assert '<html lang="en">' in page
        assert "<main>" in page
        assert len(page) < 10_000
    for field in ("username", "password"):
        assert f'<label for="{field}">' in pages[0]


def test_pkce_is_kept_for_the_code() -> None:
    bench = Bench()
    asked = query(code_challenge=CHALLENGE, code_challenge_method="S256")
    url = sign_in.signed_in_without_browser(bench.provider, asked, "ada")
    code = parse_qs(urlsplit(url).query)["code"][0]
    issued = bench.provider.codes.use(code, NOW)
    assert not isinstance(issued, tuple)
    assert issued.challenge == CHALLENGE
