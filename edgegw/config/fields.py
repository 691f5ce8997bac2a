"""What all parts of a configuration's definition are made of."""

from typing import Annotated, Any, Final, cast

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema
from pydantic_core import PydanticKnownError

from edgegw.config.addresses import port_of


class Later:
    """Marks a key that is understood and has no effect yet; `check` warns of it."""


LATER: Final = Later()


class Model(BaseModel):
    """A mapping of the configuration."""

    # Nested models are built once, as parts of `Config`, not each by itself as well.
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, defer_build=True)


def as_list(value: object) -> object:
    return [value] if isinstance(value, str) else value


def text_of(value: object) -> object:
    """Numbers where text is meant (`status_code: 404`) are taken as they are written."""
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return str(value) if is_number else value


def _no_switch(value: object) -> object:
    """`true` is no 1: numbers are read leniently otherwise."""
    if isinstance(value, bool):
        raise PydanticKnownError("float_type")
    return value


_TEXT_SCHEMA: Final = {"type": ["string", "number"]}
Text = Annotated[str, BeforeValidator(text_of), WithJsonSchema(_TEXT_SCHEMA)]
Number = Annotated[float, BeforeValidator(_no_switch), Field(strict=False, allow_inf_nan=False)]
Texts = Annotated[
    list[Text],
    BeforeValidator(as_list),
    WithJsonSchema({"anyOf": [_TEXT_SCHEMA, {"type": "array", "items": _TEXT_SCHEMA}]}),
]


def between(limits: tuple[float, float]) -> Any:
    """What holds a number to its least and its most."""
    least, most = limits
    return Field(ge=least, le=most)


Port = Annotated[int, Field(ge=0, le=65535)]
Anything = Any


Share = Annotated[Number, Field(ge=0, le=1)]
"""A part of all calls."""


class FunctionFaults(Model):
    """What goes wrong at a function on demand: shares of its invocations, and seconds added."""

    error: Share = 0
    throttle: Share = 0
    timeout: Share = 0
    latency: Annotated[Number, Field(ge=0)] = 0


class OriginFaults(Model):
    """What goes wrong at an origin on demand: shares of the requests, and seconds added."""

    error: Share = 0
    status: Annotated[int, Field(ge=400, le=599)] = 503
    timeout: Share = 0
    truncate: Share = 0
    reset: Share = 0
    latency: Annotated[Number, Field(ge=0)] = 0


class Tls(Model):
    """A certificate by path."""

    certificate: str
    key: str


class Listen(Model):
    """Where a front door listens."""

    address: str = "127.0.0.1"
    port: Port
    tls: bool | Tls = False


def _listen(value: object) -> object:
    """`"host:port"`, a port, or the mapping."""
    if isinstance(value, int) and not isinstance(value, bool):
        return {"port": value}
    if not isinstance(value, str):
        return value
    host, mark, digits = value.rpartition(":")
    port = 0 if digits.strip("0") == "" and digits else port_of(digits)
    if port is None:
        raise ValueError("listen is PORT or ADDRESS:PORT, with a port from 0 to 65535")
    host = host.removeprefix("[").removesuffix("]")
    return {"address": host, "port": port} if mark else {"port": port}


Listening = Annotated[Listen, BeforeValidator(_listen)]


def _listens(value: object) -> object:
    return cast("object", value) if isinstance(value, list) else [value]


Listenings = Annotated[list[Listening], BeforeValidator(_listens), Field(min_length=1)]
"""One place to listen, or several."""
