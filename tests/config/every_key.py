"""A configuration that has every mapping of the schema, and a walk over every key of it.

The walk follows the models, so a key that is added is covered without a word here; a model that is
added must be put into `EVERYTHING`, and a test says so.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, Final, cast, get_args

from edgegw.config import schema
from edgegw.config.document import KeyPath
from edgegw.config.fields import Model

_PLACEHOLDER: Final = "the value that is tried"

_ACTIONS: Final = [
    {
        "forward": {
            "target_groups": [{"target_group": "apps", "weight": 1}],
            "stickiness": {"duration": 60},
        }
    }
]

_GUARDS: Final = [
    {
        "authenticate_oidc": {
            "issuer": "https://id.example",
            "authorization_endpoint": "https://id.example/authorize",
            "token_endpoint": "https://id.example/token",
            "user_info_endpoint": "https://id.example/userinfo",
            "client_id": "app",
            "client_secret": "secret",
            "authentication_request_extra_params": {"prompt": "login"},
        }
    },
    {
        "authenticate_cognito": {
            "user_pool_arn": "arn:aws:cognito-idp:eu-west-1:123456789012:userpool/eu-west-1_a",
            "user_pool_client_id": "app",
            "user_pool_domain": "app",
            "client_secret": "secret",
        }
    },
    {
        "jwt_validation": {
            "jwks_endpoint": "https://id.example/jwks",
            "issuer": "https://id.example",
            "additional_claims": [{"name": "aud", "values": ["app"]}],
        }
    },
]

EVERYTHING: Final[Mapping[str, Any]] = {
    "functions": {
        "hook": {
            "code": ".",
            "handler": "hooks.target",
            "logging": {"format": "JSON"},
            "versions": {"1": {"description": "the first"}, "2": {"timeout": 1}},
            "permissions": [{"principal": "elasticloadbalancing.amazonaws.com"}],
            "vpc_config": {"subnet_ids": ["subnet-1"]},
            "faults": {"error": 0.5},
            "event_invoke": {"maximum_retry_attempts": 1, "on_success": "file:done.jsonl"},
            "url": {
                "listen": 8090,
                "cors": {"allow_origins": ["https://a.example"], "allow_methods": ["GET"]},
            },
        },
        "shifted": {
            "code": ".",
            "handler": "hooks.target",
            "environment": {"STAGE": "test"},
            "versions": {"1": {"environment": {"STAGE": "one"}}, "2": {}},
            "aliases": {
                "live": {"version": "1", "routing": {"2": 0.5}},
                "next": {"version": "1", "shift": {"to": "2"}},
                "slow": {"version": "2", "event_invoke": {"maximum_event_age": 60}},
            },
        },
    },
    "edge_functions": {
        "rewrite": {
            "code": "rewrite.js",
            "key_value_store": "flags",
            "comment": "rewrites",
            "faults": {"error": 0.1, "throttle": 0},
        }
    },
    "key_value_stores": {"flags": {"source": "flags.json"}},
    "cache_policies": {
        "own": {
            "query_strings": {"behavior": "whitelist", "items": ["a"]},
            "headers": {"behavior": "whitelist", "items": ["X-A"]},
            "cookies": {"behavior": "all"},
            "min_ttl": 1,
            "default_ttl": 60,
            "max_ttl": 3600,
        }
    },
    "origin_request_policies": {
        "own": {
            "query_strings": {"behavior": "all"},
            "headers": {"behavior": "allViewer"},
            "cookies": {"behavior": "none"},
        }
    },
    "key_groups": {"viewers": [{"id": "K1", "public_key": "public.pem"}]},
    "response_headers_policies": {
        "own": {
            "cors": {"access_control_allow_origins": ["*"], "origin_override": True},
            "security_headers": {
                "xss_protection": {"protection": True, "override": True},
                "frame_options": {"frame_option": "DENY", "override": True},
                "referrer_policy": {"referrer_policy": "origin", "override": True},
                "content_security_policy": {
                    "content_security_policy": "default-src 'self'",
                    "override": True,
                },
                "content_type_options": {"override": True},
                "strict_transport_security": {
                    "access_control_max_age_sec": 60,
                    "override": True,
                },
            },
            "custom_headers": [{"header": "X-A", "value": "1", "override": False}],
            "remove_headers": ["X-Powered-By"],
            "server_timing": {"enabled": True, "sampling_rate": 50},
        }
    },
    "distributions": {
        "site": {
            "geo_restriction": {"type": "whitelist", "locations": ["DE"]},
            "listen": [{"port": 8081, "tls": False}],
            "origins": {
                "app": {
                    "url": "http://localhost:5173",
                    "custom_headers": {"X-Own": "1"},
                    "faults": {"error": 0.5},
                },
                "spare": {"url": "http://localhost:5174"},
                "balancer": {"load_balancer": "web"},
                "assets": {"s3": ".", "origin_shield": {"enabled": True}},
            },
            "origin_groups": {
                "both": {"members": ["app", "spare"], "failover_status_codes": [503]},
            },
            "access_log": {"file": "access.log", "fields": ["date"]},
            "id": "E2ABCDEFGHIJKL",
            "cache_tag_config": {"header_name": "Cache-Tag"},
            "default_behavior": {
                "origin": "both",
                "cache_policy": "own",
                "origin_request_policy": "own",
                "lambda_functions": {
                    "viewer-request": {"function": "hook:1", "include_body": True}
                },
            },
            "behaviors": [
                {"path_pattern": "/api/*", "origin": "balancer"},
                {
                    "path_pattern": "/old/*",
                    "origin": "app",
                    "forwarded_values": {
                        "headers": ["X-A"],
                        "cookies": {"forward": "whitelist", "whitelisted_names": ["a*"]},
                    },
                    "max_ttl": 86400,
                },
            ],
            "custom_error_responses": [
                {"error_code": 404, "response_page_path": "/404.html", "response_code": 404}
            ],
        }
    },
    "target_groups": {
        "apps": {
            "targets": ["127.0.0.1:3000"],
            "health_check": {"path": "/health"},
            "stickiness": {"enabled": False},
            "attributes": {"stickiness.enabled": "false"},
            "faults": {"status": 503},
        },
        "functions": {"target_type": "lambda", "function": "hook"},
    },
    "load_balancers": {
        "web": {
            "attributes": {"idle_timeout.timeout_seconds": "60"},
            "listeners": [
                {"listen": {"port": 8080}, "default_actions": _ACTIONS},
                {
                    "listen": {
                        "port": 8443,
                        "tls": {"certificate": "hooks.py", "key": "hooks.py"},
                    },
                    "protocol": "HTTPS",
                    "certificates": [{"certificate": "hooks.py", "key": "hooks.py"}],
                    "mutual_authentication": {"mode": "passthrough"},
                    "rules": [
                        {
                            "priority": 1,
                            "conditions": [
                                {"path_pattern": "/a*"},
                                {"http_header": {"name": "X-A", "values": ["a"]}},
                                {"query_string": [{"key": "a", "value": "b"}]},
                            ],
                            "transforms": [
                                {"url_rewrite": {"regex": "^/a", "replace": "/b"}},
                                {"host_header_rewrite": {"regex": "a", "replace": "b"}},
                            ],
                            "actions": _ACTIONS,
                        },
                        {
                            "priority": 2,
                            "conditions": [{"host_header": "a.example"}],
                            "actions": [{"redirect": {"status_code": "HTTP_301", "host": "b"}}],
                        },
                        {
                            "priority": 3,
                            "conditions": [{"source_ip": "10.0.0.0/8"}],
                            "actions": [{"fixed_response": {"status_code": "404"}}],
                        },
                        *(
                            {
                                "priority": 4 + at,
                                "conditions": [{"path_pattern": f"/{at}"}],
                                "actions": [
                                    {**guard, "order": 1},
                                    {"fixed_response": {"status_code": "200"}, "order": 2},
                                ],
                            }
                            for at, guard in enumerate(_GUARDS)
                        ),
                    ],
                    "default_actions": _ACTIONS,
                },
            ],
        }
    },
    "queues": {
        "jobs": {"visibility_timeout": 60, "redrive": {"to": "dead"}},
        "dead": {"retention": 600},
    },
    "streams": {"clicks": {"shards": 2, "retention": 86400}},
    "event_sources": [
        {
            "source": "jobs",
            "function": "hook",
            "batch_size": 20,
            "batch_window": 5,
            "filters": ['{"body":["a"]}'],
            "provisioned_pollers": {"minimum": 2, "maximum": 3},
        }
    ],
    "schedules": {
        "nightly": {
            "expression": "cron(0 3 * * ? *)",
            "function": "hook",
            "timezone": "Europe/Berlin",
            "flexible_time_window": {"mode": "OFF"},
        }
    },
    "rules": {
        "paid": {
            "pattern": {"source": ["shop"]},
            "targets": [{"function": "hook", "input": {"a": 1}}],
            "description": "Orders that are paid",
        }
    },
    "bucket_notifications": {
        "uploads": {"folder": ".", "bucket": "uploads", "function": "hook", "suffix": ".jpg"}
    },
    "identity_providers": {
        "pool": {
            "listen": 8095,
            "users": {"ada": {"password": "demo", "claims": {"email": "ada@example.com"}}},
            "clients": {"app": {"secret": "s", "redirect_uris": ["https://app.test/back"]}},
            "user_pool": {"id": "eu-west-1_Example1", "domain": "example"},
            "faults": {"error": 0.5},
        }
    },
    "http_apis": {
        "api": {
            "listen": 8091,
            "routes": {
                "GET /items/{id}": {"function": "hook", "payload": "1.0", "timeout": 5},
                "$default": "hook",
            },
            "stages": {"dev": {"variables": {"table": "one"}}},
            "cors": {"allow_origins": ["*"]},
        }
    },
    "gateway": {
        "open_points": {},
        "cache": {"memory": "64MB"},
        "viewer": {"country": "DE"},
        "hosts": {"eu.example.com": "http://127.0.0.1:3001"},
        "local_environment": {"DATABASE": "local"},
        "lambda_api": {"port": 9001},
        "public_keys": {"port": 9002},
        "tracing": {"xray": "127.0.0.1:2000", "otlp": "http://127.0.0.1:4318"},
    },
}


def models_of(model: type[Model]) -> set[type[Model]]:
    """`model` and every one that stands below it."""
    below = {model}
    waiting: list[Any] = [info.annotation for info in model.model_fields.values()]
    while waiting:
        annotation = waiting.pop()
        waiting += get_args(annotation)
        if (
            isinstance(annotation, type)
            and issubclass(annotation, Model)
            and annotation not in below
        ):
            below.add(annotation)
            waiting += [info.annotation for info in annotation.model_fields.values()]
    return below


def mappings() -> list[tuple[KeyPath, type[Model]]]:
    """Every mapping of `EVERYTHING` that the schema knows, with its model."""
    config = schema.Config.model_validate(copy.deepcopy(dict(EVERYTHING)))
    return list(_mappings_below(config, ()))


def _mappings_below(value: object, path: KeyPath) -> Iterator[tuple[KeyPath, type[Model]]]:
    if isinstance(value, Model):
        yield path, type(value)
        for name in sorted(value.model_fields_set):
            yield from _mappings_below(getattr(value, name), (*path, name))
    elif isinstance(value, dict):
        for key, item in cast("dict[str, object]", value).items():
            yield from _mappings_below(item, (*path, key))
    elif isinstance(value, list):
        for at, item in enumerate(cast("list[object]", value)):
            yield from _mappings_below(item, (*path, at))


def every_key() -> list[KeyPath]:
    """The paths of the keys that the mappings of `EVERYTHING` may have, and of these mappings.

    Of a model that stands in many places one mapping is enough.
    """
    paths: dict[KeyPath, None] = {}
    seen: set[type[Model]] = set()
    for path, model in mappings():
        if model in seen:
            continue
        seen.add(model)
        if path:
            paths[path] = None
        paths.update(dict.fromkeys((*path, name) for name in model.model_fields))
    return list(paths)


def text_with(path: KeyPath, written: str) -> str:
    """`EVERYTHING` as YAML with `written` as the value at `path`, each value on its own line."""
    return _text_around(path).replace(json.dumps(_PLACEHOLDER), written)


@lru_cache(maxsize=1)
def _text_around(path: KeyPath) -> str:
    return json.dumps(with_value(path, _PLACEHOLDER), indent=1)


def with_value(path: KeyPath, value: object) -> dict[str, Any]:
    """`EVERYTHING` with `value` at `path`."""
    whole: Any = json.loads(json.dumps(EVERYTHING))  # a deep copy would share what is shared
    *way, last = path
    inner = whole
    for part in way:
        inner = inner[part]
    inner[last] = value
    return whole
