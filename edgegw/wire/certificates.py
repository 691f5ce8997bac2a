"""The certificates that the user's authority signs for front doors.

They are kept in the gateway's state folder, one file for each set of names, and made anew when they
are about to expire, or when the authority (`authority.py`) is another one. A file has a fingerprint
of its names in its own: front doors whose first name is the same (`localhost`) have each their own
file, and do not make each other's anew with every handshake.
"""

from __future__ import annotations

import contextlib
import hashlib
import ipaddress
import logging
import re
import ssl
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

from edgegw.errors import EnvironmentProblem
from edgegw.wire import passthrough_tls
from edgegw.wire.authority import (
    Authority,
    LocalTime,
    first_time_unused,
    key_id,
    load_authority,
    local_now,
)
from edgegw.wire.state_folder import state_folder, write_private
from edgegw.wire.tls_options import ClientCertificates

if TYPE_CHECKING:
    from OpenSSL import SSL

logger = logging.getLogger(__name__)

LIFETIME: Final = timedelta(days=397)
"""How long a certificate is valid: what browsers accept at most."""
_RENEWED: Final = timedelta(days=30)
"""Time before the end at which a certificate is made anew."""
_SKEW: Final = timedelta(days=1)
_MOST_READABLE: Final = 100
"""Characters of a name in the name of a file."""
LOCAL_NAMES: Final = ("localhost", "127.0.0.1", "::1")


def certified_name(name: str) -> str | None:
    """How a certificate writes `name`: an address, or a host name, perhaps with `*.`.

    The shortest form of an address, small letters and punycode (IDNA); None where it is neither.
    """
    import idna

    with contextlib.suppress(ValueError):
        return str(ipaddress.ip_address(name))
    wildcard = "*." if name.startswith("*.") else ""
    try:
        return wildcard + idna.encode(name.removeprefix("*."), uts46=True).decode("ascii")
    except ValueError:  # of which idna's and UnicodeError are kinds
        return None


class Certificates:
    """Certificates for the names of front doors, kept in the state folder."""

    def __init__(self, state: str | Path, now: LocalTime = local_now) -> None:
        self._state = Path(state)
        self._now = now
        self._authority: Authority | None = None

    @property
    def authority(self) -> Authority:
        """The authority that signs. Raises EnvironmentProblem."""
        if self._authority is None:
            self._authority = load_authority(now=self._now)
            text = first_time_unused(self._state)
            if text is not None:
                logger.warning("%s", text)
        return self._authority

    def file(self, names: Sequence[str]) -> Path:
        """A PEM file with private key and certificate for `names`, made or renewed if need be.

        Names that no certificate can have are left out.
        """
        certified = dict.fromkeys(filter(None, map(certified_name, names)))
        names = list(certified) or LOCAL_NAMES
        folder = state_folder(self._state) / "certificates"
        folder.mkdir(mode=0o700, exist_ok=True)
        file = folder / _file_name(names)
        if not self._is_good(file, names):
            now = self._now()
            issued = self.authority.signer.issue_cert(
                *names,
                common_name=names[0][:64],
                organization_name="edgegw development certificate",
                not_before=now - _SKEW,
                not_after=now - _SKEW + LIFETIME,
            )
            write_private(file, issued.private_key_and_cert_chain_pem.bytes())
        return file

    def _is_good(self, file: Path, names: Sequence[str]) -> bool:
        from cryptography import x509

        try:
            certificate = x509.load_pem_x509_certificate(file.read_bytes())
            alternatives = certificate.extensions.get_extension_for_class(
                x509.SubjectAlternativeName
            )
        except (OSError, ValueError, x509.ExtensionNotFound):
            return False
        covered = {str(name.value) for name in alternatives.value}
        return (
            covered == set(names)
            and certificate.not_valid_after_utc - self._now() > _RENEWED
            and key_id(certificate, of_issuer=True) == self.authority.key_id
        )


def _file_name(names: Sequence[str]) -> str:
    """The file for a set of names: readable at its beginning, and no other set's."""
    readable = re.sub(r"[^a-z0-9.-]", "_", names[0])[:_MOST_READABLE]
    fingerprint = hashlib.sha256("\n".join(sorted(names)).encode()).hexdigest()[:16]
    return f"{readable}-{fingerprint}.pem"


class ServerTls(Protocol):
    """What a listening socket asks of its certificates."""

    context: ssl.SSLContext

    @property
    def passes_through(self) -> bool: ...

    def passing(self, name: str | None) -> SSL.Context: ...

    def whole(self) -> tuple[str, str]: ...


