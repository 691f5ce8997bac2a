"""Valid configurations with most of what a configuration can say: what mutations begin with."""

from __future__ import annotations

from typing import Final

EDGE: Final = """
functions:
  auth:
    runtime: python3.13
    code: .
    handler: hooks.pass_request
    timeout: 5
    memory_size: 128
    environment: {REALM: demo}
    layers: []
    reserved_concurrency: 10
    aliases:
      live: {version: 1}
  respond: {runtime: python3.13, code: ., handler: hooks.pass_response, faults: {error: 0.1}}
cache_policies:
  by-bucket:
    min_ttl: 0
    default_ttl: 60
    max_ttl: 600
    query_strings: {behavior: whitelist, items: [v]}
    headers: {behavior: whitelist, items: [X-Bucket]}
    cookies: {behavior: none}
    gzip: true
distributions:
  site:
    listen: 127.0.0.1:8081
    domain_name: d111111abcdef8.cloudfront.net
    aliases: [www.example.test, "*.shop.example.test"]
    default_root_object: index.html
    http_version: http2
    origins:
      app: {url: "http://127.0.0.1:5173", path: "/x", custom_headers: {X-From: edge}, read_timeout: 30}
      api: {load_balancer: web}
    origin_groups:
      main: {members: [app, api], failover_status_codes: [500, 502]}
    default_behavior:
      origin: main
      viewer_protocol_policy: allow-all
      allowed_methods: [GET, HEAD]
      cache_policy: CachingOptimized
      origin_request_policy: AllViewer
      lambda_functions:
        viewer-request: {function: auth, include_body: true}
        viewer-response: respond
    behaviors:
      - path_pattern: /api/*
        origin: api
        cache_policy: by-bucket
    custom_error_responses:
      - {error_code: 404, response_page_path: /index.html, response_code: 200, error_caching_min_ttl: 10}
target_groups:
  web: {target_type: ip, targets: ["127.0.0.1:3000"], health_check: {path: /health, interval: 30}}
load_balancers:
  web:
    listeners:
      - listen: 127.0.0.1:8080
        default_actions: [{forward: web}]
gateway:
  region: us-east-1
  account_id: "123456789012"
  strict: true
"""

BALANCER: Final = """
functions:
  api: {runtime: python3.13, code: ., handler: hooks.target}
target_groups:
  api: {target_type: lambda, function: api, multi_value_headers: true}
  web:
    target_type: ip
    targets: [127.0.0.1:3000, "127.0.0.1:3001"]
    health_check: {enabled: true, protocol: HTTP, path: /health, interval: 30, timeout: 5, matcher: 200-299}
    stickiness: {type: lb_cookie, duration: 86400}
    attributes: {load_balancing.algorithm.type: least_outstanding_requests}
load_balancers:
  web:
    attributes: {routing.http.drop_invalid_header_fields.enabled: false, idle_timeout.timeout_seconds: 60}
    listeners:
      - listen: {address: 127.0.0.1, port: 8080}
        protocol: HTTP
        public_port: 80
        rules:
          - priority: 10
            conditions:
              - {path_pattern: [/old/*]}
              - {http_header: {name: X-Beta, values: ["1"]}}
              - {query_string: [{key: version, value: v1}, {value: "*beta*"}]}
            actions: [{redirect: {path: "/new/#{path}", status_code: HTTP_301}}]
          - priority: 20
            conditions: [{host_header: [api.example.test]}, {source_ip: [127.0.0.0/8]}]
            actions:
              - forward:
                  target_groups: [{target_group: api, weight: 90}, {target_group: web, weight: 10}]
                  stickiness: {duration: 60}
          - priority: 30
            conditions: [{path_pattern_regex: ["^/v[0-9]+/"]}, {http_request_method: [GET]}]
            transforms: [{url_rewrite: {regex: "^/v[0-9]+/(.*)$", replace: "/$1"}}]
            actions: [{forward: {target_groups: [{target_group: web}], stickiness: {duration: 300}}}]
          - priority: 40
            conditions: [{path_pattern: /sorry}]
            actions: [{fixed_response: {status_code: "404", content_type: text/plain, message_body: no}}]
        default_actions: [{forward: api}]
"""

SMALL: Final = """
load_balancers:
  web:
    listeners:
      - listen: 8080
        default_actions: [{fixed_response: {status_code: 200, message_body: here}}]
"""

SEEDS: Final = (EDGE, BALANCER, SMALL)

ALTERNATIVES: Final = {
    "listen": [
        0,
        "127.0.0.1:0",
        {"port": 0},
        {"port": 0, "tls": True},
        ["127.0.0.1:0", 8444],
        "[::1]:8081",
    ],
    "url": ["https://127.0.0.1:8443", "http://localhost", "http://[::1]:80", "https://origin.test"],
    "path": ["", "/a", "/a/b", "/#{path}", "/x?y=#{query}", "/%20"],
    "aliases": [[], ["a.test"], ["*.test.example"], ["a.test", "b.test"]],
    "http_version": ["http1.1", "http2", "http3", "http2and3"],
    "viewer_protocol_policy": ["allow-all", "redirect-to-https", "https-only"],
    "allowed_methods": [["GET", "HEAD"], ["GET", "HEAD", "OPTIONS"]],
    "cache_policy": ["CachingDisabled", "CachingOptimized", "by-bucket", "Amplify"],
    "origin_request_policy": ["AllViewer", "CORS-CustomOrigin", None],
    "default_root_object": ["", "a", "a/b.html", "a b"],
    "behavior": ["none", "all", "whitelist", "allExcept"],
    "items": [["a"], ["a", "b"], ["*"], ["Host"], []],
    "path_pattern": ["*", "/", "/a*b?", "/*.jpg", ["/a", "/b"], "/old/*", "*"],
    "error_code": [400, 403, 404, 500, 504],
    "read_timeout": [1, 30, 60, 120, 5.5],
    "timeout": [1, 3, 30, 900, 5],
    "memory_size": [128, 512, 10240, 129],
    "targets": [["127.0.0.1:1"], [], ["127.0.0.1:1", "10.0.0.1:80"], ["::1"], ["localhost:80"]],
    "weight": [0, 1, 999],
    "priority": [1, 10, 50000],
    "duration": [1, 60, 604800],
    "status_code": ["200", 404, "503", "HTTP_301", "HTTP_302"],
    "host_header": [["a.test"], ["*.a.test"], ["?.test"]],
    "source_ip": [["0.0.0.0/0"], ["::1/128"], ["10.0.0.1/32"]],
    "matcher": ["200", "200,302", "200-499"],
    "multi_value_headers": [True, False],
    "include_body": [True, False],
    "strict": [True, False],
    "function": ["auth", "api", "respond", "auth:live", "auth:1"],
    "target_type": ["ip", "lambda", "instance"],
    "default_actions": [[{"fixed_response": {"status_code": 200}}], [{"redirect": {"port": "81"}}]],
    "stickiness": [
        {"type": "lb_cookie"},
        {"type": "app_cookie", "cookie_name": "a"},
        {"duration": 5},
    ],
    "attributes": [
        {"routing.http.desync_mitigation_mode": "strictest"},
        {"load_balancing.algorithm.type": "weighted_random"},
        {"deregistration_delay.timeout_seconds": 0},
        {"routing.http.preserve_host_header.enabled": True},
    ],
}
"""Other values that keys may well have: combinations of what is right by itself."""
