"""HTTPS on a field LAN without the internet: an authority of this installation's own, and a certificate by it.

The authority is made once and kept in the data folder; phones trust it by hand (docs/operations.md). It can vouch for
private addresses and local names only, so that whoever steals it cannot pretend to be a bank. The server's certificate
is made anew when the machine's addresses change or when it grows old.
"""

from __future__ import annotations

import fcntl
import os
import re
import socket
import struct
import tempfile
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

Ip = IPv4Address | IPv6Address

AUTHORITY_LASTS: Final = timedelta(days=3652)
SERVER_LASTS: Final = timedelta(days=365)  # phones refuse more than 825 days
RENEWED_BEFORE: Final = timedelta(days=60)
CLOCKS_DIFFER: Final = timedelta(days=1)  # a phone's may be late

PRIVATE: Final[tuple[IPv4Network | IPv6Network, ...]] = tuple(
    ip_network(network)
    for network in (
        "10.0.0.0/8",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "169.254.0.0/16",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "fc00::/7",
        "fe80::/10",
        "::1/128",
    )
)
LOCAL_NAMES: Final = ("localhost", "local", "lan", "home.arpa", "internal")
SIOCGIFADDR: Final = 0x8915


@dataclass(frozen=True)
class Certificates:
    """Where they are kept. Every file can be read by its owner only."""

    folder: Path

    @property
    def authority(self) -> Path:
        return self.folder / "authority.pem"

    @property
    def authority_key(self) -> Path:
        return self.folder / "authority-key.pem"

    @property
    def server(self) -> Path:
        return self.folder / "server.pem"

    @property
    def server_key(self) -> Path:
        return self.folder / "server-key.pem"


def certificates(data_dir: Path) -> Certificates:
    """Those of an installation."""
    return Certificates(data_dir / "tls")


def addresses() -> list[Ip]:
    """The private addresses of this machine's network cards, those by which others reach it first."""
    found: set[Ip] = set()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        for _number, card in socket.if_nameindex():
            try:
                answer = fcntl.ioctl(asking, SIOCGIFADDR, struct.pack("256s", card.encode()[:15]))
            except OSError:  # a card without an address
                continue
            found.add(IPv4Address(answer[20:24]))
    try:
        lines = Path("/proc/net/if_inet6").read_text().splitlines()
    except FileNotFoundError:
        lines = []
    found.update(IPv6Address(bytes.fromhex(line.split()[0])) for line in lines)
    private = [one for one in found if is_private(one)]
    # Link-local ones last: a phone needs to know the card besides.
    return sorted(private, key=lambda one: (one.is_loopback, one.is_link_local, one.version, int(one)))


def is_private(address: Ip) -> bool:
    """Whether the authority may vouch for it."""
    return any(address in network for network in PRIVATE if network.version == address.version)


def names() -> list[str]:
    """The names by which this machine answers on a local network."""
    host = socket.gethostname().split(".")[0].lower()
    return (
        [f"{host}.local", "localhost"] if re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", host) else ["localhost"]
    )


def ensure(data_dir: Path, *, hosts: list[str], at: datetime) -> Certificates:
    """The certificates for these addresses and names, made or renewed where needed.

    An authority stays the same until it grows old: each new one would have to be trusted by every phone again.
    """
    files = certificates(data_dir)
    files.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    files.folder.chmod(0o700)
    authority, key = _authority(files, at)
    if not _is_good(files, authority, hosts, at):
        _make_server(files, authority, key, hosts, at)
    return files


def fingerprint(files: Certificates) -> str:
    """The authority's SHA-256, as phones and browsers show it."""
    return ":".join(f"{byte:02X}" for byte in _load(files.authority).fingerprint(hashes.SHA256()))


def authority_der(files: Certificates) -> bytes:
    """The authority's certificate in the form that every system opens."""
    return _load(files.authority).public_bytes(serialization.Encoding.DER)


def hosts_of(files: Certificates) -> list[str]:
    """The addresses and names that the server's certificate is for."""
    names = _load(files.server).extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return [str(name.value) for name in names]


def _authority(files: Certificates, at: datetime) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    try:
        found, key = _load(files.authority), _load_key(files.authority_key)
        if found.public_key() == key.public_key() and found.not_valid_after_utc - at > SERVER_LASTS:
            return found, key
    except (OSError, ValueError):  # none yet, or one that a full disk has cut short
        pass
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Spremnost"),
            x509.NameAttribute(NameOID.COMMON_NAME, f"Spremnost {socket.gethostname()[:32]} {at:%Y-%m-%d}"),
        ]
    )
    permitted: list[x509.GeneralName] = [x509.IPAddress(network) for network in PRIVATE]
    permitted += [x509.DNSName(local) for local in LOCAL_NAMES]
    made = (
        _certificate(name, name, key, at, AUTHORITY_LASTS)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.NameConstraints(permitted, None), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    _keep(files.authority_key, _key_bytes(key))
    _keep(files.authority, made.public_bytes(serialization.Encoding.PEM))
    return made, key


def _is_good(files: Certificates, authority: x509.Certificate, hosts: list[str], at: datetime) -> bool:
    try:
        found, key = _load(files.server), _load_key(files.server_key)
        found.verify_directly_issued_by(authority)
    except (OSError, ValueError, TypeError, InvalidSignature):
        return False
    return (
        found.public_key() == key.public_key()
        and found.not_valid_before_utc <= at <= found.not_valid_after_utc - RENEWED_BEFORE
        and set(hosts) <= set(hosts_of(files))
    )


def _make_server(
    files: Certificates,
    authority: x509.Certificate,
    authority_key: ec.EllipticCurvePrivateKey,
    hosts: list[str],
    at: datetime,
) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Spremnost")])
    made = (
        _certificate(name, authority.subject, key, at, SERVER_LASTS)
        .add_extension(x509.SubjectAlternativeName([_general_name(host) for host in hosts]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(
                authority.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
            ),
            critical=False,
        )
        .sign(authority_key, hashes.SHA256())
    )
    _keep(files.server_key, _key_bytes(key))
    _keep(files.server, made.public_bytes(serialization.Encoding.PEM))


def _certificate(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, at: datetime, lasts: timedelta
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(at - CLOCKS_DIFFER)
        .not_valid_after(at + lasts)
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _load(path: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate(path.read_bytes())


def _load_key(path: Path) -> ec.EllipticCurvePrivateKey:
    key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise ValueError(path)
    return key


def _key_bytes(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _keep(path: Path, content: bytes) -> None:
    descriptor, draft = tempfile.mkstemp(dir=path.parent, suffix=".unfinished")  # 0600 from the first moment
    try:
        with open(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(draft, path)
    finally:
        Path(draft).unlink(missing_ok=True)