class DoorTls:
    """The TLS side of one front door: which certificate a client gets, by the name it asks for.

    `aliases` answers the names that have certificates of their own, as they are now; every other
    name gets the one for localhost. With `own` (certificates and keys by path) one of those is
    picked, the first where no name fits. `asks` says what is asked of the client's certificate.
    """

    def __init__(
        self,
        certificates: Certificates,
        aliases: Callable[[], Sequence[str]],
        protocols: Sequence[str],
        own: Sequence[tuple[str, str]] = (),
        names: Sequence[str] = (),
        asks: ClientCertificates | None = None,
    ) -> None:
        self._asks = asks
        self._passing: dict[Path, tuple[int, SSL.Context]] = {}
        self._covered: dict[str, tuple[int, frozenset[str]]] = {}
        self._certificates = certificates
        self._aliases = aliases
        self._protocols = list(protocols)
        self._own = dict(own)
        self._local = (*LOCAL_NAMES, *(name for name in names if name not in LOCAL_NAMES))
        self._contexts: dict[Path, tuple[int, ssl.SSLContext]] = {}
        if self.passes_through:
            passthrough_tls.load_openssl()
        self.context = self._make(self.file(None))
        """The context to listen with: it picks others by name. Raises EnvironmentProblem."""
        self.context.sni_callback = self.choose

    def file(self, name: str | None) -> Path:
        """The certificate for the server name `name`, with its key unless it is the user's own."""
        if self._own:
            return Path(self._own_for(name))
        alias = _matching(name.lower(), self._aliases()) if name else None
        return self._certificates.file((alias,) if alias else self._local)

    def _own_for(self, name: str | None) -> str:
        """The user's certificate that covers `name` best: exactly, by wildcard, else the first."""
        files = list(self._own)
        if name and len(files) > 1:
            for file in files:
                if name.lower() in self._names_in(file):
                    return file
            for file in files:
                if _matching(name.lower(), tuple(self._names_in(file))):
                    return file
        return files[0]

    def _names_in(self, file: str) -> frozenset[str]:
        changed = Path(file).stat().st_mtime_ns
        known = self._covered.get(file)
        if known is None or known[0] != changed:
            known = self._covered[file] = (changed, covered_names(Path(file)))
        return known[1]

    def choose(self, sslobj: ssl.SSLObject, name: str | None, _: ssl.SSLContext) -> int | None:
        """Puts the certificate for `name` on a connection; the alert to end it with, or None."""
        setattr(sslobj, ASKED_NAME, name)
        try:
            sslobj.context = self._current(self.file(name))
        except (EnvironmentProblem, OSError, ValueError):
            return ssl.ALERT_DESCRIPTION_INTERNAL_ERROR
        return None

    def _current(self, file: Path) -> ssl.SSLContext:
        changed = file.stat().st_mtime_ns
        known = self._contexts.get(file)
        if known is None or known[0] != changed:
            known = self._contexts[file] = (changed, self._make(file))
        return known[1]

    def _make(self, file: Path) -> ssl.SSLContext:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.set_alpn_protocols(self._protocols)
        try:
            context.load_cert_chain(file, self._own.get(str(file)))
            if self._asks is not None and self._asks.trust_store is not None:
                _ask_clients(context, self._asks.trust_store, self._asks)
        except (OSError, ssl.SSLError) as error:
            text = f"the certificate {file} cannot be used: {error}"
            raise EnvironmentProblem(text) from None
        return context

    @property
    def passes_through(self) -> bool:
        """Whether clients are asked for certificates that nobody checks."""
        return self._asks is not None and self._asks.trust_store is None

    def passing(self, name: str | None) -> SSL.Context:
        """The context of pyOpenSSL for the server name `name`. Raises EnvironmentProblem."""
        file = self.file(name)
        changed = file.stat().st_mtime_ns
        known = self._passing.get(file)
        if known is None or known[0] != changed:
            key = self._own.get(str(file), str(file))
            context = passthrough_tls.make_context(str(file), key, self._protocols, self.passing)
            known = self._passing[file] = (changed, context)
        return known[1]

    def whole(self) -> tuple[str, str]:
        """Certificate and key for everybody: where nobody can choose by name (HTTP/3)."""
        if self._own:
            return next(iter(self._own.items()))
        return self.local_file(self.whole_names())

    def whole_names(self) -> Sequence[str]:
        """The names of a local certificate for everybody."""
        names = [name for name in self._aliases() if name not in self._local]
        return ("quic.localhost", *self._local, *names)

    def local_file(self, names: Sequence[str]) -> tuple[str, str]:
        """A local certificate for `names`, and its key. Raises EnvironmentProblem."""
        file = str(self._certificates.file(names))
        return file, file

    @property
    def has_own(self) -> bool:
        """Whether it has certificates that are the user's own."""
        return bool(self._own)


ASKED_NAME: Final = "edgegw_asked_name"
"""The attribute of a connection's SSLObject that holds the name its client asked for."""

_NO_CHECK_TIME: Final = 0x200000
"""OpenSSL's X509_V_FLAG_NO_CHECK_TIME, which Python's ssl has no name for."""


def _ask_clients(context: ssl.SSLContext, store: str, asks: ClientCertificates) -> None:
    """Only clients with a certificate that the trust store vouches for get in."""
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(store)
    if asks.ignores_expiry:
        context.verify_flags |= ssl.VerifyFlags(_NO_CHECK_TIME)


def covered_names(file: Path) -> frozenset[str]:
    """The names that a certificate is for, in lower case."""
    from cryptography import x509

    try:
        certificate = x509.load_pem_x509_certificate(file.read_bytes())
        alternatives = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except (OSError, ValueError, x509.ExtensionNotFound):
        return frozenset()
    return frozenset(str(name.value).lower() for name in alternatives.value)


def _matching(name: str, aliases: Sequence[str]) -> str | None:
    """The alias that `name` means; `*.` stands for exactly one label."""
    if name in aliases:
        return name
    wildcard = "*." + name.partition(".")[2]
    return wildcard if wildcard in aliases else None
