"""Keys of legacy cache settings, which stand in the place of a cache policy."""

from typing import Annotated, Literal

from pydantic import Field

from edgegw.config.fields import Model, Text

Ttl = Annotated[int, Field(ge=0)]
"""Seconds for which something is kept."""


class ForwardedCookies(Model):
    """Which cookies are forwarded, and so in the key."""

    forward: Literal["none", "whitelist", "all"] = "none"
    whitelisted_names: list[Text] = []


class ForwardedValues(Model):
    """What is forwarded with legacy cache settings; the TTLs stand beside it."""

    query_string: bool = False
    query_string_cache_keys: list[Text] = []
    headers: list[Text] = []
    cookies: ForwardedCookies = ForwardedCookies.model_construct()
