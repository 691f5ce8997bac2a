"""Each mistake of an A/B test is found by simulating it; none is found where there is none."""

from __future__ import annotations

import random
import re
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import yaml

from edgegw.config.model import Config
from edgegw.config.resolve import load_dict
from tests.testing.simulation.ab_experiment import (
    Hook,
    assign,
    configuration,
    cookie_of,
    remember,
    run,
)

ROOT = Path(__file__).parents[3]


def sample(name: str) -> dict[str, Hook]:
    """The hooks of a sample as callables, by the names that its configurations have for them."""
    scope: dict[str, Any] = {}
    exec((ROOT / "sample_functions" / name / "handler.py").read_text(), scope)
    named = {"assign", "pick", "name", "remember"} & scope.keys()
    return {f"ab-{hook}": scope[hook] for hook in named}


def shipped(file: str, **changes: dict[str, Any]) -> Config:
    """A configuration of the project, with other keys in its default behavior or cache policy."""
    config = yaml.safe_load((ROOT / "config" / file).read_text())
    config["distributions"]["site"]["default_behavior"].update(changes.get("behavior", {}))
    config["cache_policies"]["pages-by-bucket"].update(changes.get("policy", {}))
    return load_dict(config, ROOT / "config")


def test_the_sample_that_may_be_cached_has_no_fault() -> None:
    report = run(
        config=shipped("ab_test_cached.yaml"),
        functions=sample("ab_test_cached"),
        origin_stub=None,
        paths=["/"],
    )
    assert report.faults == ()
    assert report.counts.viewers > 250
    assert report.changed == 0
    assert report.keys == 2
    assert report.hit_ratio is not None
    assert report.hit_ratio > 0.7
    assert report.counts.findings == {}
    a, b = report.variants
    assert a.interval.low < 0.5 < a.interval.high
    assert b.interval.low < 0.5 < b.interval.high


def test_two_right_hooks_have_no_fault_by_cookie_or_by_header() -> None:
    for variant_by in ("header:x-bucket", "cookie:bucket"):
        assert run(variant_by=variant_by).codes == []


def test_a_split_of_70_to_30_is_no_split_in_halves() -> None:
    report = run(partial(assign, share_of_a=0.7))
    assert report.codes == ["uneven-split"]
    assert report.split is not None
    assert report.split.p < 1e-9
    (a, b) = report.variants
    assert (a.intended, b.intended) == (0.5, 0.5)
    assert a.interval.low > 0.5 > b.interval.high


def test_a_split_of_70_to_30_is_right_where_that_is_intended() -> None:
    report = run(partial(assign, share_of_a=0.7), weights={"a": 70, "b": 30})
    assert report.codes == []


def remember_late(event: Any, context: Any) -> Any:
    """The cookie comes with the second answer only: the first one says that there was one."""
    exchange = event["Records"][0]["cf"]
    bucket = cookie_of(exchange["request"])
    response = remember(event, context)
    cookie = "seen=1; Path=/" if cookie_of(exchange["request"], "seen") is None else None
    if cookie is not None:
        response["headers"]["set-cookie"] = [{"key": "Set-Cookie", "value": cookie}]
    assert response["headers"]["x-bucket"][0]["value"] == bucket
    return response


def test_a_cookie_that_comes_with_the_second_request_lets_viewers_change() -> None:
    report = run(remember=remember_late)
    assert report.codes == ["changed-variant", "late-cookie"]
    assert set(report.counts.changes) == {"no-cookie"}


def test_a_late_cookie_is_found_without_knowing_its_name() -> None:
    report = run(remember=remember_late, sticky_cookie="")
    assert report.codes == ["changed-variant"]


def test_a_late_cookie_is_found_where_it_tells_the_variant_itself() -> None:
    report = run(remember=remember_late, variant_by="cookie:bucket")
    assert report.codes == ["late-cookie"]


def test_a_key_without_the_variant_gives_viewers_the_page_of_others() -> None:
    report = run(
        config=shipped(
            "ab_test_cached.yaml",
            policy={"cookies": {"behavior": "none"}},
            behavior={"origin_request_policy": "AllViewer"},
        ),
        functions=sample("ab_test_cached"),
        origin_stub=None,
        paths=["/"],
    )
    assert "variant-leak" in report.codes
    assert set(report.counts.changes) == {"cache"}
    (leak,) = (fault for fault in report.faults if fault.code == "variant-leak")
    assert "out of the cache, made for viewer" in leak.examples[0]
    assert "cloudfront.varies-beyond-key" in report.counts.findings


def remember_session(event: Any, context: Any) -> Any:
    """At origin-response, whose answers are stored."""
    response = event["Records"][0]["cf"]["response"]
    cookie = f"session={random.getrandbits(64):x}; Path=/"
    response["headers"]["set-cookie"] = [{"key": "Set-Cookie", "value": cookie}]
    return response


