"""A simulation: the same for a seed, over front doors of both kinds, out of files, on a terminal."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner

from edgegw.cli.main import main
from edgegw.errors import ConfigError, UsageError
from edgegw.testing.simulation import SimulationReport, simulate
from edgegw.testing.simulation.paths import WeightedPath, weighted_paths
from edgegw.testing.simulation.plan import SimulationPlan
from edgegw.testing.simulation.table import report_lines
from edgegw.testing.simulation.variants import shares, variant_source
from tests.testing.simulation.ab_experiment import assign, configuration, remember, run

ROOT = Path(__file__).parents[3]
CACHED = str(ROOT / "config" / "ab_test_cached.yaml")
TRAP = str(ROOT / "config" / "ab_test_trap.yaml")


def counted(report: SimulationReport) -> dict[str, Any]:
    """All but the cost, which rests on how long functions took."""
    plain = report.to_dict()
    del plain["cost"]
    return plain


def test_a_seed_gives_the_same_for_any_number_of_processes() -> None:
    options: dict[str, Any] = {"requests": 600, "edges": 3}
    one, two = run(processes=1, **options), run(processes=2, **options)
    assert counted(one) == counted(two)
    assert counted(run(processes=1, seed=2, **options)) != counted(one)
    assert one.cost["total"] > 0
    assert one.cost["basis"].startswith("600 requests in 60 minutes")
    monthly = run(requests=20, monthly=5_000_000)
    assert monthly.cost["basis"].endswith("scaled to 5,000,000 requests a month")


def test_every_request_is_counted_once() -> None:
    report = run(requests=401, edges=3, returning=0.9)
    counts = report.counts
    assert counts.requests == counts.viewers + counts.returned == 401
    assert counts.viewers == sum(row.viewers for row in report.variants)
    assert sum(counts.statuses.values()) == counts.requests + counts.followed
    assert sum(part.requests for part in counts.bins) == counts.requests + counts.followed
    assert sum(part.origin for part in counts.bins) == report.origin_requests
    assert counts.hits + report.origin_requests == counts.looked_up
    assert counts.hits == sum(variant.hits for variant in counts.variants.values()) > 50
    assert 0.85 < counts.returned / counts.requests < 0.95


def test_the_cache_goes_by_simulated_time() -> None:
    hour, week = run(requests=300), run(requests=300, duration=7 * 86_400)
    assert (hour.hit_ratio or 0) > 0.3
    assert (week.hit_ratio or 0) < 0.05


def test_a_shared_cache_is_left_alone() -> None:
    config = configuration() | {"gateway": {"cache": {"store": "redis://127.0.0.1:1/0"}}}
    assert run(config=config, requests=100, edges=1).counts.hits > 20


def test_what_is_fetched_behind_a_viewers_back_is_origin_load() -> None:
    stub = "max-age=5, stale-while-revalidate=3600"
    report = run(requests=100, paths=["/about"], origin_stub=stub, edges=1)
    assert report.counts.verdicts == {"Hit": 98, "Miss": 2}
    assert report.origin_requests > 50
    assert sum(part.origin for part in report.counts.bins) == report.origin_requests


def test_viewers_have_a_country_a_device_and_an_address() -> None:
    seen: set[tuple[str, str]] = set()
    addresses: set[str] = set()

    def look(event: Any, context: Any) -> Any:
        request = event["Records"][0]["cf"]["request"]
        headers = {name: lines[0]["value"] for name, lines in request["headers"].items()}
        kinds = ("desktop", "mobile", "tablet")
        is_viewer = {kind: headers.get(f"cloudfront-is-{kind}-viewer") for kind in kinds}
        (kind,) = (kind for kind in kinds if is_viewer[kind] == "true")
        seen.add((headers["cloudfront-viewer-country"], kind))
        addresses.add(request["clientIp"])
        return request

    config = configuration(origin_request="look")
    behavior = config["distributions"]["site"]["default_behavior"]
    behavior["origin_request_policy"] = "AllViewerAndCloudFrontHeaders-2022-06"
    behavior["cache_policy"] = "CachingDisabled"
    report = run(
        config=config,
        functions={"look": look},
        requests=80,
        variant_by=(),
        weights={},
        countries={"DE": 1, "BR": 1},
        devices={"desktop": 1, "mobile": 1},
    )
    assert report.codes == []
    assert seen == {(country, kind) for country in ("DE", "BR") for kind in ("desktop", "mobile")}
    assert len(addresses) == report.counts.viewers
    assert all(address.startswith("198.18.") for address in addresses)


def test_weights_of_a_load_balancer_are_a_split_by_target_group() -> None:
    hello = {"runtime": "python3.13", "code": str(ROOT / "sample_functions/hello_python"), "handler": "handler.handler"}  # fmt: skip
    forward = [{"target_group": name, "weight": 50} for name in ("blue", "green")]
    config = {
        "functions": {"hello": hello},
        "target_groups": {n: {"target_type": "lambda", "function": "hello"} for n in ("blue", "green")},
        "load_balancers": {"web": {"listeners": [{"listen": 8080, "default_actions": [{"forward": forward}]}]}},
    }  # fmt: skip

    def answer(event: Any, context: Any) -> Any:
        return {"statusCode": 200, "headers": {"x-host": event["headers"]["x-forwarded-for"]}}

    options: dict[str, Any] = {
        "requests": 400,
        "variant_by": "target-group",
        "weights": {"blue": 50, "green": 50},
        "functions": {"hello": answer},
        "processes": 1,
    }
    report = simulate(config, **options)
    assert report.codes == ["changed-variant"]  # nothing is sticky here
    assert report.counts.changes.keys() == {"no-cookie"}
    assert report.counts.origins.keys() == {"blue", "green"}
    assert report.hit_ratio is None
    sticky = {"target_groups": forward, "stickiness": {"duration": 86_400 * 2}}
    config["load_balancers"]["web"]["listeners"][0]["default_actions"] = [{"forward": sticky}]
    assert simulate(config, **options).codes == []


def test_a_variant_is_told_by_origin_path_and_body_also_out_of_the_cache() -> None:
    for source in (r"uri:/page-(\w)", r"body:GET 127.0.0.1 /page-(\w)", "origin"):
        report = run(requests=200, paths=["/page"], variant_by=source, weights={}, edges=1)
        names = {row.name for row in report.variants}
        assert names == ({"site/app"} if source == "origin" else {"a", "b"})
        assert report.split is None
        assert {row.intended for row in report.variants} == {None}
        assert report.codes == []
        assert report.counts.hits > 50


def test_an_origin_that_is_elsewhere_is_not_asked_unless_that_is_wanted() -> None:
    config = configuration()
    config["distributions"]["site"]["origins"]["app"]["url"] = "https://shop.example"
    with pytest.raises(UsageError, match=r"shop\.example is not on this machine.*--origin-stub"):
        run(config=config, origin_stub=None, requests=5)

    def mock(_unverified: object) -> httpx.AsyncBaseTransport:
        return httpx.MockTransport(lambda _request: httpx.Response(200, text="mocked"))

    report = run(config=config, origin_stub=None, transport=mock, requests=20)
    assert report.counts.statuses == {200: 20}


def test_what_a_process_raises_is_raised_here() -> None:
    config = configuration()
    config["distributions"]["site"]["origins"]["app"]["url"] = "https://shop.example"
    with pytest.raises(UsageError, match="not on this machine"):
        run(config=config, origin_stub=None, requests=8, processes=2)


async def test_inside_an_event_loop_it_says_what_to_do() -> None:
    with pytest.raises(UsageError, match=r"asyncio\.to_thread"):
        run(requests=5)
    report = await asyncio.to_thread(run, requests=5)
    assert report.counts.requests == 5


def test_functions_run_in_processes_of_their_own_unless_they_are_replaced() -> None:
    report = simulate(CACHED, requests=12, variant_by=r"body:page (\w)", edges=1)
    assert report.codes == []
    assert report.counts.statuses == {200: 12}
    assert {row.name.lower() for row in report.variants} <= {"a", "b"}
    assert {charge["service"] for charge in report.cost["charges"]} >= {"Lambda@Edge", "CloudFront"}


def test_the_users_own_dice_are_left_alone() -> None:
    import random

    random.seed(7)
    expected = random.Random(7).random()
    run(requests=20)
    assert random.random() == expected


def test_redirects_to_https_and_to_an_alias_are_followed_with_their_cookies() -> None:
    config = configuration()
    site = config["distributions"]["site"]
    site["aliases"] = ["www.example.test", "example.test"]
    asked: list[tuple[str, str]] = []

    def hook(event: Any, context: Any) -> Any:
        request = event["Records"][0]["cf"]["request"]
        host = request["headers"]["host"][0]["value"]
        asked.append((host, request["headers"].get("cookie", [{"value": ""}])[0]["value"]))
        if host == "www.example.test":
            lines = {"Location": "https://example.test/page", "Set-Cookie": "bucket=a; Path=/; Domain=example.test"}  # fmt: skip
            headers = {name.lower(): [{"key": name, "value": value}] for name, value in lines.items()}  # fmt: skip
            return {"status": "302", "headers": headers}
        return assign(event, context)

    report = run(hook, config=config, requests=4, edges=1, returning=0, weights={})
    assert report.counts.followed == 4
    assert asked[:2] == [("www.example.test", ""), ("example.test", "bucket=a")]
    assert report.codes == []


# What is asked for


def test_paths_of_a_file_have_weights(tmp_path: Path) -> None:
    file = tmp_path / "paths.txt"
    file.write_text("# what people look at\n/ 10\n/shop?page=2  2.5 # the second page\n\n/about\n")
    assert weighted_paths(file) == (
        WeightedPath("/", 10.0),
        WeightedPath("/shop?page=2", 2.5),
        WeightedPath("/about", 1.0),
    )


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "there is no path"),
        ("shop 3", "paths.txt:1: a line is `PATH` or `PATH WEIGHT`"),
        ("/ 1\n/a 0", "paths.txt:2: a weight is a number above 0, not '0'"),
        ("/a nan", "a weight is a number above 0"),
        ("/a 1 2", "a line is"),
        ('{"log": {}}', "is no HAR file"),
    ],
)
def test_a_file_that_holds_no_paths_says_where(tmp_path: Path, text: str, says: str) -> None:
    file = tmp_path / "paths.txt"
    file.write_text(text)
    with pytest.raises(UsageError) as raised:
        weighted_paths(file)
    assert says in str(raised.value)


def test_paths_of_a_recording_are_its_get_requests(tmp_path: Path) -> None:
    asked = [
        ("GET", "https://e.test/"),
        ("GET", "https://e.test/a?b=1#c"),
        ("POST", "https://e.test/a"),
        ("GET", "https://e.test/"),
        ("GET", "data:text/plain,x"),
    ]
    entries = [{"request": {"method": method, "url": url}} for method, url in asked]
    file = tmp_path / "site.har"
    file.write_text(json.dumps({"log": {"entries": entries}}))
    assert weighted_paths(file) == (WeightedPath("/", 2.0), WeightedPath("/a?b=1", 1.0))


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"returning": 1.0}, "--returning is a share from 0 to below 1"),
        ({"countries": (("XX", 1.0),)}, "there is no country 'XX'"),
        ({"devices": (("watch", 1.0),)}, "there is no device 'watch'"),
        ({"weights": (("a", 1.0),)}, "weights need --variant-by"),
        ({"identity": variant_source("origin")}, "an identity is sent in"),
        ({"duration": 0.0}, "the duration must be above 0"),
        ({"paths": ()}, "a path to ask for"),
    ],
)
def test_a_plan_refuses_what_cannot_be(wrong: dict[str, Any], says: str) -> None:
    with pytest.raises(UsageError, match=says):
        SimulationPlan(**wrong)


@pytest.mark.parametrize(
    "text", ["cookie", "header:", "origin:x", "uri", "colour", "body:(", "body:page"]
)
def test_a_variant_source_refuses_what_tells_nothing(text: str) -> None:
    with pytest.raises(UsageError):
        variant_source(text)


def test_shares_are_names_and_weights() -> None:
    assert shares("a=70, b=30", "weights") == (("a", 70.0), ("b", 30.0))
    for wrong in ("", "a", "a=x", "=1", "a=-1", "a=0,b=0", "a=nan"):
        with pytest.raises(UsageError):
            shares(wrong, "weights")


def test_simulate_refuses_what_it_does_not_know() -> None:
    with pytest.raises(UsageError, match="no 'colour'"):
        run(colour=1)
    with pytest.raises(UsageError, match="no front door 'shop'"):
        run(front_door="shop")
    with pytest.raises(UsageError, match="no front door to send"):
        simulate({"queues": {"jobs": {}}})
    with pytest.raises(ConfigError):
        simulate({"distributions": 1})


# What is shown


def test_the_command_prints_a_table_and_writes_a_page(tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    line = f"simulate {CACHED} --requests 300 --variant-by header:x-bucket --weights a=50,b=50"
    options = ["--sticky-cookie", "bucket", "--in-process", "--duration", "10m", "--html", page]
    ran = CliRunner().invoke(main, [*line.split(), *map(str, options)])
    assert ran.exit_code == 0, ran.output
    assert "300 requests of " in ran.output
    assert "✓ no faults" in ran.output
    text = page.read_text()
    assert text.count("<svg") == 4
    assert "http" not in text.replace("http-equiv", "")  # nothing from anywhere else


def test_the_command_prints_json_and_ends_with_1_where_something_is_wrong() -> None:
    line = f"simulate {CACHED} --requests 200 --variant-by header:x-bucket --weights a=99,b=1 --in-process --json"
    ran = CliRunner().invoke(main, line.split())
    assert ran.exit_code == 1
    report = json.loads(ran.stdout)
    assert [fault["code"] for fault in report["faults"]] == ["uneven-split"]
    assert report["cache"]["keys"] == 2
    assert report["cost"]["currency"] == "USD"


def test_what_functions_print_is_no_part_of_the_report(capfd: pytest.CaptureFixture[str]) -> None:
    ran = CliRunner().invoke(main, f"simulate {TRAP} --requests 200 --in-process --json".split())
    assert json.loads(ran.stdout)["requests"] == 200
    assert capfd.readouterr().out == ""


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ("--origin-stub --real-origins", "exclude each other"),
        ("--duration soon", "a duration is written as"),
        ("--paths nowhere.txt", "cannot read the paths"),
        ("--variant-by colour", "a variant is told by"),
    ],
)
def test_the_command_says_in_a_sentence_what_is_wrong(options: str, says: str) -> None:
    ran = CliRunner().invoke(main, ["simulate", CACHED, *options.split()])
    assert ran.exit_code == 2
    assert says in ran.stderr
    assert "Traceback" not in ran.output


def test_names_of_variants_do_nothing_to_a_page_or_a_terminal() -> None:
    def coloured(event: Any, context: Any) -> Any:
        response = remember(event, context)
        response["headers"]["x-bucket"] = [{"key": "X-Bucket", "value": "<script>&"}]
        return response

    from edgegw.testing.simulation.page import report_page

    report = run(remember=coloured, requests=20, weights={})
    assert "<script" not in report_page(report)
    assert any("<script>&" in line for line in report_lines(report))
