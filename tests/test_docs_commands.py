"""Every command of README and docs is run as a reader would, or is listed with the reason why not.

A journey is what a reader does at one page: the configuration of that page in an empty folder
beside the sample functions, a gateway that runs, and the commands pasted one after the other. Ports
are the only thing that is changed: they are free ones here.
"""

from __future__ import annotations

import contextlib
import http.server
import os
import re
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.conftest import free_port, need

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BIN = Path(sys.executable).parent
PORT = re.compile(r"(?<=:)(5173|3000|3001|3002|8080|8081|8090|8091|8095|8096|8443|9001)\b")
ORIGINS = ("5173", "3000", "3001", "3002")
HOOK = "def handler(event, context):\n    return event['Records'][0]['cf']['request']\n"


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", page.read_text(), re.S)


def commands(block: str) -> list[str]:
    """The commands of a block, less their comments; a script is one command."""
    if block.startswith("#!"):
        return [block]
    lines = (re.sub(r"\s+#.*", "", line).strip() for line in block.splitlines())
    return [line for line in lines if line]


@dataclass
class Journey:
    """What a reader does at `page`; `runs` goes on beside the commands, or until it is ready.

    `config` is a page with the number of a block of YAML, or with a key that stands in it.
    `answers` are beginnings of commands and what they print.
    """

    page: str
    runs: str = ""
    ready: int = 1
    config: str = "README.md"
    commands: list[str] = field(default_factory=list)
    answers: dict[str, str] = field(default_factory=dict)


