"""What the steps of sign-ins and bearer tokens ask for: keys, key sets, identity providers.

Key sets are kept as long as `alb/jwt/key_set.py` says; requests that need one at once wait for one
fetch of it. A page brings a dozen requests with one session: when its access token is over, they
wait for one refresh, as a provider may take a refresh token once only.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol, TypeAlias

from edgegw.alb.authentication.steps import (
    CheckSession,
    FetchUserInfo,
    ProviderStep,
    RefreshTokens,
)
from edgegw.alb.jwt.steps import CheckToken
from edgegw.background import Background

if TYPE_CHECKING:
    from edgegw.alb.authentication.keys import SignInKeys
    from edgegw.alb.authentication.provider_calls import ProviderCall
    from edgegw.alb.authentication.provider_replies import ProviderFailure, ProviderReply
    from edgegw.alb.flow import BalancerStep
    from edgegw.alb.jwt.key_set import KeySet, KeysTrouble
    from edgegw.gateway.origins.identity_provider import EndpointAnswer, NoAnswer


class Endpoints(Protocol):
    """Who asks the endpoints of identity providers."""

    async def ask(
        self, call: ProviderCall, *, limit: int, timeout: float
    ) -> EndpointAnswer | NoAnswer: ...


_Question: TypeAlias = tuple[str, str, str]
"""An endpoint, a client there, and the token that it is asked with."""


def _question(step: ProviderStep) -> _Question | None:
    """What a refresh asks; None for a sign-in, as no two have one code."""
    action = step.context.action
    match step:
        case RefreshTokens():
            return action.token_endpoint, action.client_id, step.session.refresh_token or ""
        case FetchUserInfo() if step.is_refresh:
            return action.user_info_endpoint, action.client_id, step.tokens.access_token
        case _:
            return None


class Guards:
    """Keys and key sets of one event loop. `now` is the clock."""

    def __init__(
        self,
        keys: Callable[[], SignInKeys],
        endpoints: Callable[[], Endpoints],
        now: Callable[[], float],
    ) -> None:
        self._keys = keys
        self._endpoints = endpoints
        self._now = now
        self._key_sets: dict[str, KeySet] = {}
        self._fetches: dict[str, asyncio.Task[KeySet | KeysTrouble]] = {}
        self._asked: dict[_Question, asyncio.Task[ProviderReply | ProviderFailure]] = {}
        self._fetching = Background()

    def at_once(self, step: CheckSession | CheckToken) -> BalancerStep | None:
        """What follows `step`; None where its key set has to be fetched first."""
        if isinstance(step, CheckSession):
            return step.next(self._keys())
        key_set = self._key_sets.get(step.action.jwks_endpoint)
        if key_set is None or not key_set.may_answer(step.kid, self._now()):
            return None
        return step.next(key_set)

    async def key_set(self, endpoint: str) -> KeySet | KeysTrouble:
        """The key set at `endpoint`, fetched now; who asks meanwhile gets the same one."""
        fetch = self._fetches.get(endpoint)
        if fetch is None:
            fetch = self._fetches[endpoint] = self._fetching.start(self._fetched(endpoint))
            fetch.add_done_callback(lambda _: self._fetches.pop(endpoint))
        return await asyncio.shield(fetch)

    async def ask(self, step: ProviderStep) -> ProviderReply | ProviderFailure:
        """What the identity provider answers to a step; who asks the same meanwhile gets it too."""
        question = _question(step)
        if question is None:
            return await self._answer(step.call)
        asked = self._asked.get(question)
        if asked is None:
            asked = self._asked[question] = self._fetching.start(self._answer(step.call))
            asked.add_done_callback(lambda _: self._asked.pop(question))
        return await asyncio.shield(asked)

    async def _answer(self, call: ProviderCall) -> ProviderReply | ProviderFailure:
        from edgegw.alb.authentication.provider_calls import ENDPOINT_TIMEOUT
        from edgegw.alb.authentication.provider_replies import (
            MAX_REPLY,
            ProviderFailure,
            ProviderReply,
        )
        from edgegw.gateway.origins.identity_provider import NoAnswer

        answer = await self._endpoints().ask(call, limit=MAX_REPLY, timeout=ENDPOINT_TIMEOUT)
        if isinstance(answer, NoAnswer):
            return ProviderFailure(answer.detail, answer.timed_out)
        return ProviderReply(answer.status, answer.content)

    async def close(self) -> None:
        """Ends what is under way."""
        await self._fetching.cancel()

    async def _fetched(self, endpoint: str) -> KeySet | KeysTrouble:
        from edgegw.alb.authentication.provider_calls import ENDPOINT_TIMEOUT, keys_call
        from edgegw.alb.jwt.key_set import MAX_KEY_SET, KeySet, KeysTrouble, parse_key_set
        from edgegw.gateway.origins.identity_provider import NoAnswer

        answer = await self._endpoints().ask(
            keys_call(endpoint), limit=MAX_KEY_SET, timeout=ENDPOINT_TIMEOUT
        )
        if isinstance(answer, NoAnswer):
            if answer.timed_out:
                return KeysTrouble(500, "JWKSRequestTimeout", "gave no answer in time")
            return KeysTrouble(562, "JWKSRequestFailed", f"cannot be had: {answer.detail}")
        if not 200 <= answer.status < 300:
            return KeysTrouble(562, "JWKSRequestFailed", f"came with status {answer.status}")
        key_set = parse_key_set(answer.content, self._now())
        if isinstance(key_set, KeySet):
            self._key_sets[endpoint] = key_set
        return key_set
