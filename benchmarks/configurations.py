"""The configurations that `run.py` measures, as files."""

from __future__ import annotations

import json
from pathlib import Path

HERE = Path(__file__).resolve().parent
BODY = "x" * 1024

HOOKS = {
    "python": ("python3.11", "hooks.request", "hooks.response"),
    "node": ("nodejs22.x", "hooks.request", "hooks.response"),
}


def balancer_config(kind: str, port: int, origin: int) -> dict[str, object]:
    """A load balancer that answers itself, or forwards to a function or an address."""
    runtime = "nodejs22.x" if kind == "alb-node" else "python3.11"
    function = {"runtime": runtime, "code": str(HERE / "functions"), "handler": "target.handler"}
    actions = {
        "alb-fixed": {"fixed_response": {"status_code": 200, "message_body": BODY}},
        "alb-tls": {"fixed_response": {"status_code": 200, "message_body": BODY}},
        "alb-redirect": {"redirect": {"host": "other.example.com", "status_code": "HTTP_301"}},
        "alb-ip": {"forward": "web"},
        "alb-rules-10": {"forward": "web"},
        "alb-rules-100": {"forward": "web"},
    }
    action = actions.get(kind, {"forward": "fn"})
    count = int(kind.rpartition("-")[2]) if kind.startswith("alb-rules") else 0
    rules = [
        {
            "priority": at + 1,
            "conditions": [{"path_pattern": f"/service-{at}/*"}, {"host_header": "*.example.com"}],
            "actions": [{"fixed_response": {"status_code": 500}}],
        }
        for at in range(count)
    ]
    protocol = "HTTPS" if kind == "alb-tls" else "HTTP"
    listener = {
        "listen": port,
        "protocol": protocol,
        "rules": rules,
        "default_actions": [action],
    }
    is_lambda = kind in ("alb", "alb-node")
    return {
        "functions": {"fn": function} if is_lambda else {},
        "target_groups": {
            "web": {"targets": [f"127.0.0.1:{origin}"]},
            **({"fn": {"target_type": "lambda", "function": "fn"}} if is_lambda else {}),
        },
        "load_balancers": {"web": {"listeners": [listener]}},
    }


def gateway_config(folder: Path, kind: str, port: int, origin: int) -> Path:
    config: dict[str, object] = {}
    if kind.startswith("alb"):
        config = balancer_config(kind, port, origin)
    else:
        functions, associations, edge = {}, {}, {}
        if kind == "edge":
            edge = {
                "viewer-request": {"code": str(HERE / "functions" / "edge_request.js")},
                "viewer-response": {"code": str(HERE / "functions" / "edge_response.js")},
            }
        if kind in HOOKS:
            runtime, request, response = HOOKS[kind]
            for trigger, handler in (("viewer-request", request), ("viewer-response", response)):
                functions[trigger] = {
                    "runtime": runtime,
                    "code": str(HERE / "functions"),
                    "handler": handler,
                }
                associations[trigger] = trigger
        config = {
            "functions": functions,
            "edge_functions": edge,
            "distributions": {
                "site": {
                    "listen": port,
                    "origins": {"app": {"url": f"http://127.0.0.1:{origin}"}},
                    "default_behavior": {
                        "origin": "app",
                        "cache_policy": "CachingDisabled",
                        "origin_request_policy": "AllViewer",
                        "lambda_functions": associations,
                        "edge_functions": {trigger: trigger for trigger in edge},
                    },
                }
            },
        }
    path = folder / f"{kind}.json"
    path.write_text(json.dumps(config))
    return path