def test_a_stored_set_cookie_goes_to_others() -> None:
    config = configuration(origin_response="session")
    report = run(config=config, functions={"session": remember_session}, variant_by=(), weights={})
    assert report.codes == ["stored-set-cookie"]
    assert set(report.counts.stored_cookies) == {"session"}


def redirecting(event: Any, context: Any, *, path: str) -> Any:
    """As `assign`, but who comes to /start is sent to /page, with a cookie for `path`."""
    request = event["Records"][0]["cf"]["request"]
    if request["uri"] != "/start":
        return assign(event, context)
    bucket = cookie_of(request) or random.choice("ab")
    lines = {
        "Location": "/page",
        "X-Bucket": bucket,
        "Set-Cookie": f"bucket={bucket}; Path={path}; Max-Age=86400",
    }
    headers = {name.lower(): [{"key": name, "value": value}] for name, value in lines.items()}
    return {"status": "302", "headers": headers}


def test_a_sticky_cookie_is_lost_on_a_redirect() -> None:
    paths = {"/start": 1, "/page": 1}
    report = run(partial(redirecting, path="/start"), paths=paths)
    assert report.codes == ["changed-variant", "lost-on-redirect"]
    assert "redirect" in report.counts.changes
    assert report.counts.followed > 300
    assert run(partial(redirecting, path="/"), paths=paths).codes == []


def personal(event: Any, context: Any) -> Any:
    """At viewer-request: nothing that would keep the origin's personal answers apart."""
    return event["Records"][0]["cf"]["request"]


def test_a_personal_answer_goes_to_others() -> None:
    config = configuration(viewer_request="personal")
    behavior = config["distributions"]["site"]["default_behavior"]
    behavior["origin_request_policy"] = "AllViewer"
    hooks: dict[str, Any] = {"functions": {"personal": personal}, "variant_by": (), "weights": {}}
    report = run(config=config, identity="cookie:session", **hooks)
    assert report.codes == ["personal-leak"]
    config["cache_policies"]["pages"]["cookies"]["items"] = ["session"]
    right = run(config=config, identity="cookie:session", **hooks)
    assert right.codes == []
    assert right.keys > 10 * report.keys


def test_a_leak_is_found_by_the_key_where_no_cookie_names_the_variant() -> None:
    def opaque(event: Any, context: Any) -> Any:
        request = event["Records"][0]["cf"]["request"]
        if cookie_of(request) is None:
            line = {"key": "Cookie", "value": f"bucket=group-{random.choice('ab')}"}
            request["headers"].setdefault("cookie", []).append(line)
        return request

    def name(event: Any, context: Any) -> Any:
        """At origin-response: what is stored says whose it is."""
        exchange = event["Records"][0]["cf"]
        bucket = str(cookie_of(exchange["request"])).removeprefix("group-")
        exchange["response"]["headers"]["x-bucket"] = [{"key": "X-Bucket", "value": bucket}]
        return exchange["response"]

    def keep(event: Any, context: Any) -> Any:
        exchange = event["Records"][0]["cf"]
        cookie = f"bucket={cookie_of(exchange['request'])}; Path=/"
        exchange["response"]["headers"]["set-cookie"] = [{"key": "Set-Cookie", "value": cookie}]
        return exchange["response"]

    config = configuration(viewer_request="opaque", origin_response="name", viewer_response="keep")
    config["distributions"]["site"]["default_behavior"]["origin_request_policy"] = "AllViewer"
    hooks: dict[str, Hook] = {"opaque": opaque, "name": name, "keep": keep}
    assert run(config=config, functions=hooks, sticky_cookie="").codes == []
    config["cache_policies"]["pages"]["cookies"] = {"behavior": "none"}
    report = run(config=config, functions=hooks, sticky_cookie="")
    assert {"variant-leak", "changed-variant"} <= set(report.codes)
    assert report.counts.changes["cache"] > 50


def test_a_viewer_who_gets_its_own_cookie_out_of_the_cache_is_no_leak() -> None:
    config = configuration(origin_response="session")
    options: dict[str, Any] = {"variant_by": (), "weights": {}, "edges": 1, "returning": 0.9999}
    report = run(config=config, functions={"session": remember_session}, requests=80, **options)
    assert (report.counts.viewers, report.codes) == (1, [])
    assert report.counts.hits > 10


def test_a_redirect_that_has_decided_nothing_loses_nothing() -> None:
    def elsewhere(event: Any, context: Any) -> Any:
        if event["Records"][0]["cf"]["request"]["uri"] != "/start":
            return assign(event, context)
        location = [{"key": "Location", "value": "/page"}]
        return {"status": "301", "headers": {"location": location}}

    report = run(elsewhere, paths=["/start"])
    assert report.counts.followed == report.counts.requests
    assert report.codes == []


def test_errors_say_nothing_of_variants() -> None:
    def missing(event: Any, context: Any) -> Any:
        if event["Records"][0]["cf"]["request"]["uri"] != "/missing":
            return assign(event, context)
        return {
            "status": "404",
            "headers": {"x-bucket": [{"key": "X-Bucket", "value": random.choice("ab")}]},
        }

    report = run(missing, paths={"/missing": 1, "/page": 1})
    assert report.counts.statuses[404] > 300
    assert report.codes == []