JOURNEYS = {
    "demo": Journey(
        "README.md",
        "edgegw demo",
        2,
        "",
        [
            "curl -i 'http://127.0.0.1:8080/python?name=you'",
            "curl -i 'http://127.0.0.1:8080/node?name=you'",
            "curl -i -u demo:demo http://127.0.0.1:8081/",
        ],
        {"curl": "HTTP/1.1 200 OK"},
    ),
    "dev": Journey(
        "README.md", "edgegw dev http://localhost:5173 --viewer-request auth.py --open", 1, ""
    ),
    "init": Journey("README.md", config="", commands=["edgegw init my-site"]),
    "before deployment": Journey(
        "README.md",
        commands=[
            "edgegw check --deploy",
            "edgegw event viewer-request --url https://www.example.com/a > event.json",
            "edgegw invoke auth --event event.json > result.json",
            "edgegw validate viewer-request --event event.json --result result.json",
            "edgegw explain http://localhost:8080/api/x -H 'X-Beta: 1'",
        ],
        answers={"edgegw explain": "rule 20", "edgegw validate": "accepted"},
    ),
    "while it serves": Journey(
        "README.md",
        "edgegw serve",
        2,
        commands=[
            "edgegw event viewer-request --url https://www.example.com/a > event.json",
            "edgegw invoke auth --event event.json",
            "curl http://127.0.0.1:8081/ -H 'X-Edgegw-Viewer: country=DE; city=Berlin; ip=203.0.113.7'",
            "edgegw explain http://localhost:8080/api/x -H 'X-Beta: 1'",
            "edgegw targets blue register localhost:3002",
            "edgegw weights 20 blue=50 green=50",
            "edgegw functions",
            "edgegw fault auth.error=30% site/app.latency=800ms",
            "edgegw fault",
            "edgegw fault clear",
        ],
        answers={"edgegw functions": "auth", "edgegw invoke": '"401"'},
    ),
    "identity provider": Journey(
        "authentication.md",
        "edgegw serve",
        2,
        "authentication.md#0",
        [
            "edgegw token ada",
            'edgegw token ada --client app --claim tier=gold --claim \'groups=["a", "b"]\' --expires 60',
            "edgegw token ada --id",
            'curl http://127.0.0.1:8095/oauth2/userInfo -H "Authorization: Bearer $(edgegw token ada)"',
            "curl http://127.0.0.1:8095/oauth2/jwks",
            "edgegw fault local.error=50% local.status=500",
            "edgegw fault local.latency=6s",
            "edgegw fault local.expired_code local.clock_skew=-120s",
            "edgegw fault clear",
        ],
        {
            "edgegw token": "eyJ",
            "curl http://127.0.0.1:8095/oauth2/userInfo": "ada@example.com",
            "curl http://127.0.0.1:8095/oauth2/jwks": '"kid"',
        },
    ),
    "logs": Journey("README.md", "edgegw logs auth --follow", 0),
    "TLS": Journey(
        "development.md",
        "edgegw serve",
        1,
        "development.md#1",
        [
            "edgegw trust",
            "curl --cacert ~/.local/share/edgegw/ca/rootCA.pem https://localhost:8443/",
        ],
        {"curl": "origin"},
    ),
    "targets": Journey(
        "load-balancers.md",
        "edgegw serve",
        1,
        "load-balancers.md",
        [
            "edgegw targets",
            "edgegw targets web register localhost:3002",
            "edgegw targets web deregister localhost:3000",
            "edgegw targets hello deregister hello",
            "edgegw weights 30 echo=50 hello=50",
        ],
        {"edgegw targets web": "localhost"},
    ),
    "event sources": Journey(
        "events.md",
        "edgegw serve",
        1,
        "events.md#queues:",
        [
            """edgegw send jobs '{"order": 17}'""",
            "aws lambda list-event-source-mappings --endpoint-url http://127.0.0.1:9001 --function-name worker",
            "edgegw functions",
        ],
        {
            "aws": '"EventSourceArn": "arn:aws:sqs:us-east-1:123456789012:jobs"',
            "edgegw functions": "jobs",
        },
    ),
    "streams": Journey(
        "events.md",
        "edgegw serve",
        1,
        "events.md#streams:",
        [
            """edgegw send clicks '{"page": "/"}' --partition-key user-1""",
            """edgegw send orders '{"Keys": {"id": {"S": "7"}}, "NewImage": {"id": {"S": "7"}, "state": {"S": "paid"}}}'""",
            "aws kinesis list-shards --endpoint-url http://127.0.0.1:9001 --stream-name clicks",
        ],
        {"aws kinesis": '"ShardId": "shardId-000000000001"'},
    ),
    "Lambda API": Journey(
        "lambda-api.md",
        "edgegw serve",
        1,
        "lambda-api.md",
        [
            "aws lambda invoke --endpoint-url http://127.0.0.1:9001 --function-name hello --log-type Tail out.json"
        ],
        {"aws": '"StatusCode": 200'},
    ),
    "figures": Journey(
        "figures.md",
        "edgegw serve",
        2,
        "figures.md",
        [
            "curl http://127.0.0.1:8080/",
            "edgegw metrics",
            "aws cloudwatch get-metric-statistics --endpoint-url http://127.0.0.1:9001 --namespace AWS/Lambda --metric-name Invocations --dimensions Name=FunctionName,Value=hello --statistics Sum --period 3600 --start-time \"$(date -u -d '-1 hour' +%FT%TZ)\" --end-time \"$(date -u -d '+1 minute' +%FT%TZ)\"",
            "edgegw cost --requests 5000000",
        ],
        {
            "edgegw metrics": 'aws_lambda_invocations_total{function_name="hello"} 1',
            "aws cloudwatch": '"Sum": 1.0',
            "edgegw cost": "scaled to 5,000,000 requests a month",
        },
    ),
    "experiments": Journey(
        "experiments.md",
        "edgegw serve",
        2,
        "experiments.md",
        [
            "edgegw simulate --requests 1000 --duration 1h --variant-by header:x-bucket --weights a=50,b=50 --sticky-cookie bucket --in-process",
            r"edgegw simulate --requests 200 --variant-by 'body:page (\w)' --in-process --html report.html",
            r"printf '/\n    Cookie: bucket=a\n/nothing\n    Cookie: bucket=b\n' > requests.txt",
            "edgegw compare --against http://127.0.0.1:8081 --requests requests.txt",
        ],
        {"edgegw simulate": "✓ no faults", "edgegw compare": "2 alike, 0 different"},
    ),
    "queues": Journey(
        "queues.md",
        "edgegw serve",
        1,
        "queues.md",
        [
            """edgegw send jobs '{"order": 17}' --attribute kind=order""",
            "aws sqs receive-message --endpoint-url http://127.0.0.1:9001 --queue-url "
            "http://127.0.0.1:9001/123456789012/jobs",
        ],
        {"aws sqs": '"ReceiptHandle"', "edgegw send": "-"},
    ),
    "events": Journey(
        "events.md",
        "edgegw serve",
        1,
        "events.md",
        ["edgegw invoke hello --async", "edgegw queue", "edgegw queue redrive"],
        {"edgegw queue redrive": "0 events"},
    ),
    "schedules and rules": Journey(
        "events.md",
        "edgegw serve",
        1,
        "events.md#schedules:",
        [
            """aws events put-events --endpoint-url http://127.0.0.1:9001 --entries '[{"Source": "shop", "DetailType": "Order", "Detail": "{\\"state\\": \\"paid\\", \\"total\\": 250}"}]'""",
            "aws events list-rules --endpoint-url http://127.0.0.1:9001",
        ],
        {"aws events put": '"FailedEntryCount": 0', "aws events list": '"paid-orders"'},
    ),
    "function URLs": Journey(
        "function-urls.md",
        "edgegw serve",
        2,
        "function-urls.md",
        [
            "curl -X PUT http://127.0.0.1:8090/milk -H 'Content-Type: text/plain' -d 'two bottles'",
            "curl http://127.0.0.1:8091/notes/milk",
            "edgegw explain http://127.0.0.1:8091/notes/milk",
            "edgegw event function-url --url https://example.com/milk --method PUT --body 'two bottles'",
            "edgegw event apigw-v1 --route 'GET /notes/{name}' --url https://example.com/notes/milk",
        ],
        {
            "curl": "two bottles",
            "edgegw explain": "GET /notes/{name}",
            "edgegw event function-url": '"$default"',
            "edgegw event apigw-v1": '"name": "milk"',
        },
    ),
    "invalidation": Journey(
        "cache.md",
        "edgegw serve",
        2,
        "cache.md#1",
        [
            "curl http://127.0.0.1:8081/",
            "aws cloudfront create-invalidation --endpoint-url http://127.0.0.1:9001 --distribution-id site --paths '/*'",
            "aws cloudfront list-invalidations --endpoint-url http://127.0.0.1:9001 --distribution-id site",
            "aws cloudfront list-distributions --endpoint-url http://127.0.0.1:9001 --query 'DistributionList.Items[].[Id, DomainName]'",
        ],
        {
            "curl": "origin",
            "aws cloudfront create": '"InProgress"',
            "aws cloudfront list-i": '"Completed"',
            "aws cloudfront list-d": ".cloudfront.net",
        },
    ),
    "functions of the CloudFront API": Journey(
        "cloudfront-functions.md",
        "edgegw serve",
        2,
        "cloudfront-functions.md#1",
        [
            "edgegw event cloudfront-function-response > event.json",
            "edgegw test-function headers --event event.json",
            "edgegw test-function headers --event event.json --json",
            "edgegw invoke headers --event event.json > result.json",
            "edgegw validate cloudfront-function-response --event event.json --result result.json",
            "aws cloudfront list-functions --endpoint-url http://127.0.0.1:9001 --stage LIVE",
            "aws cloudfront create-function --endpoint-url http://127.0.0.1:9001 --name made --function-config Comment=mine,Runtime=cloudfront-js-2.0 --function-code fileb://sample_functions/edge_functions/index_document.js",
            "aws cloudfront describe-function --endpoint-url http://127.0.0.1:9001 --name made",
            "edgegw functions",
            "edgegw logs headers",
            "edgegw fault headers.throttle=10%",
        ],
        {
            "edgegw test-function headers --event event.json": "ComputeUtilization",
            "edgegw validate": "accepted: the response goes on",
            "aws cloudfront list-f": "function/headers",
            "aws cloudfront describe": "UNPUBLISHED",
            "edgegw functions": "made",
            "edgegw fault": "edge_function:headers  throttle=10%",
        },
    ),
    "key value stores": Journey(
        "cloudfront-functions.md",
        "edgegw serve",
        2,
        "cloudfront-functions.md#key_value_stores:",
        [
            "edgegw kvs flags put share 0.5",
            "edgegw kvs flags get share",
            "edgegw kvs flags list",
            "edgegw kvs flags export flags.json",
            "edgegw kvs flags delete share",
            "edgegw kvs flags import flags.json",
            "aws cloudfront-keyvaluestore describe-key-value-store --endpoint-url http://kvs@127.0.0.1:9001 --no-sign-request --kvs-arn arn:aws:cloudfront::123456789012:key-value-store/flags",
            "aws cloudfront-keyvaluestore list-keys --endpoint-url http://kvs@127.0.0.1:9001 --no-sign-request --kvs-arn arn:aws:cloudfront::123456789012:key-value-store/flags",
            "aws cloudfront create-key-value-store --endpoint-url http://127.0.0.1:9001 --name redirects",
            "aws cloudfront describe-key-value-store --endpoint-url http://127.0.0.1:9001 --name flags",
            "aws cloudfront list-key-value-stores --endpoint-url http://127.0.0.1:9001",
        ],
        {
            "edgegw kvs flags get": "0.5",
            "edgegw kvs flags list": "share  0.5",
            "edgegw kvs flags import": "flags: 1 key",
            "aws cloudfront-keyvaluestore describe": '"ItemCount": 1',
            "aws cloudfront-keyvaluestore list": '"Value": "0.5"',
            "aws cloudfront create": '"Status": "READY"',
            "aws cloudfront list": "redirects",
        },
    ),
}

