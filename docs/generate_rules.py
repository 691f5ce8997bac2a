"""Writes docs/rules.md: every rule of the four services with its place and its AWS page.

A rule is what the code of `alb/`, `cloudfront/`, `awslambda/` or `messaging/` says it has from AWS:

- a module, class, function or constant whose docstring has a `Source:` line;
- a public function or constant with a docstring in a module whose own docstring has one, as that
  page is theirs too;
- a `Rule` of the table of Lambda@Edge.

The code of a rule is made of its service and its name (`alb.max-location`, `alb/desync` for a
module); two rules must not share one. `make rules` runs this, and a test fails when the page is
stale.
"""

from __future__ import annotations

import ast
import importlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from edgegw.cloudfront import rule_table
from edgegw.cloudfront.edge_rule import EdgeRule

ROOT: Final = Path(__file__).parents[1]
PAGE: Final = ROOT / "docs" / "rules.md"

SERVICES: Final = {
    "alb": ("alb", "Application Load Balancer"),
    "cloudfront": ("cloudfront", "CloudFront"),
    "lambda": ("awslambda", "Lambda"),
    "messaging": ("messaging", "SQS, Kinesis and DynamoDB Streams"),
}
"""By the first part of a code: the room, and the service's name."""

_AWS: Final = "https://docs.aws.amazon.com/"
GUIDES: Final = {
    "ELB User Guide for ALB": _AWS + "elasticloadbalancing/latest/application/",
    "Elastic Load Balancing API reference": _AWS + "elasticloadbalancing/latest/APIReference/",
    "CloudFront Developer Guide": _AWS + "AmazonCloudFront/latest/DeveloperGuide/",
    "CloudFront API Reference": _AWS + "cloudfront/latest/APIReference/",
    "Lambda Developer Guide": _AWS + "lambda/latest/dg/",
    "Lambda API Reference": _AWS + "lambda/latest/api/",
    "API Gateway Developer Guide": _AWS + "apigateway/latest/developerguide/",
    "API Gateway API Reference": _AWS + "apigatewayv2/latest/api-reference/",
    "IAM User Guide": _AWS + "IAM/latest/UserGuide/",
    "Amazon S3 User Guide": _AWS + "AmazonS3/latest/userguide/",
    "Amazon S3 API Reference": _AWS + "AmazonS3/latest/API/",
    "AWS General Reference": _AWS + "general/latest/gr/",
    "Amazon EventBridge User Guide": _AWS + "eventbridge/latest/userguide/",
    "Amazon EventBridge Scheduler User Guide": _AWS + "scheduler/latest/UserGuide/",
    "Amazon EventBridge Scheduler API Reference": _AWS + "scheduler/latest/APIReference/",
    "Amazon EventBridge API Reference": _AWS + "eventbridge/latest/APIReference/",
    "AWS X-Ray Developer Guide": _AWS + "xray/latest/devguide/",
    "AWS pricing pages": "https://aws.amazon.com/pricing/",
    "Kinesis Data Streams Developer Guide": _AWS + "streams/latest/dev/",
    "Kinesis Data Streams API Reference": _AWS + "kinesis/latest/APIReference/",
    "DynamoDB Developer Guide": _AWS + "amazondynamodb/latest/developerguide/",
    "DynamoDB API Reference": _AWS + "amazondynamodb/latest/APIReference/",
    "SQS Developer Guide": _AWS + "AWSSimpleQueueService/latest/SQSDeveloperGuide/",
    "SQS API Reference": _AWS + "AWSSimpleQueueService/latest/APIReference/",
    "CodeDeploy User Guide": _AWS + "codedeploy/latest/userguide/",
}
"""Where the guides are that a `Source:` begins with. One that AWS does not say begins otherwise."""

SEEN: Final = ("observed", "recorded")
"""How a `Source:` begins that is no page: what AWS was seen to do."""


class Entry(NamedTuple):
    """A rule: its code, what it says, where it stands, the AWS page; and the number that it is."""

    code: str
    says: str
    file: str
    line: int
    source: str
    number: str = ""


class _Definition(NamedTuple):
    """A function, class or constant; `inherits` says that its module's page is its own too."""

    name: str
    line: int
    docstring: str
    inherits: bool = False


def entries(service: str) -> list[Entry]:
    """The rules of one service, by code."""
    room = SERVICES[service][0]
    found = [
        entry
        for file in sorted((ROOT / "edgegw" / room).rglob("*.py"))
        for entry in _of_file(service, file)
    ]
    return sorted(found)


def _of_file(service: str, file: Path) -> Iterator[Entry]:
    path = file.relative_to(ROOT).as_posix()
    tree = ast.parse(file.read_text())
    says, page = _split(ast.get_docstring(tree) or "")
    if page:
        yield Entry(f"{service}/{file.stem.replace('_', '-')}", says, path, 1, page)
    for definition in _definitions(tree.body):
        says, source = _split(definition.docstring)
        if not source and definition.inherits and says:
            source = page
        if source:
            code, number = _code(service, definition.name), _number(file, definition.name)
            yield Entry(code, says, path, definition.line, source, number)


