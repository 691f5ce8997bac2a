"""Keys of the gateway itself: viewers, the cache, names, state, strictness."""

from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias, get_type_hints

from pydantic import Field, create_model

from edgegw.cloudfront.strictness import OPEN_POINTS, Strictness
from edgegw.config.fields import LATER, Listening, Model, Number, Text
from edgegw.config.gateway.tracing_keys import Tracing
from edgegw.config.sizes import Size


def _open_points() -> type[Model]:
    """The open points of `Strictness`, with the choices that are its defaults."""
    types = get_type_hints(Strictness)
    points: dict[str, Any] = {
        name: (types[name], getattr(Strictness(), name)) for name in OPEN_POINTS
    }
    text = "What AWS leaves open at the edge; the defaults are those of `cloudfront.strictness`."
    return create_model("OpenPoints", __base__=Model, __doc__=text, **points)


if TYPE_CHECKING:
    OpenPoints: TypeAlias = Model
else:
    OpenPoints = _open_points()


class Viewer(Model):
    """Where viewers are that do not say; `X-Edgegw-Viewer` says it for one request."""

    country: str | None = None
    country_name: str | None = None
    region: str | None = None
    region_name: str | None = None
    city: str | None = None
    postal_code: Text | None = None
    time_zone: str | None = None
    latitude: Text | None = None
    longitude: Text | None = None
    metro_code: Text | None = None
    asn: Text | None = None
    ip: str | None = None
    ja3: str | None = None
    ja4: str | None = None

    def said(self) -> dict[str, str]:
        """What is given."""
        return {name: text for name, text in self if text is not None}


class Cache(Model):
    """What the cache of all distributions may take: in memory, and on disk for large bodies.

    `store` is the URL of a Redis that several gateways share.
    """

    memory: Size = 256_000_000
    disk: Size = 2_000_000_000
    store: str | None = None


class Gateway(Model):
    """Settings of the gateway itself."""

    cache: Cache = Cache.model_construct()
    viewer: Viewer = Viewer.model_construct()
    hosts: dict[str, str] = {}
    local_environment: dict[str, Text] = {}

    inspector: Annotated[str | None, LATER] = None
    lambda_api: Listening | None = None
    public_keys: Listening | None = None
    state: str = ".edgegw"
    tracing: Tracing = Tracing.model_construct()
    time_scale: Annotated[Number, Field(gt=0, le=100_000)] = 1
    accept_any_host: bool = False
    fault_seed: int | None = None
    region: str = "us-east-1"
    account_id: Annotated[Text, Field(pattern=r"^[0-9]{12}$")] = "123456789012"
    strict: bool = True
    open_points: OpenPoints = OpenPoints.model_construct()
    concurrency: Annotated[int, Field(ge=1)] = 1000
    role: str = "arn:aws:iam::123456789012:role/edgegw"
    pass_aws_credentials: bool = False
    cpu: Literal["full", "proportional"] = "full"