SCRIPTS = {"Lambda API": "lambda", "queues": "sqs", "key value stores": "cloudfront-keyvaluestore"}
"""Journeys at whose end the script of the page is run that makes a client of this service."""

NOT_RUN = {
    "make demo": "installs from the network; CI runs it, and `edgegw demo` is run here",
    "make test": "it is what runs this",
    "edgegw serve --debug auth": "opens debugpy's own port; tests/execution/test_debuggers.py",
    "make bench": "needs wrk, h2load and nginx, and minutes",
    "python benchmarks/run.py --only nginx gateway": "needs wrk and nginx, and minutes",
    "python benchmarks/run.py --only cache --seconds 1 --rounds 3": "needs wrk and nginx, and minutes",
    "make fuzz": "takes minutes; tests/fuzz runs parts of it",
    "make fuzz SECONDS=600 SEED=7": "takes minutes",
    "python -m tests.fuzz requests --seconds 60 --seed 7": "takes a minute",
    "python -m tests.fuzz --replay fuzz-failures/requests-7-4711.json": "needs a failure",
    "make soak": "takes minutes",
    "python benchmarks/cache_suite.py": "clones from the network, and takes a minute",
    'curl -k https://localhost:8443/ -H "Authorization: Bearer $(edgegw token ada)"': "needs two "
    "configurations of the page at once; tests/gateway sends tokens to load balancers",
    "openssl genrsa -out private.pem 2048": "needs openssl; tests/cli sign with keys of their own",
    "openssl rsa -in private.pem -pubout -out public.pem": "the same",
    'curl "$(edgegw sign http://localhost:8081/film.mp4 --key-pair-id K2JCJMDEHXQW5F '
    '--key private.pem)"': "the same",
    'curl http://localhost:8081/film.mp4 -H "Cookie: $(edgegw sign http://localhost:8081/film.mp4 '
    '--key-pair-id K2JCJMDEHXQW5F --key private.pem --cookie)"': "the same",
}


