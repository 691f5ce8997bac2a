"""The pytest plugin: the fixture `gateway`.

It is configured by the ini option `edgegw_config` or the marker `@pytest.mark.edgegw("path.yaml")`.
pytest loads this module in every project of the environment: nothing heavy is imported here.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from edgegw.gateway.gateway import Gateway


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addini(
        "edgegw_config",
        "The configuration that the fixture `gateway` loads, relative to the root folder.",
        default="",
    )


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers", "edgegw(config): the configuration that the fixture `gateway` loads"
    )


@pytest.fixture
def gateway(request: pytest.FixtureRequest) -> Gateway:
    """A `Gateway` of the configuration that the marker names, else the ini option.

    A marker's path is relative to the test's folder, the option's to the root folder.
    """
    from edgegw.gateway.gateway import Gateway

    marker = request.node.get_closest_marker("edgegw")
    if marker is not None and marker.args:
        return Gateway.from_file(Path(request.path).parent / marker.args[0])
    option = str(request.config.getini("edgegw_config"))
    if not option:
        pytest.fail(
            "the fixture `gateway` needs a configuration: mark the test with "
            '@pytest.mark.edgegw("path.yaml"), or set edgegw_config in the ini file',
            pytrace=False,
        )
    return Gateway.from_file(request.config.rootpath / option)
