"""Functions that bring their own runtime, and extensions: real processes on the Runtime API."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from edgegw.awslambda.model import Function, LogSettings, Runtime
from tests.execution.lambda_service import running

PROVIDED = Runtime("provided.al2023", "provided", ())
PYTHON = Runtime(f"python3.{sys.version_info[1]}", "python", sys.version_info[:2])

SHELL = """#!/bin/sh
set -eu
api="http://${AWS_LAMBDA_RUNTIME_API}/2018-06-01/runtime/invocation"
while true; do
  head="$(mktemp)"
  event=$(curl -sS -LD "$head" "$api/next")
  id=$(grep -Fi Lambda-Runtime-Aws-Request-Id "$head" | tr -d '[:space:]' | cut -d: -f2)
  echo "in shell: $event"
  if [ "$event" = '"die"' ]; then exit 3; fi
  curl -sS -X POST "$api/$id/response" -d "{\\"handler\\": \\"$_HANDLER\\", \\"event\\": $event}" > /dev/null
done
"""

COMPILED = r"""
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int fd;
static const char *host;
static char buffer[65536];

static void exchange(const char *head, const char *body) {
  char request[8192];
  int size = snprintf(request, sizeof request, "%s\r\nHost: %s\r\nContent-Length: %zu\r\n\r\n%s", head, host, strlen(body), body);
  if (write(fd, request, size) != size) exit(1);
  ssize_t got = read(fd, buffer, sizeof buffer - 1);
  if (got <= 0) exit(1);
  buffer[got] = 0;
}

int main(void) {
  host = getenv("AWS_LAMBDA_RUNTIME_API");
  char *api = strdup(host);
  char *colon = strchr(api, ':');
  *colon = 0;
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(atoi(colon + 1))};
  inet_pton(AF_INET, api, &address.sin_addr);
  fd = socket(AF_INET, SOCK_STREAM, 0);
  if (connect(fd, (struct sockaddr *)&address, sizeof address)) return 1;
  for (;;) {
    exchange("GET /2018-06-01/runtime/invocation/next HTTP/1.1", "");
    char id[64] = {0}, head[256];
    sscanf(strcasestr(buffer, "lambda-runtime-aws-request-id: "), "%*s %63s", id);
    snprintf(head, sizeof head, "POST /2018-06-01/runtime/invocation/%s/response HTTP/1.1", id);
    char *event = strstr(buffer, "\r\n\r\n") + 4, answer[4096];
    snprintf(answer, sizeof answer, "{\"compiled\": %s}", event);
    exchange(head, answer);
  }
}
"""

EXTENSION = """#!{python}
import json, os, sys, urllib.request
api = "http://" + os.environ["AWS_LAMBDA_RUNTIME_API"] + "/2020-01-01/extension"
assert "_HANDLER" not in os.environ
def call(path, headers, body=None):
    request = urllib.request.Request(api + path, data=body, headers=headers)
    return urllib.request.urlopen(request)
registered = call("/register", {{"Lambda-Extension-Name": os.path.basename(sys.argv[0])}},
                  json.dumps({{"events": ["INVOKE", "SHUTDOWN"]}}).encode())
ident = {{"Lambda-Extension-Identifier": registered.headers["Lambda-Extension-Identifier"]}}
while True:
    event = json.load(call("/event/next", ident))
    print("extension saw", event["eventType"], event.get("shutdownReason", ""), flush=True)
    with open("{record}", "a") as record:
        record.write(json.dumps(event) + "\\n")
    if event["eventType"] == "SHUTDOWN":
        break
"""


TELEMETRY = """#!{python}
import http.server, json, os, sys, threading, urllib.request
api = "http://" + os.environ["AWS_LAMBDA_RUNTIME_API"]
class Sink(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        with open("{record}", "ab") as record:
            record.write(body + b"\\n")
        self.send_response(200)
        self.end_headers()
    def log_message(self, *args):
        pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Sink)
threading.Thread(target=server.serve_forever, daemon=True).start()
def call(method, path, headers, body=None):
    request = urllib.request.Request(api + path, data=body, headers=headers, method=method)
    return urllib.request.urlopen(request)
registered = call("POST", "/2020-01-01/extension/register",
                  {{"Lambda-Extension-Name": os.path.basename(sys.argv[0])}},
                  json.dumps({{"events": ["INVOKE", "SHUTDOWN"]}}).encode())
