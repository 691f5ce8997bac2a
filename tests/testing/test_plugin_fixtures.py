"""The fixtures of the plugin, in a pytest of its own: what a test begins with, and what stays."""

from __future__ import annotations

import pytest

from tests.conftest import PYTHON, need_module

ALONE = (
    *("-p", "edgegw", "-p", "no:asyncio", "-p", "no:cacheprovider", "-W", "error"),
    *("-W", "ignore:Module already imported so:pytest.PytestAssertRewriteWarning"),
)
"""The plugin, and no other that runs asynchronous tests than anyio's; all is imported already."""

CONFIG = f"""\
functions:
  hook: {{runtime: {PYTHON}, code: ., handler: hook.handler}}
distributions:
  site:
    listen: 8081
    origins: {{app: {{url: "http://origin.test"}}}}
    default_behavior:
      origin: app
      cache_policy: CachingOptimized
      lambda_functions: {{viewer-request: hook}}
key_value_stores:
  flags: {{}}
load_balancers:
  web:
    listeners:
      - listen: 8082
        default_actions: [{{forward: [{{target_group: a, weight: 1}}, {{target_group: b, weight: 1}}]}}]
target_groups:
  a: {{targets: ["127.0.0.1:9"]}}
  b: {{targets: ["127.0.0.1:9"]}}
"""
HOOK = """\
COUNT = []

def handler(event, context):
    COUNT.append(1)
    request = event["Records"][0]["cf"]["request"]
    request["headers"]["x-count"] = [{"key": "X-Count", "value": str(len(COUNT))}]
    return request
"""


@pytest.fixture
def project(pytester: pytest.Pytester) -> pytest.Pytester:
    """A project with a configuration, a function, and an origin that is mocked."""
    pytester.makefile(".yaml", edgegw=CONFIG)
    pytester.makepyfile(hook=HOOK)
    pytester.makeini("[pytest]\nedgegw_config = edgegw.yaml\nanyio_mode = auto\n")
    pytester.makeconftest(
        """
        import pytest, respx

        @pytest.fixture(autouse=True)
        def origin():
            with respx.mock(assert_all_called=False) as mocked:
                page = mocked.get(url__startswith="http://origin.test/")
                page.respond(text="hello", headers={"Cache-Control": "max-age=60"})
                mocked.get("http://127.0.0.1:9/").respond(text="a target")
                yield page
        """
    )
    return pytester


RESET = """
import pytest

SEEN = []
PAGES = []

def in_place(event, context):
    return {"status": "403"}

@pytest.mark.parametrize("number", range(2))
@pytest.mark.edgegw(clock="2030-01-01T00:00:00Z", seed=7)
def test_leaves_everything_it_can(gateway, sync_edge_client, origin, number):
    first = sync_edge_client.get("/page")
    assert first.headers["x-cache"] == "Miss from cloudfront"  # the cache is empty
    assert first.headers["date"] == "Tue, 01 Jan 2030 00:00:00 GMT"  # the clock as it was
    assert sync_edge_client.get("/page").headers["x-cache"] == "Hit from cloudfront"
    gateway.clock.advance(61)
    assert sync_edge_client.get("/page").headers["x-cache"] == "Miss from cloudfront"
    assert len(gateway.exchanges) == 3  # and no others before
    groups = []
    with gateway.sync_client("web") as client:
        for _ in range(8):
            groups.append(gateway.exchange(client.get("/")).target_group)
    SEEN.append((first.headers["x-amz-cf-id"], tuple(groups)))
    assert SEEN[0] == SEEN[-1]  # ids and choices are the same again
    from edgegw.config.gateway.faults import FaultPlan
    gateway.faults.put({"origin:site/app": FaultPlan(error=1.0)})
    gateway.key_values.put("flags", {"a": "1"})

@pytest.mark.edgegw(functions={"hook": in_place})
def test_a_function_is_replaced(sync_edge_client):
    assert sync_edge_client.get("/").status_code == 403

@pytest.mark.edgegw(viewer="phone DE")
def test_a_viewer_is_somewhere(gateway, sync_edge_client):
    response = sync_edge_client.get("/there")
    assert "iPhone" in response.request.headers["user-agent"]
    assert gateway.config.distributions[0].distribution.viewer.country == "DE"

def test_and_all_is_as_it_was(gateway, sync_edge_client):
    response = sync_edge_client.get("/other")
    assert response.status_code == 200  # neither replaced, nor failing on demand
    assert gateway.key_values.find("flags").pairs == {}
    assert "python-httpx" in response.request.headers["user-agent"]
    assert gateway.config.distributions[0].distribution.viewer.country == "US"

def test_the_environment_is_warm(gateway, sync_edge_client):
    run = gateway.exchange(sync_edge_client.get("/more")).run("viewer-request")
    assert not run.is_cold
    assert int(run.result["headers"]["x-count"][0]["value"]) > 1
"""