def test_a_cookie_that_ends_lets_viewers_change() -> None:
    def remember_briefly(event: Any, context: Any) -> Any:
        response = remember(event, context)
        (line,) = response["headers"]["set-cookie"]
        line["value"] = line["value"].replace("86400", "600")
        return response

    report = run(remember=remember_briefly)
    assert report.codes == ["changed-variant"]
    assert set(report.counts.changes) == {"expired"}


def test_an_experiment_that_nobody_saw_is_no_experiment() -> None:
    def refusing(event: Any, context: Any) -> Any:
        return {"status": "401"}

    assert run(refusing, requests=20).codes == ["only-errors", "no-variant"]

    def mock(_unverified: object) -> httpx.AsyncBaseTransport:
        return httpx.MockTransport(lambda _request: httpx.Response(503))

    report = run(requests=20, origin_stub=None, transport=mock)
    assert report.codes == ["origin-failures", "no-variant"]


def test_functions_that_fail_are_told_of() -> None:
    def failing(event: Any, context: Any) -> Any:
        return {"status": "no number"}

    report = run(failing, requests=40)
    assert report.codes == ["function-failures", "no-variant"]
    assert report.counts.failures == {"LambdaValidationError": 40}


def picking(**policy: Any) -> dict[str, Any]:
    """A site whose page is picked behind the cache, by a cookie that the key has, or has not."""
    config = configuration(viewer_request="draw", origin_request="pick", viewer_response="remember")
    config["cache_policies"]["pages"].update(policy)
    config["distributions"]["site"]["default_behavior"]["origin_request_policy"] = "AllViewer"
    return config


def draw(event: Any, context: Any) -> Any:
    request = assign(event, context)
    request["uri"] = "/page"
    return request


def pick(event: Any, context: Any) -> Any:
    request = event["Records"][0]["cf"]["request"]
    request["uri"] = f"/page-{cookie_of(request)}"
    return request


PICKED: dict[str, Any] = {
    "functions": {"draw": draw, "pick": pick, "remember": remember},
    "paths": ["/page"],
    "variant_by": r"uri:/page-(\w)",
}
NO_COOKIES: dict[str, Any] = {"behavior": "none"}


def test_a_page_of_others_is_a_leak_also_where_it_never_gets_old() -> None:
    stub = "max-age=86400"
    report = run(config=picking(cookies=NO_COOKIES), origin_stub=stub, seed=2, **PICKED)
    assert report.changed == 0
    assert "variant-leak" in report.codes
    (leak,) = (fault for fault in report.faults if fault.code == "variant-leak")
    assert re.match(
        r"viewer \d+ said [ab], and got [ab] with /page out of the cache", leak.examples[0]
    )
    assert run(config=picking(), origin_stub=stub, **PICKED).codes == []


def test_what_was_fetched_anew_behind_a_viewer_is_of_the_one_it_was_fetched_for() -> None:
    stub = "max-age=5, stale-while-revalidate=36000"
    options: dict[str, Any] = {
        "functions": PICKED["functions"],
        "paths": PICKED["paths"],
        "origin_stub": stub,
    }
    by_way, by_body = (
        run(config=picking(cookies=NO_COOKIES), variant_by=source, **options)
        for source in (r"uri:/page-(\w)", r"body:GET 127.0.0.1 /page-(\w)")
    )
    assert by_way.counts.variant_leaks == by_body.counts.variant_leaks > 100
    requests = [{row.name: row.requests for row in report.variants} for report in (by_way, by_body)]
    assert requests[0] == requests[1]


def test_a_path_that_never_gives_the_cookie_gives_it_to_nobody_late() -> None:
    def in_shop(event: Any, context: Any) -> Any:
        request, response = (event["Records"][0]["cf"][part] for part in ("request", "response"))
        if request["uri"].startswith("/shop/"):
            cookie = f"bucket={cookie_of(request)}; Path=/shop/"
            response["headers"]["set-cookie"] = [{"key": "Set-Cookie", "value": cookie}]
            response["headers"]["x-bucket"] = [{"key": "X-Bucket", "value": cookie_of(request)}]
        return response

    assert run(remember=in_shop, paths=["/shop/page", "/about"]).codes == []


def test_answers_that_no_browser_can_read_do_not_end_a_simulation() -> None:
    def odd(event: Any, context: Any) -> Any:
        headers = {"location": [{"value": "http://[/"}], "content-encoding": [{"value": "gzip"}]}
        return {"status": "302", "headers": headers, "body": "no gzip"}

    config = configuration(viewer_request="odd")
    report = run(
        config=config, functions={"odd": odd}, requests=20, variant_by="body:no (g)", weights={}
    )
    assert report.counts.statuses == {302: 20}
    assert report.counts.variants["g"].requests == 20