ident = {{"Lambda-Extension-Identifier": registered.headers["Lambda-Extension-Identifier"]}}
answer = call("PUT", "/2022-07-01/telemetry", ident, json.dumps({{
    "schemaVersion": "2022-12-13", "types": ["platform", "function", "extension"],
    "buffering": {{"maxItems": 1000, "maxBytes": 262144, "timeoutMs": 25}},
    "destination": {{"protocol": "HTTP",
                     "URI": "http://sandbox.localdomain:%d" % server.server_port}},
}}).encode())
assert answer.read() == b'"OK"'
print("extension is up", flush=True)
while json.load(call("GET", "/2020-01-01/extension/event/next", ident))["eventType"] != "SHUTDOWN":
    pass
"""


def executable(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)


def provided(code: Path, **more: Any) -> Function:
    return Function("mine", PROVIDED, str(code), "any.text", **{"timeout": 10.0, **more})


async def test_a_function_in_plain_shell(tmp_path: Path) -> None:
    if shutil.which("curl") is None:
        pytest.skip("curl is missing")
    executable(tmp_path / "bootstrap", SHELL)
    async with running(provided(tmp_path)) as lambda_:
        for event in ({"a": 1}, [2]):
            assert await lambda_.result("mine", event) == {"handler": "any.text", "event": event}
        error = await lambda_.error("mine", "die")
        assert error.message.endswith("Runtime exited with error: exit status 3")
        assert await lambda_.result("mine", 1) == {"handler": "any.text", "event": 1}
        await lambda_.service.settled()
        assert 'in shell: {"a": 1}' in lambda_.log("mine")


async def test_a_compiled_function(tmp_path: Path) -> None:
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("no C compiler")
    (tmp_path / "main.c").write_text("#define _GNU_SOURCE\n" + COMPILED)
    subprocess.run(
        [compiler, "-O1", "-o", str(tmp_path / "bootstrap"), str(tmp_path / "main.c")], check=True
    )
    async with running(provided(tmp_path)) as lambda_:
        for event in ({"a": "b"}, [], "text"):
            assert await lambda_.result("mine", event) == {"compiled": event}


async def test_a_zip_package_with_bootstrap(tmp_path: Path) -> None:
    executable(tmp_path / "bootstrap", SHELL)
    with zipfile.ZipFile(tmp_path / "code.zip", "w") as package:
        package.write(tmp_path / "bootstrap", "bootstrap")
    async with running(provided(tmp_path / "code.zip")) as lambda_:
        assert (await lambda_.result("mine", 1))["event"] == 1


async def test_a_bootstrap_in_a_layer(tmp_path: Path) -> None:
    executable(tmp_path / "layer" / "bootstrap", SHELL)
    (tmp_path / "code").mkdir()
    function = provided(tmp_path / "code", layers=(str(tmp_path / "layer"),))
    async with running(function) as lambda_:
        assert (await lambda_.result("mine", 1))["event"] == 1


async def test_no_bootstrap(tmp_path: Path) -> None:
    async with running(provided(tmp_path)) as lambda_:
        error = await lambda_.error("mine")
        assert error.error_type == "Runtime.InvalidEntrypoint"
        request_id = error.report.request_id
        assert error.message == (
            f"RequestId: {request_id} Error: Couldn't find valid bootstrap(s): "
            "[/var/task/bootstrap /opt/bootstrap]"
        )


async def test_a_bootstrap_that_cannot_be_executed(tmp_path: Path) -> None:
    executable(tmp_path / "bootstrap", "#!/no/such/interpreter\n")
    async with running(provided(tmp_path)) as lambda_:
        error = await lambda_.error("mine")
        assert error.error_type == "Runtime.InvalidEntrypoint"
        assert "no such file or directory" in error.message.lower()


@pytest.mark.parametrize("runtime", ["bundled", "provided"])
async def test_an_external_extension_sees_invoke_and_shutdown(tmp_path: Path, runtime: str) -> None:
    record = tmp_path / "record"
    layer, code = tmp_path / "layer", tmp_path / "code"
    extension = EXTENSION.format(python=sys.executable, record=record)
    executable(layer / "extensions" / "watch", extension)
    executable(code / "bootstrap", SHELL)
    (code / "app.py").write_text("def handler(event, context): return {'event': event}\n")
    layers = (str(layer),)
    function = provided(code, layers=layers)
    if runtime == "bundled":
        function = Function("mine", PYTHON, str(code), "app.handler", 10.0, layers=layers)
    async with running(function) as lambda_:
        outcome = await lambda_.invoke("mine", {"n": 1})
        assert json.loads(outcome.payload)["event"] == {"n": 1}
        await lambda_.service.settled()
        await lambda_.result("mine", {"n": 2})
        await lambda_.service.settled()
        log = lambda_.log("mine")
        assert "EXTENSION\tName: watch\tState: Ready\tEvents: [INVOKE, SHUTDOWN]" in log
        assert any(line.startswith("extension saw INVOKE") for line in log)
    events = [json.loads(line) for line in record.read_text().splitlines()]
    assert [each["eventType"] for each in events] == ["INVOKE", "INVOKE", "SHUTDOWN"]
    assert events[0]["requestId"] == outcome.report.request_id
    assert events[-1]["shutdownReason"] == "SPINDOWN"


async def test_a_timeout_is_told_to_extensions(tmp_path: Path) -> None:
    record = tmp_path / "record"
    layer, code = tmp_path / "layer", tmp_path / "code"
    executable(
        layer / "extensions" / "watch", EXTENSION.format(python=sys.executable, record=record)
    )
    code.mkdir()
    (code / "app.py").write_text("import time\ndef handler(e, c): time.sleep(9)\n")
    function = Function("mine", PYTHON, str(code), "app.handler", 1.0, layers=(str(layer),))
    async with running(function) as lambda_:
        assert (await lambda_.error("mine")).error_type == "Sandbox.Timedout"
        for _ in range(600):
            if "SHUTDOWN" in record.read_text():
                break
            await asyncio.sleep(0.05)
    events = [json.loads(line) for line in record.read_text().splitlines()]
    assert [each["eventType"] for each in events][:2] == ["INVOKE", "SHUTDOWN"]
    assert events[1]["shutdownReason"] == "TIMEOUT"


async def test_an_extension_that_subscribes_to_telemetry(tmp_path: Path) -> None:
    record = tmp_path / "record"
    layer, code = tmp_path / "layer", tmp_path / "code"
    executable(
        layer / "extensions" / "watch", TELEMETRY.format(python=sys.executable, record=record)
    )
    code.mkdir()
    (code / "app.py").write_text("def handler(e, c):\n    print('printed')\n    return 1\n")
    function = Function("mine", PYTHON, str(code), "app.handler", 5.0, layers=(str(layer),))
    async with running(function) as lambda_:
        outcome = await lambda_.invoke("mine")
        await lambda_.service.settled()
    events = [each for line in record.read_text().splitlines() for each in json.loads(line)]
    kinds = [each["type"] for each in events]
    assert [kind for kind in kinds if kind not in ("extension", "function")] == [
        "platform.initStart",
        "platform.telemetrySubscription",
        "platform.initRuntimeDone",
        "platform.initReport",
        "platform.start",
        "platform.runtimeDone",
        "platform.report",
    ]
    found = {each["type"]: each["record"] for each in events}
    assert found["function"] == "printed"
    assert found["extension"] == "extension is up"
    assert found["platform.start"]["requestId"] == outcome.report.request_id
    assert found["platform.runtimeDone"]["metrics"]["producedBytes"] == 1
    assert found["platform.report"]["metrics"]["memorySizeMB"] == 128


async def test_json_logs_of_a_runtime_are_filtered_by_level(tmp_path: Path) -> None:
    script = SHELL.replace(
        'echo "in shell: $event"',
        """echo '{"level": "debug", "message": "no"}'; echo '{"level": "error"}'""",
    )
    executable(tmp_path / "bootstrap", script)
    function = provided(tmp_path, logs=LogSettings("JSON", "WARN", "WARN"))
    async with running(function) as lambda_:
        await lambda_.invoke("mine", 1)
        await lambda_.service.settled()
        assert lambda_.log("mine") == ['{"level": "error"}']


async def test_an_extension_that_ends_is_a_function_error(tmp_path: Path) -> None:
    layer, code = tmp_path / "layer", tmp_path / "code"
    executable(layer / "extensions" / "dies", "#!/bin/sh\nexit 4\n")
    code.mkdir()
    (code / "app.py").write_text("def handler(event, context): return 1\n")
    function = Function("mine", PYTHON, str(code), "app.handler", 5.0, layers=(str(layer),))
    async with running(function) as lambda_:
        error = await lambda_.error("mine")
        assert error.error_type == "Extension.Crash"
        assert error.message.endswith("Error: exit code 4")


async def test_node_client_of_aws_where_it_is_installed(tmp_path: Path, node: str) -> None:
    found = Path(__file__).parents[2] / ".node" / "ric" / "node_modules" / "aws-lambda-ric"
    if not (found / "rapid-client.node").exists():
        pytest.skip("aws-lambda-ric is not built (npm install --prefix .node/ric aws-lambda-ric)")
    executable(
        tmp_path / "bootstrap",
        f'#!/bin/sh\nexec {node} {found}/index.mjs "$_HANDLER"\n',
    )
    (tmp_path / "index.js").write_text("exports.handler = async (event) => ({ event });\n")
    function = Function("mine", PROVIDED, str(tmp_path), "index.handler", 10.0, 512)
    async with running(function) as lambda_:
        assert await lambda_.result("mine", {"a": 1}) == {"event": {"a": 1}}
        assert await lambda_.result("mine", 2) == {"event": 2}


async def test_raw_requests_of_a_runtime(tmp_path: Path) -> None:
    """What no client does: a streamed response in pieces, and a request that is no HTTP."""
    script = f"""#!{sys.executable}