def test_each_test_finds_the_gateway_as_new_and_warm(project: pytest.Pytester) -> None:
    project.makepyfile(RESET)
    project.runpytest_inprocess(*ALONE).assert_outcomes(passed=6)


SCOPED = """
GATEWAYS = []

def test_one(gateway, sync_edge_client):
    sync_edge_client.get("/")
    GATEWAYS.append(gateway)

def test_two(gateway, sync_edge_client):
    run = gateway.exchange(sync_edge_client.get("/")).run("viewer-request")
    assert (gateway is GATEWAYS[0], run.is_cold) == {expected}
"""


@pytest.mark.parametrize(
    ("scope", "within", "beyond"),
    [
        ("session", (True, False), False),
        ("module", (True, False), True),
        ("function", (False, True), True),
    ],
)
def test_a_gateway_is_warm_for_its_scope(
    project: pytest.Pytester, scope: str, within: tuple[bool, bool], beyond: bool
) -> None:
    other = f"""
def test_three(gateway, sync_edge_client):
    run = gateway.exchange(sync_edge_client.get("/")).run("viewer-request")
    assert run.is_cold is {beyond}
"""
    project.makepyfile(test_a=SCOPED.replace("{expected}", repr(within)), test_b=other)
    result = project.runpytest_inprocess(*ALONE, "-o", f"edgegw_scope={scope}")
    result.assert_outcomes(passed=3)


def test_a_scope_that_there_is_not_is_refused(project: pytest.Pytester) -> None:
    result = project.runpytest_inprocess(*ALONE, "-o", "edgegw_scope=sesion")
    result.stderr.fnmatch_lines(
        ["*edgegw_scope is one of session, module, function, not 'sesion'*"]
    )


REFUSED = [
    ("configg='a.yaml'", "the marker edgegw knows no 'configg'; did you mean 'config'?"),
    ("'a.yaml', 'b.yaml'", "the marker edgegw takes one configuration, not 2"),
    ("'a.yaml', config='b.yaml'", "names its configuration twice"),
    ("config=3", "config is the path of a file or a mapping, not 3"),
    ("'nowhere.yaml'", "nowhere.yaml"),
    ("functions={'hok': print}", "there is no function 'hok' to replace (known: hook)"),
    ("functions={'hook': 'code'}", "functions are callables by the name of a function"),
    ("clock='tomorrow'", "the clock is set to a time as 2026-01-31T12:00:00Z"),
    ("clock=[]", "clock is seconds since 1970, text or a datetime, not []"),
    ("seed='x'", "seed is a whole number, or None for chance, not 'x'"),
    ("viewer='phoe DE'", "neither a device nor a country of two letters; did you mean 'phone'?"),
    ("viewer={'devise': 'tv'}", "did you mean 'device'?"),
    ("viewer={'device': 'tvv'}", "there is no device 'tvv'; did you mean 'tv'?"),
    ("viewer=7", "viewer is text as 'phone DE' or a mapping, not 7"),
    ("viewer={'country': 3}", "viewer: country is text, not 3"),
    ("clock=float('nan')", "the clock is set to a time from 1970 to 9999, not to nan"),
    ("door=1", "door is the name of a front door, not 1"),
    ("door='sit'", "there is no front door 'sit' (known: site, web)"),
]


def test_a_marker_says_what_it_does_not_know(project: pytest.Pytester) -> None:
    tests = [
        f"@pytest.mark.edgegw({arguments})\ndef test_{at}(sync_edge_client): pass\n"
        for at, (arguments, _) in enumerate(REFUSED)
    ]
    project.makepyfile("\n".join(["import pytest", *tests]))
    result = project.runpytest_inprocess(*ALONE)
    result.assert_outcomes(errors=len(REFUSED))
    said = result.stdout.str()
    assert [text for _, text in REFUSED if text not in said] == []
    assert "Traceback" not in said
    assert "During handling" not in said


def test_markers_of_module_and_test_come_together(project: pytest.Pytester) -> None:
    project.makepyfile(
        """
        import pytest

        def denied(event, context):
            return {"status": "403"}

        pytestmark = pytest.mark.edgegw("edgegw.yaml", clock=1.0, functions={"hook": denied})

        @pytest.mark.edgegw(clock=86400)
        def test_the_nearest_wins(gateway, sync_edge_client):
            response = sync_edge_client.get("/")
            assert response.status_code == 403
            assert response.headers["date"] == "Fri, 02 Jan 1970 00:00:00 GMT"
        """
    )
    project.runpytest_inprocess(*ALONE, "-o", "edgegw_config=").assert_outcomes(passed=1)


def test_a_configuration_may_be_a_mapping_and_a_door_may_be_named(
    project: pytest.Pytester,
) -> None:
    project.makepyfile(
        """
        import pytest

        def answer(text):
            return [{"fixed_response": {"status_code": "200", "message_body": text}}]

        CONFIG = {"load_balancers": {
            "one": {"listeners": [{"listen": 1001, "default_actions": answer("one")}]},
            "two": {"listeners": [{"listen": 1002, "default_actions": answer("two")}]},
        }}

        @pytest.mark.edgegw(CONFIG, door="two")
        def test_named(sync_edge_client):
            assert sync_edge_client.get("/").text == "two"

        @pytest.mark.edgegw(CONFIG)
        def test_not_named(sync_edge_client): pass
        """
    )
    result = project.runpytest_inprocess(*ALONE)
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["*there are several front doors (one, two)*edgegw(door=...)*"])


