"""Which keys and types a configuration has: the sections of the file, each of one product.

One definition gives the validation and the nearest names (`judging`), the list of keys that have no
effect yet (`later_keys`), and the JSON Schema for editors (`json_schema`).
"""

from edgegw.config.balancers.keys import LoadBalancer, TargetGroup
from edgegw.config.distributions.edge_function_keys import EdgeFunction, KeyValueStore
from edgegw.config.distributions.keys import Distribution, KeyGroup
from edgegw.config.distributions.policy_keys import CachePolicy, OriginRequestPolicy
from edgegw.config.distributions.response_headers_keys import ResponseHeadersPolicy
from edgegw.config.events.event_source_keys import EventSource
from edgegw.config.events.keys import BucketNotification, EventRule, Schedule
from edgegw.config.events.queue_keys import Queue
from edgegw.config.events.stream_keys import Stream
from edgegw.config.fields import Model
from edgegw.config.functions.keys import Function
from edgegw.config.gateway.keys import Gateway
from edgegw.config.http_fronts.keys import HttpApi
from edgegw.config.identity.keys import IdentityProvider


class Config(Model):
    """The whole file."""

    functions: dict[str, Function] = {}
    edge_functions: dict[str, EdgeFunction] = {}
    key_value_stores: dict[str, KeyValueStore] = {}
    cache_policies: dict[str, CachePolicy] = {}
    origin_request_policies: dict[str, OriginRequestPolicy] = {}
    response_headers_policies: dict[str, ResponseHeadersPolicy] = {}
    key_groups: dict[str, KeyGroup] = {}
    distributions: dict[str, Distribution] = {}
    target_groups: dict[str, TargetGroup] = {}
    load_balancers: dict[str, LoadBalancer] = {}
    http_apis: dict[str, HttpApi] = {}
    identity_providers: dict[str, IdentityProvider] = {}
    queues: dict[str, Queue] = {}
    streams: dict[str, Stream] = {}
    event_sources: list[EventSource] = []
    schedules: dict[str, Schedule] = {}
    rules: dict[str, EventRule] = {}
    bucket_notifications: dict[str, BucketNotification] = {}
    gateway: Gateway = Gateway.model_construct()
