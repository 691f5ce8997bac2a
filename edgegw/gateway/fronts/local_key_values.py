"""What the local API answers about key value stores: what they hold, and changes of that."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from edgegw.gateway.fronts.local_router import Call, json_answer
from edgegw.gateway.key_value_commands import change_store, listing_of
from edgegw.http.message import Response

if TYPE_CHECKING:
    from edgegw.gateway.gateway import Gateway


class KeyValueOperations:
    """Lists and changes the pairs of stores."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    async def listing(self, call: Call) -> Response:
        """All pairs of the store that the path names."""
        stores, name = self._gateway.key_values, call.path["store"]
        return await asyncio.to_thread(lambda: json_answer(listing_of(stores, name)))

    async def change(self, call: Call) -> Response:
        """Puts and deletes; it is on disk when it is answered."""
        stores, name = self._gateway.key_values, call.path["store"]
        return json_answer(await asyncio.to_thread(change_store, stores, name, call.body))
