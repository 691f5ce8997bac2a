"""The keys of sign-ins at load balancers: made once, and kept in the state folder.

So sessions hold over a restart, and an application that remembers a public key is right to. A file
that others could read is replaced: a clone of somebody's project may bring one along, and with it
sessions of its author's making.
"""

from __future__ import annotations

import base64
import json
import logging
import os
import secrets
import stat
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Final

from edgegw.alb.authentication.keys import SignInKeys, new_signing_key
from edgegw.errors import EnvironmentProblem
from edgegw.wire.state_folder import state_folder, write_private

FILE: Final = "sign-in-keys.json"
_SECRET: Final = 32
_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO

logger = logging.getLogger(__name__)


class SignInKeyring:
    """The keys of one gateway, made or read when they are first asked for.

    `folder` answers where they are kept; None keeps them in memory, for as long as it lives.
    """

    def __init__(self, folder: Callable[[], Path | None]) -> None:
        self._folder = folder
        self._keys: SignInKeys | None = None

    def keys(self) -> SignInKeys:
        """The keys. Raises EnvironmentProblem where those that are kept cannot be used."""
        if self._keys is None:
            folder = self._folder()
            self._keys = _decoded(_new_keys()) if folder is None else _kept_in(folder)
        return self._keys


def _kept_in(folder: Path) -> SignInKeys:
    file = state_folder(folder) / FILE
    try:
        if file.exists() and file.stat().st_mode & _OTHERS:
            logger.warning("%s was readable by others: the keys in it are replaced", file)
            file.unlink()
        if not file.exists():
            _keep(file)
        return _decoded(file.read_bytes())
    except (OSError, ValueError, KeyError, TypeError) as error:
        text = f"the keys of sign-ins in {file} cannot be used ({error}): delete it for new ones"
        raise EnvironmentProblem(text) from None


def _keep(file: Path) -> None:
    """Makes keys; of several gateways that do so at once, the first one's stay."""
    own = file.with_name(f".{file.name}.{secrets.token_hex(8)}")
    write_private(own, _new_keys())
    try:
        os.link(own, file)
    except FileExistsError:
        pass
    finally:
        own.unlink()


def _new_keys() -> bytes:
    fields = {
        "secret": base64.b64encode(secrets.token_bytes(_SECRET)).decode(),
        "signing_key": new_signing_key().decode(),
        "key_id": str(uuid.uuid4()),
    }
    return json.dumps(fields).encode()


def _decoded(content: bytes) -> SignInKeys:
    fields = json.loads(content)
    secret = base64.b64decode(fields["secret"], validate=True)
    if len(secret) != _SECRET:
        raise ValueError("the secret has another length")
    return SignInKeys(secret, fields["signing_key"].encode(), str(fields["key_id"]))
