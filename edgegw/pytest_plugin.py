"""The pytest plugin: fixtures `gateway`, `edge_client`, `sync_edge_client`, marker `edgegw`.

A test is configured by `@pytest.mark.edgegw(...)` and the ini options; when one fails, its report
gets a section `edgegw` with what happened to its requests. pytest loads this module in every
project of the environment: nothing heavy is imported here.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Generator, Iterator
from functools import partial
from typing import TYPE_CHECKING, TypeVar

import pytest

if TYPE_CHECKING:
    import httpx

    from edgegw.gateway.gateway import Gateway
    from edgegw.testing.arguments import GatewayArguments
    from edgegw.testing.failure_report import ExchangeMarks
    from edgegw.testing.warm_gateways import WarmGateways

T = TypeVar("T")

_MARKS: pytest.StashKey[ExchangeMarks] = pytest.StashKey()
_SCOPES = ("session", "module", "function")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addini(
        "edgegw_config",
        "The configuration that the fixture `gateway` loads, relative to the root folder.",
        default="",
    )
    parser.addini(
        "edgegw_scope",
        "How long a gateway stays warm: session, module or function.",
        default="session",
    )


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers",
        "edgegw(config, functions={}, clock=None, seed=0, viewer=None, door=None): "
        "what the fixtures `gateway`, `edge_client` and `sync_edge_client` begin with",
    )
    scope = str(config.getini("edgegw_scope"))
    if scope not in _SCOPES:
        raise pytest.UsageError(f"edgegw_scope is one of {', '.join(_SCOPES)}, not {scope!r}")


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Refuses what a marker cannot say, whether or not the test uses a fixture."""
    if "edgegw.gateway.exchanges" in sys.modules:  # else no gateway has ever run
        from edgegw.testing.failure_report import ExchangeMarks

        item.stash[_MARKS] = ExchangeMarks()
    markers = list(item.iter_markers("edgegw"))
    if markers:
        from edgegw.testing.arguments import check_marker

        for marker in markers:
            _plainly(partial(check_marker, marker))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.failed and call.when != "teardown" and "edgegw.gateway.exchanges" in sys.modules:
        from edgegw.testing.failure_report import failure_report, refused_verdicts

        texts = [failure_report(item.stash.get(_MARKS, None)), *refused_verdicts(call.excinfo)]
        text = "\n\n".join(filter(None, texts))
        if text:
            report.sections.append(("edgegw", text))
    return report


@pytest.fixture(scope="session")
def _edgegw_session() -> Iterator[WarmGateways]:
    yield from _warm_gateways()


@pytest.fixture(scope="module")
def _edgegw_module() -> Iterator[WarmGateways]:
    yield from _warm_gateways()


@pytest.fixture
def _edgegw_function() -> Iterator[WarmGateways]:
    yield from _warm_gateways()


def _warm_gateways() -> Iterator[WarmGateways]:
    from edgegw.testing.warm_gateways import WarmGateways

    warm = WarmGateways()
    yield warm
    warm.close()


def _plainly(work: Callable[[], T]) -> T:
    """What `work` answers; what a test or its configuration has wrong fails it in plain words."""
    from edgegw.errors import EdgegwError

    try:
        return work()
    except EdgegwError as error:
        problem = str(error)
    pytest.fail(problem, pytrace=False)  # out here, so that it gets no context it never had


def _arguments(request: pytest.FixtureRequest) -> GatewayArguments:
    from edgegw.testing.arguments import marked_arguments

    return marked_arguments(request.node.iter_markers("edgegw"))


@pytest.fixture
def gateway(request: pytest.FixtureRequest) -> Gateway:
    """A `Gateway` of the configuration that the marker names, else the ini option.

    It is as new, and warm from earlier tests. A marker's path is relative to the test's folder,
    the option's to the root folder.
    """
    warm: WarmGateways = request.getfixturevalue(f"_edgegw_{request.config.getini('edgegw_scope')}")
    option = str(request.config.getini("edgegw_config"))
    usual = request.config.rootpath / option if option else None
    arguments = _plainly(partial(_arguments, request))
    return _plainly(partial(warm.gateway, arguments, request.path.parent, usual))


@pytest.fixture
def edge_client(gateway: Gateway, request: pytest.FixtureRequest) -> Iterator[httpx.AsyncClient]:
    """An `httpx.AsyncClient` of the front door, for a test on any event loop."""
    name, headers = _door_and_headers(gateway, request)
    with gateway.threaded_client(name, headers=headers) as client:
        yield client


@pytest.fixture
def sync_edge_client(gateway: Gateway, request: pytest.FixtureRequest) -> Iterator[httpx.Client]:
    """An `httpx.Client` of the front door."""
    name, headers = _door_and_headers(gateway, request)
    with gateway.sync_client(name, headers=headers) as client:
        yield client


def _door_and_headers(
    gateway: Gateway, request: pytest.FixtureRequest
) -> tuple[str, dict[str, str]]:
    """The name of the front door that a test means, and what its viewer always sends."""
    from edgegw.testing.warm_gateways import door_of

    arguments = _arguments(request)
    door = _plainly(partial(door_of, gateway, arguments.door))
    return f"{door.kind} {door.name}", dict(arguments.viewer.headers)
