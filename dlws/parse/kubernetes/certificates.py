"""X.509 certificates from PEM text: subject, validity, names, and whether one signed another (checks T..).

Their keys are RSA, of an elliptic curve, or Ed25519, which Kubernetes takes from others (cert-manager from 1.5 on).
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.utils import CryptographyDeprecationWarning
from cryptography.x509.extensions import ExtensionNotFound

from dlws.parse.text import unparsable

_BLOCK = re.compile(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", re.DOTALL)
_OPEN = "-----BEGIN CERTIFICATE-----"
_NOT_POSITIVE = "Parsed a serial number which wasn't positive"
"""How the library's warning begins. kubeadm's CAs have the serial number 0, which RFC 5280 forbids."""

_BITS_OF_ED25519 = 256
_HASH_OF_ED25519 = {x509.SignatureAlgorithmOID.ED25519: "sha512"}
"""The hash within the signature, which names none of its own (RFC 8032, 5.1)."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """One certificate. `names` holds DNS names and addresses; `bits` is the key size (for EC, of the curve)."""

    subject: str
    not_before: datetime
    not_after: datetime
    names: frozenset[str]
    is_ca: bool
    bits: int
    is_rsa: bool
    hash: str
    sha256: str
    public_key: bytes = field(repr=False)
    """SubjectPublicKeyInfo in DER."""
    _x509: x509.Certificate = field(repr=False, compare=False)

    @property
    def common_name(self) -> str:
        """The first common name of its subject; empty where it has none."""
        names = self._x509.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
        return str(names[0].value) if names else ""

    def is_valid_at(self, now: datetime) -> bool:
        """Whether a time lies within its validity."""
        return self.not_before <= now <= self.not_after

    def is_signed_by(self, authority: Certificate) -> bool:
        """Whether that CA's key signed this certificate, and its subject is this one's issuer."""
        try:
            self._x509.verify_directly_issued_by(authority._x509)
        except (ValueError, TypeError, InvalidSignature):
            return False
        return True


def parse(text: str, source: str = "certificate") -> tuple[Certificate, ...]:
    """All certificates in a PEM text; other text is skipped. Raises Unparsable for none, or for a truncated one."""
    blocks = _BLOCK.findall(text)
    if not blocks or len(blocks) != text.count(_OPEN):
        raise unparsable(source, text.strip().partition("\n")[0], "no complete certificate in")
    return tuple(_read(block, source) for block in blocks)


def one(text: str, source: str = "certificate") -> Certificate:
    """The first certificate in a PEM text, which is the leaf of a chain."""
    return parse(text, source)[0]


def covers(names: Collection[str], host: str) -> bool:
    """Whether one of the names is the host's; a `*` stands for its first label."""
    wanted = host.lower()
    return not {wanted, f"*.{wanted.partition('.')[2]}"}.isdisjoint(name.lower() for name in names)


def distrust(chain: Sequence[Certificate], roots: Sequence[Certificate], now: datetime) -> str:
    """Why a client that trusts these roots refuses a chain, leaf first; empty where it takes it. As Go's crypto/x509.

    Not the names: whoever asks knows which he wants (`covers`).
    """
    leaf = chain[0]
    if now > leaf.not_after:
        return f"its certificate ran out on {leaf.not_after:%Y-%m-%d}"
    if now < leaf.not_before:
        return f"its certificate is valid from {leaf.not_before:%Y-%m-%d} on only"
    if _leads_to(chain, [root for root in roots if root.is_valid_at(now)], now):
        return ""
    own = roots_of(chain, roots, now)
    if not own:
        return "its certificate comes from no CA of its caBundle"
    last = max(own, key=lambda root: root.not_after)
    if now > last.not_after:
        return f"its CA in its caBundle ran out on {last.not_after:%Y-%m-%d}"
    return f"its CA in its caBundle is valid from {last.not_before:%Y-%m-%d} on only"


def roots_of(chain: Sequence[Certificate], roots: Sequence[Certificate], now: datetime) -> list[Certificate]:
    """Those of the roots that a chain, leaf first, leads to, whether they are valid or not; none without a chain."""
    return [root for root in roots if chain and _leads_to(chain, [root], now)]


def _leads_to(chain: Sequence[Certificate], roots: Sequence[Certificate], now: datetime) -> bool:
    """Whether signatures lead from the leaf to a root, by way of the others of the chain."""
    reached, ahead = set[str](), [chain[0]]
    while ahead:
        one = ahead.pop()
        if any(one.sha256 == root.sha256 or one.is_signed_by(root) for root in roots):
            return True
        reached.add(one.sha256)
        ahead += [c for c in chain[1:] if c.sha256 not in reached and c.is_valid_at(now) and one.is_signed_by(c)]
    return False


def public_key(line: str, source: str = "ssh-keygen -y") -> bytes:
    """The output of `ssh-keygen -y -f KEY` as SubjectPublicKeyInfo in DER, to compare with a certificate's."""
    try:
        key = serialization.load_ssh_public_key(line.strip().encode())
    except (ValueError, UnsupportedAlgorithm):
        raise unparsable(source, line) from None
    return _der(key)


def public_key_of_pem(text: str, source: str) -> bytes:
    """A PEM file with a public key as SubjectPublicKeyInfo in DER."""
    try:
        return _der(serialization.load_pem_public_key(text.encode()))
    except (ValueError, UnsupportedAlgorithm):
        raise unparsable(source, text.strip().partition("\n")[0], "no public key in") from None


def _read(block: str, source: str) -> Certificate:
    try:
        # The filter stays: taken away again (catch_warnings), it would be gone for the thread of another host too.
        warnings.filterwarnings("ignore", _NOT_POSITIVE, CryptographyDeprecationWarning)
        certificate = x509.load_pem_x509_certificate(block.encode())
        key = certificate.public_key()
        if not isinstance(key, rsa.RSAPublicKey | ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey):
            raise unparsable(source, type(key).__name__, "a key of an unsupported type")
        hash = certificate.signature_hash_algorithm
        return Certificate(
            subject=certificate.subject.rfc4514_string(),
            not_before=certificate.not_valid_before_utc,
            not_after=certificate.not_valid_after_utc,
            names=_names(certificate),
            is_ca=_is_ca(certificate),
            bits=_BITS_OF_ED25519 if isinstance(key, ed25519.Ed25519PublicKey) else key.key_size,
            is_rsa=isinstance(key, rsa.RSAPublicKey),
            hash=hash.name if hash else _HASH_OF_ED25519.get(certificate.signature_algorithm_oid, ""),
            sha256=certificate.fingerprint(hashes.SHA256()).hex(),
            public_key=_der(key),
            _x509=certificate,
        )
    except (ValueError, UnsupportedAlgorithm) as error:
        raise unparsable(source, str(error), "a certificate that cannot be read") from None


def _names(certificate: x509.Certificate) -> frozenset[str]:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except ExtensionNotFound:
        return frozenset()
    addresses = {str(address) for address in names.get_values_for_type(x509.IPAddress)}
    return frozenset(names.get_values_for_type(x509.DNSName)) | addresses


def _is_ca(certificate: x509.Certificate) -> bool:
    try:
        return bool(certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca)
    except ExtensionNotFound:
        return False


def _der(key: object) -> bytes:
    return key.public_bytes(  # type: ignore[attr-defined, no-any-return]
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
