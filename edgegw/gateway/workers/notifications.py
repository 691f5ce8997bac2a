"""Notifications of buckets: folders are watched, and functions are told what changed in them."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import os
from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from typing import Final

from edgegw.awslambda.bucket_notifications import (
    BucketNotification,
    ObjectChange,
    WriterIds,
    notification_event,
    notified,
)
from edgegw.awslambda.model import Invocation
from edgegw.awslambda.payload import encode_payload
from edgegw.background import Background
from edgegw.cloudfront.s3.bucket import Bucket
from edgegw.config.buckets import BucketFolder
from edgegw.config.model import Config
from edgegw.gateway.bucket_watch import BucketWatch, FolderHints
from edgegw.gateway.origins.object_files import WHOLE, ObjectFiles
from edgegw.gateway.workers import WorkerContext
from edgegw.gateway.workers.targets import Targets

_PRINCIPAL: Final = "s3.amazonaws.com"
"""Whom a function's policy has to let in."""


class Notifications:
    """Watches the folders that the present configuration names."""

    def __init__(self, around: WorkerContext) -> None:
        self._around = around
        self._files = ObjectFiles()
        self._hints = FolderHints()
        self._watches: dict[str, BucketWatch] = {}
        self._telling: dict[str, asyncio.Task[None]] = {}
        self._wanted: dict[str, list[BucketNotification]] = {}
        self._background = Background()
        self._number = 0

    async def start(self) -> None:
        """What is in the folders now is no news."""
        await self.change(self._around.config())
        self._background.start(self._hints.run())

    async def change(self, config: Config) -> None:
        """Folders that are watched already go on."""
        wanted: defaultdict[str, list[BucketNotification]] = defaultdict(list)
        for notification in config.bucket_notifications:
            wanted[notification.folder].append(notification)
        self._wanted = dict(wanted)
        gone, new = self._watches.keys() - wanted.keys(), wanted.keys() - self._watches.keys()
        for folder in gone:
            del self._watches[folder]
            self._telling.pop(folder).cancel()
        for folder in new:
            watch = self._watches[folder] = BucketWatch(folder)
            await watch.begin()
            self._telling[folder] = self._background.start(self._watch(watch, folder))
        if gone or new:
            self._hints.lead(self._watches.values())

    async def close(self) -> None:
        """Watches no longer."""
        await self._background.cancel()

    async def _watch(self, watch: BucketWatch, folder: str) -> None:
        async with contextlib.aclosing(watch.changes()) as news:
            async for changes in news:
                for key, is_there in changes:
                    await self._tell(folder, key, is_there=is_there)

    async def _tell(self, folder: str, key: str, *, is_there: bool) -> None:
        if self._is_our_own(folder, key):
            return
        now = self._around.world.now()
        self._number = max(self._number + 1, int(now * 1_000_000))
        change = ObjectChange(
            event="s3:ObjectRemoved:Delete", key=key, time=now, number=self._number
        )
        if is_there:
            created = await asyncio.to_thread(self._created, folder, change)
            if created is None:
                return
            change = created
        targets = await self._around.workers.of(Targets)
        for notification in notified(change, self._wanted.get(folder, ())):
            world = self._around.world
            host_id = base64.b64encode(world.token(56)).decode()
            ids = WriterIds(world.token(8).hex().upper(), host_id)
            invocation = Invocation(
                notification.function,
                encode_payload(notification_event(change, notification, ids)),
                principal=_PRINCIPAL,
                source_arn=f"arn:aws:s3:::{notification.bucket}",
            )
            await targets.invoke(invocation, f"{change.event} {notification.bucket}/{key}")

    def _is_our_own(self, folder: str, key: str) -> bool:
        """Whether it lies in the state folder: each event is written there, and tells no news."""
        state = os.path.realpath(self._around.state)
        return Path(os.path.realpath(folder), key).is_relative_to(state)

    def _created(self, folder: str, change: ObjectChange) -> ObjectChange | None:
        """`change` with the size and tag that the bucket would answer; None for no object."""
        try:
            opened = self._files.open(BucketFolder(Bucket(""), folder, folder), change.key)
        except OSError:
            return None
        if opened is None:  # gone again, or a link that leads out of the bucket
            return None
        opened.close()
        stored = opened.stored
        kind = "CompleteMultipartUpload" if stored.length > WHOLE else "Put"
        return replace(
            change,
            event=f"s3:ObjectCreated:{kind}",
            size=stored.length,
            etag=stored.etag.decode().strip('"'),
        )
