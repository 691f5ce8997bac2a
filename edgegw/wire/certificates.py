"""A local certificate authority, and the certificates that it signs for front doors.

The authority is made once and kept in the gateway's state folder; where mkcert has installed one,
browsers trust that already, and it is used. Certificates are made anew when they are about to
expire, or when the authority is another one.
"""

from __future__ import annotations

import contextlib
import ipaddress
import os
import re
import ssl
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, cast

from edgegw.errors import EnvironmentProblem
from edgegw.values import value
from edgegw.wire import passthrough_tls
from edgegw.wire.state_folder import state_folder, write_private
from edgegw.wire.tls_options import ClientCertificates

LIFETIME: Final = timedelta(days=397)
"""How long a certificate is valid: what browsers accept at most."""
_RENEWED: Final = timedelta(days=30)
"""Time before the end at which a certificate is made anew."""
_SKEW: Final = timedelta(days=1)
LOCAL_NAMES: Final = ("localhost", "127.0.0.1", "::1")

Clock = Callable[[], datetime]


def _now() -> datetime:
    return datetime.now(UTC)  # noqa: TID251 - the clock comes in here


def mkcert_folder(environment: Mapping[str, str]) -> Path | None:
    """Where mkcert keeps its authority, whether there is one or not."""
    if environment.get("CAROOT"):
        return Path(environment["CAROOT"])
    home = environment.get("HOME") or environment.get("USERPROFILE")
    if sys.platform == "darwin":
        return Path(home, "Library", "Application Support", "mkcert") if home else None
    if sys.platform == "win32":
        local = environment.get("LOCALAPPDATA")
        return Path(local, "mkcert") if local else None
    data = environment.get("XDG_DATA_HOME")
    if data:
        return Path(data, "mkcert")
    return Path(home, ".local", "share", "mkcert") if home else None


@value
class Authority:
    """A certificate authority: its certificate's file, and who made it."""

    file: Path
    signer: Any
    is_mkcert: bool

    @property
    def key_id(self) -> bytes:
        """What tells this authority from others."""
        return _key_id(self.signer._certificate, of_issuer=False)  # noqa: SLF001


def load_authority(
    state: Path, environment: Mapping[str, str] | None = None, now: Clock = _now
) -> Authority:
    """Mkcert's authority where it exists, else the one in the state folder, made if need be.

    Raises EnvironmentProblem when the files there cannot be used.
    """
    import trustme

    installed = mkcert_folder(os.environ if environment is None else environment)
    if installed is not None and os.access(installed / "rootCA-key.pem", os.R_OK):
        known = _read_authority(installed)
        if known is not None and known.not_valid_after_utc > now():
            return Authority(installed / "rootCA.pem", _signer(installed), is_mkcert=True)
    folder = state_folder(state) / "ca"
    certificate, key = folder / "rootCA.pem", folder / "rootCA-key.pem"
    if not key.exists():
        folder.mkdir(mode=0o700, exist_ok=True)
        authority = trustme.CA(
            organization_name="edgegw development CA",
            organization_unit_name=f"made {now():%Y-%m-%d} for local use only",
            path_length=0,
        )
        write_private(certificate, authority.cert_pem.bytes())
        write_private(key, authority.private_key_pem.bytes())
    if _read_authority(folder) is None:
        text = (
            f"the certificate authority in {folder} cannot be read: remove the folder, a new one "
            "is made then"
        )
        raise EnvironmentProblem(text)
    return Authority(certificate, _signer(folder), is_mkcert=False)


def _signer(folder: Path) -> Any:
    import trustme

    certificate, key = folder / "rootCA.pem", folder / "rootCA-key.pem"
    return trustme.CA.from_pem(certificate.read_bytes(), key.read_bytes())


def _read_authority(folder: Path) -> Any:
    try:
        return _signer(folder)._certificate  # noqa: SLF001
    except (OSError, ValueError):
        return None


def _key_id(certificate: Any, *, of_issuer: bool) -> bytes:
    from cryptography import x509

    if of_issuer:
        kind = x509.AuthorityKeyIdentifier
        return certificate.extensions.get_extension_for_class(kind).value.key_identifier
    kind = x509.SubjectKeyIdentifier
    return certificate.extensions.get_extension_for_class(kind).value.digest


def is_certifiable(name: str) -> bool:
    """Whether a certificate can be for `name`: an address, or a host name, perhaps with `*.`."""
    import idna

    with contextlib.suppress(ValueError):
        ipaddress.ip_address(name)
        return True
    try:
        idna.encode(name.removeprefix("*."), uts46=True)
    except ValueError:  # of which idna's and UnicodeError are kinds
        return False
    return True


class Certificates:
    """Certificates for the names of front doors, kept in the state folder."""

    def __init__(self, state: str | Path, now: Clock = _now) -> None:
        self._state = Path(state)
        self._now = now
        self._authority: Authority | None = None

    @property
    def authority(self) -> Authority:
        """The authority that signs. Raises EnvironmentProblem."""
        if self._authority is None:
            self._authority = load_authority(self._state, now=self._now)
        return self._authority

    def file(self, names: Sequence[str]) -> Path:
        """A PEM file with private key and certificate for `names`, made or renewed if need be.

        Names that no certificate can have are left out.
        """
        names = [name for name in names if is_certifiable(name)] or LOCAL_NAMES
        folder = state_folder(self._state) / "certificates"
        folder.mkdir(mode=0o700, exist_ok=True)
        file = folder / f"{re.sub(r'[^A-Za-z0-9.-]', '_', names[0])}.pem"
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
            and _key_id(certificate, of_issuer=True) == self.authority.key_id
        )


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
        self._passing: dict[Path, tuple[int, Any]] = {}
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
        cast("Any", self.context).sni_callback = self._choose

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

    def _choose(self, sslobj: ssl.SSLObject, name: str | None, _: ssl.SSLContext) -> int | None:
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

    def passing(self, name: str | None) -> Any:
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
        names = [name for name in self._aliases() if name not in self._local]
        file = str(self._certificates.file(("quic.localhost", *self._local, *names)))
        return file, file


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