ASYNCHRONOUS = """
import asyncio

import pytest

async def one_more(event, context):
    await asyncio.sleep(0)
    return event["Records"][0]["cf"]["request"]

{mark}
async def test_warm(gateway, edge_client):
    response = await edge_client.get("/page")
    assert response.text == "hello"
    assert gateway.exchange(response).cache.verdict == "Miss"
    assert (await edge_client.get("/page")).headers["x-cache"] == "Hit from cloudfront"

{mark}
async def test_warm_again(gateway, edge_client):
    response = await edge_client.get("/page")
    assert gateway.exchange(response).cache.verdict == "Miss"
    assert not gateway.exchange(response).run("viewer-request").is_cold

{mark}
@pytest.mark.edgegw(functions={"hook": one_more})
async def test_side_by_side(gateway, edge_client):
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(edge_client.get(f"/{at}")) for at in range(20)]
    assert {task.result().status_code for task in tasks} == {200}
    assert len(gateway.exchanges) == 20

{mark}
async def test_on_its_own_loop(gateway):
    async with gateway.client("site") as client:
        assert (await client.get("/page")).text == "hello"
"""


def test_the_asynchronous_client_works_with_anyio_on_asyncio_and_trio(
    project: pytest.Pytester,
) -> None:
    on_both = """
async def test_on_any_loop(gateway, edge_client):
    response = await edge_client.get("/page")
    assert gateway.exchange(response).cache.verdict == "Miss"
    async with edge_client.stream("GET", "/page") as streamed:
        assert await streamed.aread() == b"hello"
"""
    fixture = "\n@pytest.fixture\ndef anyio_backend():\n    return 'asyncio'\n"
    project.makepyfile(test_a=ASYNCHRONOUS.replace("{mark}", "") + fixture, test_b=on_both)
    project.runpytest_inprocess(*ALONE).assert_outcomes(passed=6)


@pytest.mark.parametrize("loop", ["function", "session"])
def test_the_asynchronous_client_works_with_pytest_asyncio(
    project: pytest.Pytester, loop: str
) -> None:
    need_module("pytest_asyncio")
    project.makepyfile(ASYNCHRONOUS.replace("{mark}", "@pytest.mark.asyncio"))
    options = ("-o", f"asyncio_default_test_loop_scope={loop}", "-o", "anyio_mode=strict")
    fixtures = ("-o", f"asyncio_default_fixture_loop_scope={loop}")
    result = project.runpytest_subprocess("-p", "edgegw", "-W", "error", *options, *fixtures)
    result.assert_outcomes(passed=4)


def test_workers_of_xdist_have_gateways_of_their_own(project: pytest.Pytester) -> None:
    project.makepyfile(
        """
        import pytest

        @pytest.mark.parametrize("number", range(6))
        def test_it(gateway, sync_edge_client, number):
            assert sync_edge_client.get("/").text == ("hello" if number else "another")
        """
    )
    result = project.runpytest_subprocess(*ALONE, "-n", "2")
    result.assert_outcomes(passed=5, failed=1)
    result.stdout.fnmatch_lines(["*- edgegw -*", "GET / → 200 Miss   distribution site,*"])


def test_other_plugins_mock_origins_and_time(project: pytest.Pytester) -> None:
    project.makeconftest("")
    project.makepyfile(
        """
        import freezegun, pytest

        def test_pytest_httpx(httpx_mock, sync_edge_client):
            httpx_mock.add_response(url="http://origin.test/a", text="from httpx_mock")
            assert sync_edge_client.get("/a").text == "from httpx_mock"

        async def test_pytest_httpx_asynchronously(httpx_mock, edge_client):
            httpx_mock.add_response(url="http://origin.test/a", text="from httpx_mock")
            assert (await edge_client.get("/a")).text == "from httpx_mock"

        @pytest.fixture
        def frozen():
            with freezegun.freeze_time("2031-05-06 07:08:09") as moment:
                yield moment

        def test_freezegun(frozen, respx_mock, gateway, sync_edge_client):
            respx_mock.get("http://origin.test/a").respond(headers={"Cache-Control": "max-age=60"})
            response = sync_edge_client.get("/a")
            assert response.headers["date"] == "Tue, 06 May 2031 07:08:09 GMT"
            frozen.tick(59)
            assert sync_edge_client.get("/a").headers["x-cache"] == "Hit from cloudfront"
            frozen.tick(2)
            assert sync_edge_client.get("/a").headers["x-cache"] == "Miss from cloudfront"
        """
    )
    project.runpytest_inprocess(*ALONE).assert_outcomes(passed=4)