def test_every_command_is_run_or_says_why_not() -> None:
    documented = {
        command
        for page in PAGES
        for block in blocks(page, "sh")
        for command in commands(block)
        if not command.startswith("#!")
    }
    run = {text for each in JOURNEYS.values() for text in (*each.commands, each.runs)}
    assert documented - run - NOT_RUN.keys() == set(), "neither run nor in NOT_RUN"
    assert NOT_RUN.keys() <= documented
    assert run - documented <= {"", "edgegw serve", "edgegw demo"}


class Origin(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "6")
        self.end_headers()
        self.wfile.write(b"origin")

    def log_message(self, *_: object) -> None:
        pass


class Reader:
    """Somebody in an empty folder, with the sample functions beside the configuration."""

    def __init__(self, folder: Path, closing: contextlib.ExitStack) -> None:
        self.folder = folder
        self._closing = closing
        self.ports = {}
        home = folder / "home"
        home.mkdir()
        self.env = {
            **os.environ,
            "HOME": str(home),
            "XDG_DATA_HOME": "",
            "XDG_CACHE_HOME": "",
            "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]),
            "BROWSER": "true",
            "AWS_ACCESS_KEY_ID": "any",
            "AWS_SECRET_ACCESS_KEY": "any",
            "AWS_DEFAULT_REGION": "us-east-1",
        }
        shutil.copytree(ROOT / "sample_functions", folder / "sample_functions")
        (folder / "auth.py").write_text(HOOK)

    def with_ports(self, text: str) -> str:
        return PORT.sub(lambda match: str(self._port(match[1])), text)

    def _port(self, documented: str) -> int:
        if documented not in self.ports:
            port = self.ports[documented] = free_port()
            if documented in ORIGINS:
                server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Origin)
                self._closing.callback(server.server_close)
                self._closing.callback(server.shutdown)
                threading.Thread(target=server.serve_forever, daemon=True).start()
        return self.ports[documented]

    def configure(self, place: str) -> None:
        page, _, number = place.partition("#")
        file = ROOT / page if page == "README.md" else ROOT / "docs" / page
        is_key = number.endswith(":")
        known = blocks(file, "yaml")
        text = (
            next(block for block in known if f"\n{number}" in block)
            if is_key
            else known[int(number or 0)]
        )
        text = re.sub(r"(?<=port: )8443", str(self._port("8443")), text)
        (self.folder / "edgegw.yaml").write_text(self.with_ports(text))

    def start(self, command: str, ready: int) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            ["bash", "-c", f"exec {command}"],
            cwd=self.folder,
            env=self.env,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._closing.callback(process.communicate)
        self._closing.callback(process.kill)
        assert process.stdout is not None
        for _ in range(ready):
            line = process.stdout.readline()
            assert line, process.communicate()
            assert "ready" in line, line
        return process

    def run(self, command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["bash", "-c", command],
            cwd=self.folder,
            env=self.env,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Reader]:
    with contextlib.ExitStack() as closing:
        yield Reader(tmp_path, closing)