import http.client, os, socket
host, port = os.environ["AWS_LAMBDA_RUNTIME_API"].split(":")
bad = socket.create_connection((host, int(port))); bad.sendall(b"no http at all\\r\\n\\r\\n")
assert bad.recv(100).startswith(b"HTTP/1.1 400")
while True:
    c = http.client.HTTPConnection(host, int(port))
    c.request("GET", "/2018-06-01/runtime/invocation/next")
    r = c.getresponse(); r.read(); ident = r.headers["Lambda-Runtime-Aws-Request-Id"]
    c.putrequest("POST", f"/2018-06-01/runtime/invocation/{{ident}}/response")
    c.putheader("Lambda-Runtime-Function-Response-Mode", "streaming")
    c.putheader("Transfer-Encoding", "chunked")
    c.putheader("Trailer", "Lambda-Runtime-Function-Error-Type")
    c.endheaders()
    for piece in (b"one", b"two"):
        c.send(b"%x\\r\\n%s\\r\\n" % (len(piece), piece))
    c.send(b"0\\r\\n\\r\\n")
    assert c.getresponse().status == 202
"""
    executable(tmp_path / "bootstrap", script)
    async with running(provided(tmp_path)) as lambda_:
        for _ in range(2):
            outcome = await lambda_.invoke("mine")
            assert outcome.payload == b"onetwo"
            await asyncio.sleep(0)


async def test_a_runtime_that_goes_on_after_a_refused_response(tmp_path: Path) -> None:
    script = f"""#!{sys.executable}
