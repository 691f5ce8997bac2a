"""CloudFront Functions and Lambda@Edge functions are told apart by what their code says."""

from __future__ import annotations

import pytest

from edgegw.cloudfront.edge_functions.hook_kinds import edge_function_sign, lambda_sign

EDGE = "function handler(event) { return event.request; }"


@pytest.mark.parametrize(
    ("source", "kind"),
    [
        (EDGE, "edge"),
        (f"import cf from 'cloudfront';\nasync {EDGE}", "edge"),
        ("function handler() { return {statusCode: 204}; }", "edge"),
        (f"{EDGE}\nif (typeof module !== 'undefined') module.exports = {{ handler }};", "edge"),
        (f"// exports.handler = 1\n{EDGE}", "edge"),
        ("function handler(event) { var s = {exports: 1, module: 2}; return event.request; }", "edge"),
        ("exports.handler = async (event) => event;", "lambda"),
        ("module.exports.handler = (event, context, done) => done(null, event);", "lambda"),
        ("module.exports = { handler: (event) => event };", "lambda"),
        ("exports['handler'] = (event) => event;", "lambda"),
        ("export const handler = async (event) => event;", "lambda"),
        ("'use strict';\nexport default async function (event) {}", "lambda"),
        ("function handler(event, context) { return 1 }\nexports.handler = handler;", "lambda"),
        ("function handler(event) { return event.Records[0].cf.request; }", "lambda"),
        ("const handler = e => e?.Records[0].cf.request;", "lambda"),
        (f"{EDGE}\nexports.handler = handler;", ""),
        (f"export {EDGE}", ""),
        ("const handler = (event) => event.request;", ""),
        ("function other() { function handler(event) {} }", ""),
        ("var s = 'exports.handler = event.Records[0]';", ""),
        ("}){", ""),
        ("", ""),
    ],
)  # fmt: skip
def test_what_code_is(source: str, kind: str) -> None:
    signs = {"lambda": lambda_sign(source), "edge": edge_function_sign(source)}
    assert [name for name, sign in signs.items() if sign is not None] == ([kind] if kind else [])


def test_where_it_shows() -> None:
    sign = lambda_sign("const a = 1;\n  module.exports.handler = () => a;")
    assert sign is not None
    assert (sign.line, sign.column, sign.text) == (2, 3, "it exports its handler")
    sign = edge_function_sign(EDGE)
    assert sign is not None
    assert (sign.line, sign.column) == (1, 10)