@pytest.mark.timeout(300)  # others may have the ports of `demo` first
@pytest.mark.parametrize("name", JOURNEYS)
def test_a_journey(name: str, reader: Reader, request: pytest.FixtureRequest) -> None:
    need("curl", "commands of the documents are not run")
    journey = JOURNEYS[name]
    by_aws = any(command.startswith("aws ") for command in journey.commands)
    if by_aws and not (BIN / "aws").exists():
        need("aws", "the command of the page is not run")
    if journey.runs.startswith("edgegw dev"):  # it looks for a port beside the usual one
        request.getfixturevalue("usual_ports")
    if journey.runs == "edgegw demo":  # its ports are fixed
        need("node", "the demo's function in Node.js is not run")
        request.getfixturevalue("usual_ports")
        for port in ("8080", "8081"):
            with socket.socket() as sock:
                if sock.connect_ex(("127.0.0.1", int(port))) == 0:
                    pytest.skip(f"port {port} of the demo is in use")
            reader.ports[port] = int(port)
    if journey.config:
        reader.configure(journey.config)
    if name == "logs":
        reader.start("edgegw serve", 2)
        process = reader.start(reader.with_ports(journey.runs), 0)
        assert reader.run(reader.with_ports("curl http://127.0.0.1:8081/")).returncode == 0
        assert process.stdout is not None
        assert process.stdout.readline().startswith("---"), "the name of a log stream"
        assert "START" in process.stdout.readline()
    elif journey.runs:
        reader.start(reader.with_ports(journey.runs), journey.ready)
    for command in journey.commands:
        ran = reader.run(reader.with_ports(command))
        assert ran.returncode == 0, (command, ran.stdout, ran.stderr)
        for beginning, answer in journey.answers.items():
            if command.startswith(beginning):
                assert answer in ran.stdout, (command, ran.stdout, ran.stderr)
    if name in SCRIPTS:
        pytest.importorskip("boto3")
        scripts = blocks(ROOT / "docs" / journey.page, "python")
        (script,) = (script for script in scripts if f'"{SCRIPTS[name]}"' in script)
        (reader.folder / "script.py").write_text(reader.with_ports(script))
        ran = reader.run("python script.py")
        assert (ran.returncode, ran.stderr) == (0, "")


def test_the_script_of_a_runtime_of_ones_own(reader: Reader) -> None:
    need("curl", "the script of the page needs it")
    (script,) = (block for block in blocks(ROOT / "docs" / "functions.md", "sh") if block[0] == "#")
    code = reader.folder / "code"
    code.mkdir()
    (code / "bootstrap").write_text(script)
    (code / "bootstrap").chmod(0o755)
    (reader.folder / "edgegw.yaml").write_text(
        "functions:\n  own: {runtime: provided.al2023, code: code}\n"
        "gateway: {lambda_api: 127.0.0.1:0}\n"
    )
    ran = reader.run("""echo '{"a": 1}' | edgegw invoke own --event -""")
    assert (ran.returncode, ran.stdout.strip()) == (0, '{"you sent": {"a": 1}}'), ran.stderr
