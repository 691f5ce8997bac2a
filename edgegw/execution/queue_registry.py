"""Which queues there are: those of the configuration, and those that were made over the API.

A queue of the configuration is what the configuration says; attributes that somebody sets over the
API hold until it says something else, or the gateway ends. A queue made over the API stays, on
disk, until it is deleted over the API.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from edgegw.awslambda.names import Account
from edgegw.messaging.queue import QueueSettings
from edgegw.messaging.queue_attributes import QueueLife, changed_queue, new_queue, set_attributes
from edgegw.messaging.queue_errors import no_such_queue


@dataclass
class KnownQueue:
    """A queue, and whether it stands in the configuration."""

    settings: QueueSettings
    life: QueueLife
    is_configured: bool
    purged: float = field(default=float("-inf"))


class QueueRegistry:
    """All queues of an account, by name."""

    def __init__(self, account: Account) -> None:
        self.account = account
        self._queues: dict[str, KnownQueue] = {}
        self._configured: dict[str, QueueSettings] = {}

    def arn(self, name: str) -> str:
        """The ARN of a queue."""
        return f"arn:aws:sqs:{self.account.region}:{self.account.account_id}:{name}"

    def known(self, reference: str) -> KnownQueue:
        """A queue by name, URL or ARN. Raises QueueError."""
        queue = self._queues.get(self.name_of(reference))
        if queue is None:
            raise no_such_queue()
        return queue

    def name_of(self, reference: str) -> str:
        """The name in a reference; nothing where it means another account's queue."""
        if reference.startswith("arn:"):
            name = reference.rpartition(":")[2]
            return name if reference == self.arn(name) else ""
        if "/" in reference:
            way, _, name = reference.rstrip("/").rpartition("/")
            return name if way.endswith(f"/{self.account.account_id}") else ""
        return reference

    def find(self, reference: str) -> QueueSettings | None:
        """As `known`, None where there is no such queue."""
        queue = self._queues.get(self.name_of(reference))
        return None if queue is None else queue.settings

    def names(self) -> list[str]:
        return sorted(self._queues)

    def dead_letter_queue(self, queue: QueueSettings) -> QueueSettings | None:
        """Where its dead letters go, while there is such a queue."""
        return None if queue.redrive is None else self.find(queue.redrive.to)

    def sources(self, name: str) -> list[str]:
        """The queues whose dead letters go to the queue `name`."""
        return [
            other
            for other in self.names()
            if (redrive := self._queues[other].settings.redrive) is not None and redrive.to == name
        ]

    # Changes

    def configure(self, queues: Sequence[QueueSettings], account: Account, now: float) -> None:
        """The configuration has these queues from now on."""
        self.account = account
        configured = {queue.name: queue for queue in queues}
        for name in self._configured.keys() - configured.keys():
            self._queues.pop(name, None)
        for name, queue in configured.items():
            known = self._queues.get(name)
            if known is None or not known.is_configured or self._configured.get(name) != queue:
                life = QueueLife(now, now, {}) if known is None else known.life
                self._queues[name] = KnownQueue(queue, life, is_configured=True)
        self._configured = configured

    def create(
        self, name: str, attributes: Mapping[str, str], tags: Mapping[str, str], now: float
    ) -> KnownQueue:
        """A new queue, known once it is added. Raises QueueError."""
        settings = new_queue(name, attributes, self.find)
        return KnownQueue(settings, QueueLife(now, now, dict(tags)), is_configured=False)

    def changed(self, reference: str, attributes: Mapping[str, str], now: float) -> KnownQueue:
        """A queue with other attributes, known once it is added. Raises QueueError."""
        known = self.known(reference)
        settings = changed_queue(known.settings, attributes, self.find)
        return replace(known, settings=settings, life=replace(known.life, modified=now))

    def add(self, known: KnownQueue) -> None:
        self._queues[known.settings.name] = known

    def remove(self, name: str) -> None:
        self._queues.pop(name, None)

    # On disk

    def save(self, connection: sqlite3.Connection, known: KnownQueue) -> None:
        """Keeps a queue that was made over the API."""
        if known.is_configured:
            return
        attributes = set_attributes(known.settings, self.arn)
        row = (
            known.settings.name,
            json.dumps(attributes),
            json.dumps(dict(known.life.tags)),
            known.life.created,
            known.life.modified,
        )
        connection.execute("INSERT OR REPLACE INTO queues VALUES (?, ?, ?, ?, ?)", row)

    def read(self, rows: Sequence[tuple[str, str, str, float, float]]) -> None:
        """Takes up what was saved in a former run, dead letter queues before their sources."""
        for row in sorted(rows, key=lambda row: "RedrivePolicy" in row[1]):
            name, attributes, tags, created, modified = row
            if name in self._queues:
                continue
            settings = _read_settings(name, json.loads(attributes))
            life = QueueLife(created, modified, json.loads(tags))
            self._queues[name] = KnownQueue(settings, life, is_configured=False)


def _read_settings(name: str, attributes: Mapping[str, str]) -> QueueSettings:
    """As it was, even where its dead letter queue is gone meanwhile."""

    def named(arn: str) -> QueueSettings:
        return QueueSettings(name=arn.rpartition(":")[2])

    return changed_queue(QueueSettings(name=name), attributes, named)
