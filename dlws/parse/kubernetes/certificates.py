"""X.509 certificates from PEM text: subject, validity, names, and whether one signed another (checks T..)."""

from __future__ import annotations

import re
import warnings
from dataclasses import dataclass, field
from datetime import datetime

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.utils import CryptographyDeprecationWarning
from cryptography.x509.extensions import ExtensionNotFound

from dlws.parse.text import unparsable

_BLOCK = re.compile(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", re.DOTALL)
_OPEN = "-----BEGIN CERTIFICATE-----"
_NOT_POSITIVE = "Parsed a serial number which wasn't positive"
"""How the library's warning begins. kubeadm's CAs have the serial number 0, which RFC 5280 forbids."""


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


def public_key(line: str, source: str = "ssh-keygen -y") -> bytes:
    """The output of `ssh-keygen -y -f KEY` as SubjectPublicKeyInfo in DER, to compare with a certificate's."""
    try:
        key = serialization.load_ssh_public_key(line.strip().encode())
    except (ValueError, UnsupportedAlgorithm):
        raise unparsable(source, line) from None
    return _der(key)


def _read(block: str, source: str) -> Certificate:
    try:
        # The filter stays: taken away again (catch_warnings), it would be gone for the thread of another host too.
        warnings.filterwarnings("ignore", _NOT_POSITIVE, CryptographyDeprecationWarning)
        certificate = x509.load_pem_x509_certificate(block.encode())
        key = certificate.public_key()
        if not isinstance(key, rsa.RSAPublicKey | ec.EllipticCurvePublicKey):
            raise unparsable(source, type(key).__name__, "a key of an unsupported type")
        hash = certificate.signature_hash_algorithm
        return Certificate(
            subject=certificate.subject.rfc4514_string(),
            not_before=certificate.not_valid_before_utc,
            not_after=certificate.not_valid_after_utc,
            names=_names(certificate),
            is_ca=_is_ca(certificate),
            bits=key.key_size,
            is_rsa=isinstance(key, rsa.RSAPublicKey),
            hash=hash.name if hash else "",
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
