"""A folder of this machine as a bucket of Amazon S3: what it answers is decided in `cloudfront/s3`.

Files are looked at, and small ones read, in one go on a thread. Larger ones are sent piece by piece
while the viewer takes them, each piece read on a thread.
"""

from __future__ import annotations

import asyncio
import base64
import logging
from collections.abc import AsyncIterator, Mapping
from typing import Final

from edgegw.cloudfront.cache.ranges import Span
from edgegw.cloudfront.error_causes import OriginFailure
from edgegw.cloudfront.model import Origin
from edgegw.cloudfront.s3 import objects, reasons, website
from edgegw.cloudfront.s3.keys import object_key
from edgegw.cloudfront.s3.objects import BucketAnswer
from edgegw.cloudfront.s3.refusals import INTERNAL, AnswerIds, BucketRefusal
from edgegw.config.buckets import BucketFolder
from edgegw.config.gateway.hosts import Hosts
from edgegw.gateway.exchange import Exchange
from edgegw.gateway.origins.object_files import ObjectFiles, OpenObject
from edgegw.gateway.world import World
from edgegw.http.message import Body, Request, Response
from edgegw.http.status import reason_phrase
from edgegw.http.target import to_text

logger = logging.getLogger(__name__)

PIECE: Final = 256 * 1024
"""Bytes that are read at a time, and up to which an object is read at once."""


class BucketOrigins:
    """`buckets` are those of the configuration by their names in DNS, `hosts` lead to more."""

    def __init__(self, buckets: Mapping[str, BucketFolder], hosts: Hosts, world: World) -> None:
        self._files = ObjectFiles()
        self._world = world
        self.lead(buckets, hosts)

    def lead(self, buckets: Mapping[str, BucketFolder], hosts: Hosts) -> None:
        """From now on names lead where these say."""
        self._buckets = buckets
        self._hosts = hosts if hosts.has_folders else None
        self.are_there = bool(buckets) or self._hosts is not None

    def takes(self, origin: Origin) -> bool:
        return self.are_there and self._folder_of(origin) is not None

    async def fetch(
        self, origin: Origin, request: Request, exchange: Exchange
    ) -> Response | OriginFailure:
        bucket = self._folder_of(origin)
        assert bucket is not None  # it took the origin
        ids = _new_ids(self._world)  # here: a thread would disturb the order of what a seed gives
        asked = _BucketRequest(self._files, bucket, origin, request, ids)
        return await asyncio.to_thread(asked.response)

    def _folder_of(self, origin: Origin) -> BucketFolder | None:
        name = origin.domain_name.lower()
        known = self._buckets.get(name)
        if known is None and self._hosts is not None:
            return self._hosts.bucket(name)
        return known


class _BucketRequest:
    """One request at a bucket, on a thread."""

    def __init__(
        self,
        files: ObjectFiles,
        bucket: BucketFolder,
        origin: Origin,
        request: Request,
        ids: AnswerIds,
    ) -> None:
        self._files = files
        self._folder = bucket
        self._bucket = bucket.bucket
        self._origin = origin
        self._request = request
        self._ids = ids

    def response(self) -> Response:
        """The bucket's answer."""
        key = object_key(self._request.target.path)
        try:
            if self._bucket.website is None:
                return self._from_rest(key)
            return self._from_website(self._bucket.website, key)
        except OSError as error:
            logger.warning("%s could not be read: %s", self._folder.folder, error)
            return self._refused(INTERNAL)

    def _from_rest(self, key: str | None) -> Response:
        refusal = objects.refuse_request(self._bucket, self._origin, self._request)
        if refusal is not None:
            why = reasons.why_refused(self._bucket, self._origin, self._request)
            return self._refused(refusal, why)
        opened = self._files.open(self._folder, key) if key else None
        if key is None or opened is None:
            why = reasons.why_missing(self._bucket, key)
            return self._refused(objects.missing_object(self._bucket, key), why)
        return self._sent(
            objects.object_answer(self._request, key, opened.stored, self._ids), opened
        )

    def _from_website(self, site: website.Website, key: str | None) -> Response:
        refusal = website.refuse_website(self._bucket, self._request)
        if refusal is not None:
            return self._refused(refusal)
        keys = () if key is None else website.wanted_keys(site, key)
        for wanted in keys:
            opened = self._files.open(self._folder, wanted)
            if opened is not None:
                answer = website.website_answer(
                    self._request, key or "", wanted, opened.stored, self._ids
                )
                return self._sent(answer, opened)
        return self._refused(website.missing_page(key), reasons.why_no_page(keys))

    def _refused(self, refusal: BucketRefusal, why: str = "") -> Response:
        """The error as the endpoint says it; the reason goes to the log as well."""
        target = to_text(self._request.target.path)
        logger.info(
            "bucket %s (%s) answered %d %s to %s %s%s",
            self._bucket.name,
            self._folder.folder,
            refusal.status,
            refusal.code,
            self._request.method,
            target,
            f": {why}" if why else "",
        )
        site = self._bucket.website
        if site is None:
            return _response(objects.xml_answer(refusal, self._request, self._ids))
        if not site.error_document or refusal.status >= 500:
            return _response(website.website_error(refusal, self._request, self._ids))
        document = self._files.open(self._folder, site.error_document)
        if document is None:
            page = website.website_error(refusal, self._request, self._ids, site.error_document)
            return _response(page)
        answer = website.error_document_answer(
            refusal, self._request, site.error_document, document.stored, self._ids
        )
        return self._sent(answer, document)

    def _sent(self, answer: BucketAnswer | BucketRefusal, opened: OpenObject) -> Response:
        """The answer with as much of the object as it has; the object is closed in the end."""
        if isinstance(answer, BucketRefusal):
            opened.close()
            return self._refused(answer)
        content = answer.content
        if isinstance(content, Span) and content.length > PIECE:
            chunks = _pieces(opened, content)
            body = Body(chunks=chunks, length=content.length, release=opened.close)
            return _response(answer, body)
        try:
            whole = opened.read(content) if isinstance(content, Span) else content
        finally:
            opened.close()
        return _response(answer, Body.of(whole))


def _response(answer: BucketAnswer, body: Body | None = None) -> Response:
    if body is None:
        assert isinstance(answer.content, bytes)  # a span comes with its body
        body = Body.of(answer.content)
    return Response(answer.status, reason_phrase(answer.status), answer.headers, body)


async def _pieces(opened: OpenObject, span: Span) -> AsyncIterator[bytes]:
    """The span piece by piece. Raises CutOffError where the file has become shorter."""
    try:
        for first in range(span.first, span.last + 1, PIECE):
            piece = Span(first, min(first + PIECE - 1, span.last))
            yield await asyncio.to_thread(opened.read, piece)
    finally:
        opened.close()


def _new_ids(world: World) -> AnswerIds:
    host_id = base64.b64encode(world.token(56)).decode()
    return AnswerIds(world.token(8).hex().upper(), host_id, world.date())