def _number(file: Path, name: str) -> str:
    """What a constant that is a number is, for people; else nothing."""
    name_of_module = ".".join(file.relative_to(ROOT).with_suffix("").parts)
    module = importlib.import_module(name_of_module.removesuffix(".__init__"))
    value: object = getattr(module, name, None)
    return f"{value:,}".removesuffix(".0") if isinstance(value, int | float) else ""


def _definitions(body: list[ast.stmt], owner: str = "") -> Iterator[_Definition]:
    """Functions, classes and constants of a module or class, with their docstrings."""
    for statement, after in zip(body, [*body[1:], None], strict=True):
        match statement:
            case ast.FunctionDef(name=name):
                text = ast.get_docstring(statement) or ""
                inherits = not owner and not name.startswith("_")
                yield _Definition(owner + name, statement.lineno, text, inherits)
            case ast.ClassDef(name=name):
                text = ast.get_docstring(statement) or ""
                yield _Definition(name, statement.lineno, text)
                yield from _definitions(statement.body, f"{name}.")
            case ast.AnnAssign(target=ast.Name(id=name)) | ast.Assign(targets=[ast.Name(id=name)]):
                inherits = not owner and name.isupper() and not name.startswith("_")
                yield _Definition(owner + name, statement.lineno, _text_of(after), inherits)
            case _:
                pass


def _text_of(statement: ast.stmt | None) -> str:
    """The docstring of the constant in front of `statement`."""
    match statement:
        case ast.Expr(value=ast.Constant(value=str(text))):
            return text
        case _:
            return ""


def _split(docstring: str) -> tuple[str, str]:
    """What a docstring says in its first paragraph, and the page behind `Source:`."""
    text, _, source = docstring.partition("Source:")
    says = " ".join(text.partition("\n\n")[0].split())
    return says, " ".join(source.partition("\n\n")[0].split()).removesuffix(".")


def _code(service: str, name: str) -> str:
    """`alb.max-request-line` for `_MAX_REQUEST_LINE` of that room."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", name.lstrip("_"))
    return f"{service}.{words.replace('_', '-').lower()}"


def edge_entries() -> list[Entry]:
    """The table of Lambda@Edge, by code."""
    file = ROOT / "edgegw" / "cloudfront" / "rule_table.py"
    lines = {
        definition.name: definition.line
        for definition in _definitions(ast.parse(file.read_text()).body)
    }
    path = file.relative_to(ROOT).as_posix()
    return sorted(
        Entry(value.code, value.demands, path, lines[name], value.source)
        for name, value in vars(rule_table).items()
        if isinstance(value, EdgeRule)
    )


def page() -> str:
    """The whole page."""
    parts = [_INTRODUCTION]
    for service, (room, title) in SERVICES.items():
        parts.append(_section(title, f"`edgegw/{room}/`", entries(service)))
    parts.append(_section("Lambda@Edge", _EDGE, edge_entries()))
    parts.append("\n".join(f"[{name}]: {address}" for name, address in GUIDES.items()) + "\n")
    return "\n".join(parts)


_INTRODUCTION: Final = """\
# Every rule of AWS, and where it stands

This page is made from the code by `make rules`.
It lists what the rooms of the three services have from AWS, in alphabetical order.
Beside each rule stand its place in the code and the AWS page, or the kind of observation, behind it.
What AWS leaves open, and what was chosen, stands in [fidelity.md](fidelity.md).
"""

_EDGE: Final = (
    "What functions at the edge are judged by; [lambda-edge-rules.md](lambda-edge-rules.md) has "
    "an example of each"
)


def _section(title: str, about: str, rules: list[Entry]) -> str:
    rows = "\n".join(map(_row, rules))
    head = "| rule | what it says | where | AWS |\n| --- | --- | --- | --- |"
    return f"## {title}\n\n{about}: {len(rules)} rules.\n\n{head}\n{rows}\n"


def _row(entry: Entry) -> str:
    code = f"`{entry.code}`"
    if entry.code.startswith("lambda-edge."):
        code = f"[{code}](lambda-edge-rules.md#{entry.code.replace('.', '')})"
    if entry.number:
        code += f" = {entry.number}"
    place = f"{entry.file.removeprefix('edgegw/')}:{entry.line}"
    where = f"[{place}](../{entry.file}#L{entry.line})"
    says = entry.says.replace("|", r"\|")
    return f"| {code} | {says} | {where} | {_link(entry.source)} |"


def _link(source: str) -> str:
    """An address by its last part; else the text, in which names of guides are links."""
    if source.startswith("https://"):
        name = source.rpartition("/")[2].removesuffix(".html")
        return f"[{name}]({source})"
    for guide in GUIDES:
        source = source.replace(guide, f"[{guide}]")
    return source.replace("|", r"\|")


if __name__ == "__main__":
    PAGE.write_text(page())
