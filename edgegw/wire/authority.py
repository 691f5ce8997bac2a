"""The local certificate authority: one for each user, as browsers trust it for each user.

Whoever has its key can be any site for the browsers that trust it. So it is not kept with a
project, which may come from elsewhere and bring one along: it lives in the user's data folder, as
mkcert's does, and one that others could have put there or can use is refused. Where mkcert has
installed an authority, browsers trust that already, and it is used.
"""

from __future__ import annotations

import contextlib
import getpass
import os
import re
import shutil
import socket
import sys
import tempfile
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from edgegw.errors import EnvironmentProblem
from edgegw.values import value
from edgegw.wire.ownership import why_not_own
from edgegw.wire.state_folder import write_private

if TYPE_CHECKING:
    import trustme
    from cryptography.x509 import Certificate

LocalTime = Callable[[], datetime]

CERTIFICATE: Final = "rootCA.pem"
KEY: Final = "rootCA-key.pem"
_UNUSED: Final = "UNUSED.txt"
_LONGEST: Final = 64
"""Characters of an organizational unit (X.520)."""


def local_now() -> datetime:
    return datetime.now(UTC)  # noqa: TID251 - the clock comes in here


@value
class Authority:
    """A certificate authority: its certificate's file, who made it (`user@host`) and on which day.

    Both stand in the certificate; the day as `2026-11-26`, both empty where it does not tell.
    """

    file: Path
    signer: trustme.CA
    is_mkcert: bool
    maker: str = ""
    day: str = ""

    @property
    def key_id(self) -> bytes:
        """What tells this authority from others."""
        return key_id(_certificate(self.signer), of_issuer=False)


def load_authority(
    environment: Mapping[str, str] | None = None, now: LocalTime = local_now
) -> Authority:
    """Mkcert's authority where it exists, else the user's own one, made if need be.

    Raises EnvironmentProblem when there is no place for it, it is not the user's alone, or it
    cannot be read.
    """
    variables = os.environ if environment is None else environment
    installed = mkcert_folder(variables)
    if installed is not None and os.access(installed / KEY, os.R_OK):
        signer = _read(installed)
        if signer is not None and _certificate(signer).not_valid_after_utc > now():
            _refuse_shared(installed, "let CAROOT name another folder")
            return _authority(installed, signer, is_mkcert=True)
    folder = authority_folder(variables)
    _make(folder, now)
    again = "remove the folder, and its certificate where it is trusted: a new one is made then"
    _refuse_shared(folder, again)
    signer = _read(folder)
    if signer is None:
        text = f"the certificate authority in {folder} cannot be read: {again}"
        raise EnvironmentProblem(text)
    return _authority(folder, signer, is_mkcert=False)


# Where


def mkcert_folder(environment: Mapping[str, str]) -> Path | None:
    """Where mkcert keeps its authority, whether there is one or not."""
    if environment.get("CAROOT"):
        return Path(environment["CAROOT"])
    data = _data_folder(environment)
    return None if data is None else data / "mkcert"


def authority_folder(environment: Mapping[str, str]) -> Path:
    """Where the user's own authority is, whether there is one or not. Raises EnvironmentProblem."""
    data = _data_folder(environment)
    if data is None:
        raise EnvironmentProblem(
            "there is no place for a certificate authority: let XDG_DATA_HOME name a folder of "
            "your own"
        )
    return data / "edgegw" / "ca"


def _data_folder(environment: Mapping[str, str]) -> Path | None:
    """The user's folder for what programs keep, as this system has it."""
    home = environment.get("HOME") or environment.get("USERPROFILE")
    if sys.platform == "darwin":
        return Path(home, "Library", "Application Support") if home else None
    if sys.platform == "win32":
        local = environment.get("LOCALAPPDATA")
        return Path(local) if local else None
    data = environment.get("XDG_DATA_HOME", "")
    if Path(
        data
    ).is_absolute():  # others are to be ignored, says the XDG Base Directory Specification
        return Path(data)
    return Path(home, ".local", "share") if home else None


# Its files


