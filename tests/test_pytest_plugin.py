"""The plugin, in a pytest of its own."""

from __future__ import annotations

import subprocess
import sys

import pytest

CONFIG = """\
load_balancers:
  web:
    listeners:
      - listen: 0
        default_actions: [{fixed_response: {status_code: "200", message_body: hello}}]
"""


def test_the_marker_and_the_ini_option_configure_the_fixture(pytester: pytest.Pytester) -> None:
    pytester.makefile(".yaml", marked=CONFIG, option=CONFIG.replace("hello", "from the option"))
    pytester.makeini("[pytest]\nedgegw_config = option.yaml\n")
    pytester.makepyfile(
        """
        import pytest

        @pytest.mark.edgegw("marked.yaml")
        def test_marker(gateway):
            with gateway.sync_client("web") as client:
                assert client.get("/").text == "hello"

        def test_option(gateway):
            with gateway.sync_client("web") as client:
                assert client.get("/").text == "from the option"
        """
    )
    result = pytester.runpytest_subprocess("-p", "edgegw", "-p", "no:asyncio", "-W", "error")
    result.assert_outcomes(passed=2)


def test_without_configuration_the_fixture_says_what_to_do(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("def test_it(gateway): pass")
    result = pytester.runpytest_subprocess("-p", "edgegw")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*needs a configuration: mark the test with*"])


def test_loading_the_plugin_imports_nothing_heavy() -> None:
    code = "import sys, edgegw.pytest_plugin; print([m for m in ('httpx', 'pydantic', 'yaml', 'uvicorn', 'hypercorn', 'edgegw.gateway') if m in sys.modules])"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"
