"""The public test suite of HTTP caches against a distribution, and which rule explains what differs.

    python benchmarks/cache_suite.py [--suite FOLDER] [--source URL] [--test ID]

The suite (https://github.com/http-tests/cache-tests) is cloned, and its packages are installed, into
`--suite`, by default a temporary folder; nothing of it is part of edgegw. Its server is the origin,
its client asks through `edgegw serve`, all on loopback. Needs git, Node.js and npm, and a minute.

Each test that differs has to stand in a row of the section SECTION of docs/fidelity.md, with its
reason; a test that stands there and passes is named too. Either makes the script fail. With `--test`
one test runs, and its requests and answers are shown.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

from servers import Running, free_port

SOURCE = "https://github.com/http-tests/cache-tests"
COMMIT = "b55b8bda3dbb8c927c04e85bd8d496a8caa3e4ba"
"""The suite changes; the table in the documentation is about this version of it."""

FIDELITY = Path(__file__).parents[1] / "docs" / "fidelity.md"
SECTION = "## The public suite of caches"

KEY_HEADERS = ["Abc", "Foo", "Bar", "Baz", "Accept-Language", "Authorization"]
"""What the suite's answers vary by; CloudFront looks at its policy, never at Vary."""

ERRORS = [400, 403, 404, 405, 414, 416, 500, 501, 502, 503, 504]

VERDICTS = """
import fs from 'fs'
const [folder, file] = process.argv.slice(1)
const { default: suites } = await import(`file://${folder}/tests/index.mjs`)
const { determineTestResult, resultTypes } = await import(`file://${folder}/test-engine/lib/results.mjs`)
const results = JSON.parse(fs.readFileSync(file))
const words = new Map(Object.entries(resultTypes).map(([word, signs]) => [signs, word]))
const all = suites.flatMap(suite => suite.tests).map(test => ({
  id: test.id,
  kind: test.kind || 'required',
  passes: results[test.id] === true,
  result: words.get(determineTestResult(suites, test.id, results)),
  why: Array.isArray(results[test.id]) ? results[test.id][1] : '',
}))
console.log(JSON.stringify(all))
"""


def configuration(front: int, origin: int) -> dict[str, object]:
    """A distribution that caches what its origin says and nothing else."""
    behavior = {
        "origin": "suite",
        "compress": False,
        "allowed_methods": ["GET", "HEAD", "OPTIONS", "PUT", "POST", "PATCH", "DELETE"],
        "cache_policy": "as-the-origin-says",
        "origin_request_policy": "all-but-cookies",
    }
    everything = {"behavior": "all"}
    return {
        "cache_policies": {
            "as-the-origin-says": {
                "min_ttl": 0,
                "default_ttl": 0,
                "max_ttl": 31536000,
                "headers": {"behavior": "whitelist", "items": KEY_HEADERS},
                "query_strings": everything,
            }
        },
        "origin_request_policies": {
            "all-but-cookies": {"headers": {"behavior": "allViewer"}, "query_strings": everything}
        },
        "distributions": {
            "site": {
                "listen": f"127.0.0.1:{front}",
                "origins": {"suite": {"url": f"http://127.0.0.1:{origin}"}},
                "default_behavior": behavior,
                "custom_error_responses": [
                    {"error_code": code, "error_caching_min_ttl": 0} for code in ERRORS
                ],
            }
        },
    }


def installed(folder: Path, source: str) -> Path:
    """The suite in `folder`, cloned and installed where it is not there yet."""
    if not (folder / "package.json").exists():
        folder.mkdir(parents=True, exist_ok=True)
        run(["git", "clone", "--quiet", source, str(folder)])
        run(["git", "-C", str(folder), "checkout", "--quiet", COMMIT])
    if not (folder / "node_modules").exists():
        command = ["npm", "install", "--omit=dev", "--no-save", "--ignore-scripts"]
        run([*command, "--no-audit", "--no-fund", "--silent", "--prefix", str(folder)])
    return folder.resolve()


def run(command: list[str]) -> None:
    try:
        subprocess.run(command, check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        sys.exit(f"the suite could not be installed: {error}")


def asked(suite: Path, scratch: Path, test: str) -> str:
    """What the suite's client prints, between its own server and a gateway that end with it."""
    front, origin = free_port(), free_port()
    (scratch / "edgegw.yaml").write_text(json.dumps(configuration(front, origin)))
    words = {"protocol": "http", "port": origin, "pidfile": scratch / "pid", "id": test}
    env = {f"npm_package_config_{name}": f"{word}" for name, word in words.items()}
    env |= os.environ | {"npm_package_config_base": f"http://127.0.0.1:{front}"}
    server = ["node", str(suite / "test-engine/server/server.mjs")]
    gateway = [sys.executable, "-m", "edgegw", "serve", "--quiet", str(scratch / "edgegw.yaml")]
    started = Running(server, origin, scratch / "server.log", env)
    try:
        serving = Running(gateway, front, scratch / "gateway.log", env)
        try:
            client = ["node", "--no-warnings", str(suite / "test-engine/cli.mjs")]
            return subprocess.run(
                client, env=env, stdout=subprocess.PIPE, check=True
            ).stdout.decode()
        finally:
            serving.stop()
            print((scratch / "gateway.log").read_text(), end="", file=sys.stderr)
    finally:
        started.stop()


def verdicts(suite: Path, results: Path) -> list[dict[str, str | bool]]:
    command = ["node", "--input-type=module", "-e", VERDICTS, "--", str(suite), str(results)]
    return json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)


def explained() -> set[str]:
    """The tests that the documentation gives a reason for."""
    _, _, rest = FIDELITY.read_text().partition(f"{SECTION}\n")
    rows = [line for line in rest.partition("\n## ")[0].splitlines() if line.startswith("| `")]
    return {test for row in rows for test in re.findall(r"`([^`]+)`", row.split("|")[1])}


def report(tests: list[dict[str, str | bool]]) -> bool:
    """Prints the counts, and what is not as documented; whether all is."""
    passing = Counter(test["kind"] for test in tests if test["passes"])
    for kind, count in sorted(Counter(test["kind"] for test in tests).items()):
        print(f"{kind:10} {passing[kind]:3} of {count:3} pass")
    print(f"{'all':10} {passing.total():3} of {len(tests):3} pass")
    for result, count in sorted(Counter(test["result"] for test in tests).items()):
        print(f"  {result:16} {count:3}")
    differing = {test["id"] for test in tests if not test["passes"]}
    known = explained()
    for test in tests:
        if test["id"] in differing - known:
            print(f"not explained: {test['id']} ({test['kind']}, {test['result']}): {test['why']}")
    for name in sorted(known - differing):
        print(f"explained, but it passes or is gone: {name}")
    return differing == known


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--suite", type=Path, help="where the suite is, or is to be cloned to")
    parser.add_argument("--source", default=SOURCE, help="where it is cloned from")
    parser.add_argument("--test", default="", metavar="ID", help="run one test, and show it")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        suite = installed(options.suite or scratch / "suite", options.source)
        printed = asked(suite, scratch, options.test)
        if options.test:
            print(printed)
            return
        (scratch / "results.json").write_text(printed)
        is_as_documented = report(verdicts(suite, scratch / "results.json"))
    sys.exit(not is_as_documented)


if __name__ == "__main__":
    main()
