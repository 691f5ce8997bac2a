"""Every task has an owner: `edgegw.background` has those that go on beside everything else.

A task that nobody keeps may vanish in the middle, and one that nobody looks at fails in silence.
So tasks are started by a `Background` or in a `TaskGroup`, and no file keeps some of them by hand.
What may stand for itself is the one task that an object has, waits for and ends: `SINGLE`.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator

from tests.product_code import parsed_files

SINGLE = {
    "execution/bootstrap.py": "what warms up, awaited at the end; the end of a process, for its child",
    "execution/event_sources/sqs.py": "the loop of a poller, which tells its fault",
    "execution/event_sources/streams.py": "the loop of a poller, which tells its fault",
    "execution/node_runtime.py": "the look at Node.js and the spare child, both awaited at the end",
    "execution/python_runtime.py": "the zygote on its way, awaited by whoever needs it",
    "execution/spawning.py": "zygotes by interpreter, awaited by whoever needs them",
    "gateway/aws/json_service.py": "an answer, and the end of who waits for it, both awaited at once",
    "gateway/origins/http1_client.py": "the upload of a connection, which hears how it ends",
    "gateway/origins/http2_target.py": "the upload of a stream, which fails with it",
    "wire/asgi.py": "looks for the client's leaving while an answer goes out",
    "wire/http1.py": "the answer of a connection; requests must not pay for more",
    "wire/http2_outlet.py": "the answer of a stream; requests must not pay for more",
    "wire/tls.py": "the handshake of a connection, and the step in it that is awaited at once",
}
"""Files that start tasks of their own, and who looks after those."""
STARTS = {"ensure_future", "create_task"}
MANY = re.compile(r"(set|list|dict|deque|tuple|WeakSet)\[.*\bTask\[")


def starting(tree: ast.Module) -> Iterator[ast.Call]:
    """Calls that start a task, those of task groups aside."""
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Attribute(value=ast.Name(id="group"), attr="create_task")):
                pass
            case ast.Call(func=ast.Attribute(attr=name) | ast.Name(id=name)) if name in STARTS:
                yield node
            case _:
                pass


def attributes(tree: ast.Module) -> Iterator[str]:
    """What objects have, as it is declared."""
    for node in ast.walk(tree):
        match node:
            case ast.AnnAssign(target=ast.Attribute(attr=name), annotation=kind):
                yield f"{name}: {ast.unparse(kind)}"
            case ast.ClassDef(body=body):
                fields = [line for line in body if isinstance(line, ast.AnnAssign)]
                yield from (ast.unparse(line).partition(" =")[0] for line in fields)
            case _:
                pass


def test_tasks_are_started_by_their_owner() -> None:
    starts = {file for file, tree in parsed_files().items() if any(starting(tree))} - {
        "background.py"
    }
    assert sorted(starts) == sorted(SINGLE)


def test_who_may_start_a_task_starts_no_more_than_now() -> None:
    counts = Counter({file: len(list(starting(parsed_files()[file]))) for file in SINGLE})
    several = {
        "execution/bootstrap.py": 2,
        "execution/node_runtime.py": 2,
        "gateway/aws/json_service.py": 2,
        "wire/tls.py": 2,
    }
    assert counts == Counter(dict.fromkeys(SINGLE, 1) | several)


def test_no_file_keeps_tasks_by_hand() -> None:
    kept = [
        f"{file}: {declared}"
        for file, tree in parsed_files().items()
        for declared in attributes(tree)
        if MANY.search(declared) and file != "background.py"
    ]
    assert kept == [  # by key, so that several wait for the same one; a Background has each
        "execution/spawning.py: _tasks: dict[str, asyncio.Task[Zygote]]",
        "gateway/guards.py: _fetches: dict[str, asyncio.Task[KeySet | KeysTrouble]]",
        "gateway/guards.py: _asked: dict[_Question, asyncio.Task[ProviderReply | ProviderFailure]]",
        "gateway/health_checks.py: _checks: dict[Key, tuple[TargetGroup, asyncio.Task[None]]]",
        "gateway/origins/http2_client.py: _connecting: "
        "dict[Address, asyncio.Task[SendError | None]]",
        "gateway/reload.py: _pending: dict[str, asyncio.Task[None]]",
        "gateway/workers/notifications.py: _telling: dict[str, asyncio.Task[None]]",
    ]
