"""Two updates of one CloudFront Function at once: the second to be whole is refused."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator
from pathlib import Path

import httpx

from tests.gateway.test_functions_api import CONFIG, FIRST, OTHER, serving

BODY = f"""<UpdateFunctionRequest xmlns="http://cloudfront.amazonaws.com/doc/2020-05-31/">
<FunctionConfig><Comment>late</Comment><Runtime>{CONFIG["Runtime"]}</Runtime></FunctionConfig>
<FunctionCode>{base64.b64encode(FIRST.encode()).decode()}</FunctionCode>
</UpdateFunctionRequest>"""


async def test_what_was_updated_while_a_body_came_is_not_lost(tmp_path: Path) -> None:
    async with serving(tmp_path) as api, httpx.AsyncClient(trust_env=False) as client:
        await api.create("made")
        etag = await api.etag("made")
        has_begun, may_end = asyncio.Event(), asyncio.Event()

        async def body() -> AsyncIterator[bytes]:
            yield BODY[:10].encode()
            has_begun.set()
            await may_end.wait()
            yield BODY[10:].encode()

        late = asyncio.ensure_future(
            client.put(
                f"{api.url}/2020-05-31/function/made",
                content=body(),
                headers={"if-match": etag, "content-type": "application/xml"},
            )
        )
        await has_begun.wait()
        await asyncio.sleep(0.05)  # so that the head of the late one has arrived
        await api.update("made", OTHER, Comment="quick")
        may_end.set()
        assert (await late).status_code == 412
        described = await api("describe_function", Name="made")
        assert described["FunctionSummary"]["FunctionConfig"]["Comment"] == "quick"
