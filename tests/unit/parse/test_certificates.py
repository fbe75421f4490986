"""Certificates and kubeconfigs: what is read of them, and that a torn one is no certificate."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ed448, ed25519, rsa

from dlws.parse.kubernetes import certificates, kubeconfig
from dlws.verdict import Unparsable
from tests.kits.api import NAME, Authority, admin_conf

OURS, OTHER = Authority(), Authority()
CERTIFICATE, KEY = OURS.issue("kube-apiserver", NAME, "kubernetes.default")


def test_a_certificate_says_who_it_is() -> None:
    found = certificates.one(CERTIFICATE.decode())
    assert (found.subject, found.is_ca) == ("CN=kube-apiserver", False)
    assert found.names == {NAME, "kubernetes.default"}
    assert (found.not_after - found.not_before).total_seconds() == 25 * 3600
    assert (found.bits, found.is_rsa, found.hash) == (256, False, "sha256")


def test_a_signature_is_verified_not_believed() -> None:
    found = certificates.one(CERTIFICATE.decode())
    ours, other = (certificates.one(authority.pem.decode()) for authority in (OURS, OTHER))
    assert [found.is_signed_by(ours), found.is_signed_by(other), ours.is_ca] == [True, False, True]
    assert ours.sha256 != other.sha256


def test_a_chain_is_read_leaf_first_whatever_stands_around() -> None:
    text = f"CONNECTED(00000003)\n{CERTIFICATE.decode()}---\n{OURS.pem.decode()}"
    assert [c.subject for c in certificates.parse(text)] == ["CN=kube-apiserver", "CN=kubernetes"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "cat: ca.crt: No such file or directory",
        CERTIFICATE.decode()[:-30],
        CERTIFICATE.decode() + CERTIFICATE.decode()[:200],
        "-----BEGIN CERTIFICATE-----\nTm90IG9uZQ==\n-----END CERTIFICATE-----",
    ],
)
def test_a_torn_certificate_is_none(text: str) -> None:
    with pytest.raises(Unparsable):
        certificates.parse(text)


def test_a_key_of_ed25519_is_read() -> None:
    found = certificates.one(self_signed(ed25519.Ed25519PrivateKey.generate()))
    assert (found.bits, found.is_rsa, found.hash) == (256, False, "sha512")
    assert found.is_signed_by(found)


def self_signed(key: rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey | ed448.Ed448PrivateKey, name: str = "CN=x") -> str:
    subject, now = x509.Name.from_rfc4514_string(name), datetime.now(UTC)
    builder = x509.CertificateBuilder(subject, subject, key.public_key(), 1, now, now + timedelta(days=1))
    hash = hashes.SHA512() if isinstance(key, rsa.RSAPrivateKey) else None
    return builder.sign(key, hash).public_bytes(serialization.Encoding.PEM).decode()


def test_a_certificate_that_says_nothing_of_itself_is_no_ca() -> None:
    found = certificates.one(self_signed(rsa.generate_private_key(65537, 2048)))
    assert (found.is_ca, found.names, found.bits, found.is_rsa, found.hash) == (
        False,
        frozenset(),
        2048,
        True,
        "sha512",
    )


def test_a_key_of_another_type_is_unknown() -> None:
    with pytest.raises(Unparsable, match="a key of an unsupported type"):
        certificates.one(self_signed(ed448.Ed448PrivateKey.generate()))


def test_a_certificate_of_another_issuer_is_not_signed_by_it() -> None:
    other = certificates.one(self_signed(rsa.generate_private_key(65537, 2048), "CN=another"))
    assert certificates.one(CERTIFICATE.decode()).is_signed_by(other) is False


EC, UNHEARD_OF = bytes.fromhex("06072a8648ce3d0201"), bytes.fromhex("06072a8648ce3d7f01")
"""The object identifier of EC keys, and one of none."""


def pem(label: str, der: bytes) -> str:
    return f"-----BEGIN {label}-----\n{base64.encodebytes(der).decode()}-----END {label}-----\n"


def test_a_key_of_a_type_that_is_unheard_of_is_unknown() -> None:
    der = base64.b64decode("".join(CERTIFICATE.decode().splitlines()[1:-1])).replace(EC, UNHEARD_OF)
    with pytest.raises(Unparsable, match="a certificate that cannot be read"):
        certificates.one(pem("CERTIFICATE", der))
    der = certificates.one(CERTIFICATE.decode()).public_key.replace(EC, UNHEARD_OF)
    with pytest.raises(Unparsable, match="no public key in"):
        certificates.public_key_of_pem(pem("PUBLIC KEY", der), "sa.pub")


def test_a_pem_file_holds_a_public_key() -> None:
    own = certificates.one(CERTIFICATE.decode()).public_key
    assert certificates.public_key_of_pem(pem("PUBLIC KEY", own), "sa.pub") == own
    with pytest.raises(Unparsable, match=r"no public key in: 'cat: sa\.pub: Permission denied'"):
        certificates.public_key_of_pem("cat: sa.pub: Permission denied\nx", "sa.pub")


@pytest.mark.parametrize("line", ["ssh-rsa AAAA x", "ssh-ed25519 %%%%", "ssh-unheard-of AAAA", ""])
def test_a_public_key_of_another_form_is_unknown(line: str) -> None:
    with pytest.raises(Unparsable):
        certificates.public_key(line)


def test_a_key_is_compared_by_its_public_half() -> None:
    private = serialization.load_pem_private_key(KEY, None)
    line = private.public_key().public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
    assert certificates.public_key(line.decode()) == certificates.one(CERTIFICATE.decode()).public_key
    with pytest.raises(Unparsable):
        certificates.public_key("Load key: incorrect passphrase")


def test_a_kubeconfig_is_read_whole() -> None:
    found = kubeconfig.parse(admin_conf(6443, OURS.pem, CERTIFICATE, KEY))
    assert (found.name, found.port) == (NAME, 6443)
    assert (found.ca, found.certificate, found.key) == (OURS.pem, CERTIFICATE, KEY)
    assert "PRIVATE" not in repr(found)


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("client-key-data", "client-key", "there is no client-key-data"),
        ("current-context: kubernetes-admin@kubernetes", "current-context: other", "there is no 'other' among its"),
        ("https://", "http://", "the server is not an https URL"),
        (f"https://{NAME}:6443", "https://:6443", "the server is not an https URL"),
        (":6443", ":99999", "not understood"),
        ("contexts:", "contexts: null\nothers:", "not understood"),
        ("apiVersion: v1", "apiVersion: [", "not understood"),
        ("client-key-data: ", "client-key-data: %", "not understood"),
        ("client-key-data: L", "client-key-data: L%", "not understood"),
    ],
)
def test_what_is_missing_is_named_without_the_key(old: str, new: str, why: str) -> None:
    with pytest.raises(Unparsable, match=why) as caught:
        kubeconfig.parse(admin_conf(6443, OURS.pem, CERTIFICATE, KEY).replace(old, new))
    assert "LS0" not in str(caught.value)


def test_a_server_without_a_port_is_at_443() -> None:
    text = admin_conf(6443, OURS.pem, CERTIFICATE, KEY).replace(":6443", "")
    assert kubeconfig.parse(text).port == 443


@pytest.mark.parametrize(
    ("text", "why"),
    [("client-certificate-data: AA%=", "not base64"), ("no-client-certificate-data: QQ==", "no certificate in")],
)
def test_what_is_no_embedded_certificate_is_unknown(text: str, why: str) -> None:
    with pytest.raises(Unparsable, match=why):
        kubeconfig.certificates(text)


def test_embedded_certificates_come_without_the_key() -> None:
    lines = [line for line in admin_conf(1, OURS.pem, CERTIFICATE, KEY).splitlines() if "certificate" in line]
    assert kubeconfig.certificates("\n".join(lines)) == (OURS.pem, CERTIFICATE)
    with pytest.raises(Unparsable, match="no certificate in"):
        kubeconfig.certificates("apiVersion: v1")