import http.client, os
c = http.client.HTTPConnection(*os.environ["AWS_LAMBDA_RUNTIME_API"].split(":"))
while True:
    c.request("GET", "/2018-06-01/runtime/invocation/next")
    r = c.getresponse(); event = r.read(); ident = r.headers["Lambda-Runtime-Aws-Request-Id"]
    body = b'"' + b"x" * (7 << 20) + b'"' if event == b'"big"' else event
    c.request("POST", f"/2018-06-01/runtime/invocation/{{ident}}/response", body)
    r = c.getresponse(); r.read()
    print("status", r.status, flush=True)
"""
    executable(tmp_path / "bootstrap", script)
    async with running(provided(tmp_path)) as lambda_:
        error = await lambda_.error("mine", "big")
        assert error.error_type == "Function.ResponseSizeTooLarge"
        assert await lambda_.result("mine", "small") == "small"
        await lambda_.service.settled()
        printed = [line for line in lambda_.log("mine") if line.startswith("status")]
        assert printed == ["status 413", "status 202"]
        assert len({entry.stream for entry in lambda_.service.logs.group("mine").after(0)}) == 1


async def test_an_extension_that_ends_while_the_function_runs(tmp_path: Path) -> None:
    layer, code = tmp_path / "layer", tmp_path / "code"
    text = EXTENSION.format(python=sys.executable, record=tmp_path / "record")
    executable(
        layer / "extensions" / "dies",
        text.replace('    if event["eventType"] == "SHUTDOWN":', "    if True:"),
    )
    code.mkdir()
    (code / "app.py").write_text("import time\ndef handler(event, context): time.sleep(9)\n")
    function = Function("mine", PYTHON, str(code), "app.handler", 20.0, layers=(str(layer),))
    async with running(function) as lambda_:
        error = await lambda_.error("mine")
        assert error.error_type == "Extension.Crash"
        assert lambda_.log("mine")[-1].endswith("Status: error\tError Type: Extension.Crash")
