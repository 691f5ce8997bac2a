"""Function URLs that the Lambda API made, changed or deleted, over those of the configuration.

They last as long as the gateway runs: a reload of the configuration leaves them, a restart begins
with what the file says. A URL that the API makes has a port of its own, chosen by the system at the
address of the Lambda API: its paths begin at `/` as on AWS, which no common port could give.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from edgegw.awslambda.http_events.model import FunctionUrl
from edgegw.awslambda.http_events.url_config import UrlTimes
from edgegw.awslambda.model import FunctionRef
from edgegw.config.model import Config, FunctionUrlDoor, Listen
from edgegw.http.authority import authority_of

if TYPE_CHECKING:
    from edgegw.gateway.gateway import Gateway

_EVERYWHERE = ("", "0.0.0.0", "::")  # noqa: S104 - recognised, not chosen


class FunctionUrls:
    """The function URLs of a gateway; `apply` puts a configuration in place."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._changes: dict[FunctionRef, FunctionUrlDoor | None] = {}
        self._times: dict[FunctionRef, UrlTimes] = {}
        self._since = gateway.world.now()

    def over(self, config: Config) -> Config:
        """`config` with what the API changed; URLs of functions that are gone go as well."""
        doors = {door.url.function: door for door in config.function_urls}
        for ref, door in self._changes.items():
            if door is None or ref.name not in config.functions:
                doors.pop(ref, None)
            else:
                doors[ref] = door
        return replace(config, function_urls=tuple(doors.values()))

    def find(self, ref: FunctionRef) -> FunctionUrlDoor | None:
        """The URL of a function or an alias."""
        doors = self._gateway.config.function_urls
        return next((door for door in doors if door.url.function == ref), None)

    def listed(self, name: str) -> list[FunctionUrlDoor]:
        """The URLs of a function and its aliases."""
        doors = self._gateway.config.function_urls
        return [door for door in doors if door.url.function.name == name]

    def times(self, ref: FunctionRef) -> UrlTimes:
        """When it was made and changed; those of the configuration are as old as the gateway."""
        return self._times.get(ref, UrlTimes(self._since, self._since))

    async def put(self, url: FunctionUrl) -> FunctionUrlDoor:
        """Makes a URL, or changes one where it is. Raises EnvironmentProblem."""
        ref, now = url.function, self._gateway.world.now()
        known = self.find(ref)
        listen = self._new_place() if known is None else known.listen
        door = FunctionUrlDoor(str(ref), listen, url)
        await self._change(ref, door)
        created = now if known is None else self.times(ref).created
        self._times[ref] = UrlTimes(created, now)
        return door

    async def delete(self, ref: FunctionRef) -> None:
        """Deletes a URL: nothing listens there any more. Raises EnvironmentProblem."""
        await self._change(ref, None)
        self._times.pop(ref, None)

    async def _change(self, ref: FunctionRef, door: FunctionUrlDoor | None) -> None:
        was_changed, before = ref in self._changes, self._changes.get(ref)
        self._changes[ref] = door
        try:
            await self._gateway.apply(self._gateway.config)
        except BaseException:
            del self._changes[ref]
            if was_changed:
                self._changes[ref] = before
            raise

    def _new_place(self) -> Listen:
        api = self._gateway.config.lambda_api
        return Listen("127.0.0.1" if api is None else api.address, 0)

    def address(self, door: FunctionUrlDoor) -> str:
        """Where a URL is reached; without sockets, where AWS would have it."""
        gateway = self._gateway
        key = next(key for key, other in gateway.doors.items() if other is door)
        port = door.listen.port or gateway.port_of(key)
        if not port:
            return f"https://{door.url.domain}/"
        host = "127.0.0.1" if door.listen.address in _EVERYWHERE else door.listen.address
        scheme = "https" if door.listen.tls else "http"
        return f"{scheme}://{authority_of(host, port)}/"