def _make(folder: Path, now: LocalTime) -> None:
    """Makes the authority where there is none, whole or not at all: others may do so just now."""
    if folder.exists():
        return
    temporary: Path | None = None
    try:
        folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(dir=folder.parent))  # for its owner only
        _write(temporary, now)
        with contextlib.suppress(OSError):  # another process was quicker: there is one
            temporary.rename(folder)
    except OSError as error:
        raise EnvironmentProblem(
            f"the certificate authority {folder} cannot be made ({error.strerror or error}): let "
            "XDG_DATA_HOME name a folder of your own"
        ) from None
    finally:
        if temporary is not None and temporary.exists():
            shutil.rmtree(temporary, ignore_errors=True)


def _write(folder: Path, now: LocalTime) -> None:
    import trustme

    day = f", made {now():%Y-%m-%d}"
    authority = trustme.CA(
        organization_name="edgegw development CA",
        organization_unit_name=f"{_maker()[: _LONGEST - len(day)]}{day}",
        path_length=0,
    )
    write_private(folder / CERTIFICATE, authority.cert_pem.bytes())
    write_private(folder / KEY, authority.private_key_pem.bytes())


def _maker() -> str:
    try:
        user = getpass.getuser()
    except (KeyError, OSError, ImportError):  # a container's user without a name
        user = str(os.getuid())
    return f"{user}@{socket.gethostname()}"


def _refuse_shared(folder: Path, remedy: str) -> None:
    try:
        reason = why_not_own(folder, folder / KEY)
    except OSError as error:
        reason = f"it cannot be looked at ({error.strerror or error})"
    if reason is not None:
        raise EnvironmentProblem(
            f"the certificate authority in {folder} is not used, as others could sign with it or "
            f"have made it: {reason}; {remedy}"
        )


def _read(folder: Path) -> trustme.CA | None:
    """The signer of an authority; None where its files cannot be used."""
    import trustme

    try:
        signer = trustme.CA.from_pem(
            (folder / CERTIFICATE).read_bytes(), (folder / KEY).read_bytes()
        )
        _certificate(signer)
    except (OSError, ValueError):
        return None
    return signer


def _authority(folder: Path, signer: trustme.CA, *, is_mkcert: bool) -> Authority:
    maker, day = _made_by(_certificate(signer))
    return Authority(folder / CERTIFICATE, signer, is_mkcert, maker, day)


def _made_by(certificate: Certificate) -> tuple[str, str]:
    """Who made a certificate and on which day, as it says itself."""
    from cryptography.x509 import NameOID

    units = certificate.subject.get_attributes_for_oid(NameOID.ORGANIZATIONAL_UNIT_NAME)
    unit = str(units[0].value) if units else ""
    own = re.fullmatch(r"(.*), made (\d{4}-\d\d-\d\d)", unit)
    if own is not None:
        return own[1], own[2]
    return unit, f"{certificate.not_valid_before_utc:%Y-%m-%d}"


def _certificate(signer: trustme.CA) -> Certificate:
    from cryptography import x509

    return x509.load_pem_x509_certificate(signer.cert_pem.bytes())


def key_id(certificate: Certificate, *, of_issuer: bool) -> bytes:
    """What tells the key of a certificate, or of its issuer, from others."""
    from cryptography import x509

    if of_issuer:
        issuer = x509.AuthorityKeyIdentifier
        return certificate.extensions.get_extension_for_class(issuer).value.key_identifier or b""
    subject = x509.SubjectKeyIdentifier
    return certificate.extensions.get_extension_for_class(subject).value.digest


# The place where it was before


def unused_authority(state: Path) -> Path | None:
    """An authority in a state folder: older versions kept one there, and a clone may bring one."""
    folder = state / "ca"
    return folder if (folder / KEY).exists() else None


def unused_text(folder: Path) -> str:
    """What is said of an authority that is not used."""
    return (
        f"the certificate authority in {folder} is no longer used, each user has one: run `edgegw "
        "trust` to trust that, and remove this folder (and its certificate where it is trusted)"
    )


def first_time_unused(state: Path) -> str | None:
    """What is to be said of an authority in a state folder; None where it was said before."""
    folder = unused_authority(state)
    if folder is None or (folder / _UNUSED).exists():
        return None
    text = unused_text(folder)
    with contextlib.suppress(OSError):  # a folder to read only: it is said again
        (folder / _UNUSED).write_text(f"{text}\n", encoding="utf-8")
    return text
