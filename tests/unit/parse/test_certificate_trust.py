"""Whether a client that trusts some roots takes a chain of certificates, and why not: as Go's crypto/x509."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from dlws.parse.kubernetes import certificates
from dlws.parse.kubernetes.certificates import Certificate

NOW = datetime(2026, 11, 1, tzinfo=UTC)
SECOND, YEAR = timedelta(seconds=1), timedelta(days=365)


@dataclass(frozen=True)
class Holder:
    """Who has a certificate and its key, and can issue others."""

    own: Certificate
    key: ec.EllipticCurvePrivateKey

    def issued(
        self,
        name: str,
        begin: datetime = NOW - YEAR,
        end: datetime = NOW + YEAR,
        key: ec.EllipticCurvePrivateKey | None = None,
    ) -> Holder:
        """Another one, by this one; with a key of its own if none is given."""
        return _issued(name, self.own.subject, self.key, key or _key(), (begin, end))


def root(
    name: str = "CN=ca",
    begin: datetime = NOW - YEAR,
    end: datetime = NOW + YEAR,
    key: ec.EllipticCurvePrivateKey | None = None,
) -> Holder:
    """One who has issued his certificate himself."""
    own = key or _key()
    return _issued(name, name, own, own, (begin, end))


def _issued(
    name: str,
    issuer: str,
    by: ec.EllipticCurvePrivateKey,
    key: ec.EllipticCurvePrivateKey,
    life: tuple[datetime, datetime],
) -> Holder:
    its, other = map(x509.Name.from_rfc4514_string, (name, issuer))
    builder = x509.CertificateBuilder(other, its, key.public_key(), x509.random_serial_number(), *life)
    pem = builder.sign(by, hashes.SHA256()).public_bytes(Encoding.PEM)
    return Holder(certificates.one(pem.decode()), key)


def _key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


CA, OTHER = root(), root("CN=other")
ENDED, FUTURE = root(end=NOW - 2 * SECOND), root(begin=NOW + timedelta(days=3))
BEFORE = root(end=NOW - timedelta(days=9), key=ENDED.key)
LEAF = CA.issued("CN=leaf")
MIDDLE = CA.issued("CN=middle")
BELOW = MIDDLE.issued("CN=leaf")


def distrust(chain: list[Holder], roots: list[Holder]) -> str:
    return certificates.distrust([one.own for one in chain], [one.own for one in roots], NOW)


@pytest.mark.parametrize(
    ("chain", "roots"),
    [
        ([LEAF], [CA]),
        ([LEAF], [OTHER, CA]),
        ([LEAF], [LEAF]),
        ([BELOW, MIDDLE], [CA]),
        ([BELOW, OTHER, MIDDLE], [CA]),
        ([BELOW, MIDDLE.issued("CN=lower"), MIDDLE], [CA]),
        ([CA.issued("CN=leaf", begin=NOW, end=NOW)], [CA]),
    ],
)
def test_a_chain_that_leads_to_a_root_is_taken(chain: list[Holder], roots: list[Holder]) -> None:
    assert distrust(chain, roots) == ""


@pytest.mark.parametrize(
    ("chain", "roots", "why"),
    [
        ([CA.issued("CN=leaf", end=NOW - SECOND)], [CA], "its certificate ran out on 2026-10-31"),
        ([CA.issued("CN=leaf", begin=NOW + SECOND)], [CA], "its certificate is valid from 2026-11-01 on only"),
        ([LEAF], [OTHER], "its certificate comes from no CA of its caBundle"),
        ([LEAF], [root()], "its certificate comes from no CA of its caBundle"),
        ([BELOW], [CA], "its certificate comes from no CA of its caBundle"),
        ([LEAF, MIDDLE], [MIDDLE], "its certificate comes from no CA of its caBundle"),
        ([ENDED.issued("CN=leaf")], [ENDED], "its CA in its caBundle ran out on 2026-10-31"),
        ([ENDED.issued("CN=leaf")], [ENDED, OTHER], "its CA in its caBundle ran out on 2026-10-31"),
        ([ENDED.issued("CN=leaf")], [ENDED, BEFORE], "its CA in its caBundle ran out on 2026-10-31"),
        ([FUTURE.issued("CN=leaf")], [OTHER, FUTURE], "its CA in its caBundle is valid from 2026-11-04 on only"),
    ],
)
def test_what_is_wrong_with_a_chain_is_said(chain: list[Holder], roots: list[Holder], why: str) -> None:
    assert distrust(chain, roots) == why


def test_a_ca_of_the_chain_that_has_run_out_leads_nowhere() -> None:
    middle = CA.issued("CN=middle", end=NOW - SECOND)
    assert distrust([middle.issued("CN=leaf"), middle], [CA]) == "its certificate comes from no CA of its caBundle"


def test_two_that_vouch_for_each_other_lead_nowhere() -> None:
    one = root("CN=one")
    two = one.issued("CN=two")
    again = two.issued("CN=one", key=one.key)
    chain = [one.issued("CN=leaf"), again, two]
    assert distrust(chain, [CA]) == "its certificate comes from no CA of its caBundle"
    assert distrust(chain, [one]) == ""


def test_a_root_that_has_run_out_is_still_that_of_its_chain() -> None:
    leaf = ENDED.issued("CN=leaf").own
    assert certificates.roots_of([leaf], [OTHER.own, ENDED.own, BEFORE.own], NOW) == [ENDED.own, BEFORE.own]
    assert certificates.roots_of([], [CA.own], NOW) == []


@pytest.mark.parametrize(
    ("names", "host", "covered"),
    [
        (["a.example.com"], "a.example.com", True),
        (["A.Example.com"], "a.example.COM", True),
        (["*.Example.com"], "a.example.com", True),
        (["*.example.com"], "a.b.example.com", False),
        (["*.example.com"], "example.com", False),
        (["b.example.com", "a.example.com"], "a.example.com", True),
        ([], "a.example.com", False),
    ],
)
def test_a_star_stands_for_the_first_label(names: list[str], host: str, covered: bool) -> None:
    assert certificates.covers(names, host) is covered


def test_a_common_name_is_one_part_of_the_subject() -> None:
    assert [one.own.common_name for one in (LEAF, root("O=nobody"))] == ["leaf", ""]


@pytest.mark.parametrize(("begin", "end", "valid"), [(0, 0, True), (-1, 1, True), (1, 2, False), (-2, -1, False)])
def test_a_certificate_is_valid_from_its_first_second_to_its_last(begin: int, end: int, valid: bool) -> None:
    assert CA.issued("CN=x", NOW + begin * SECOND, NOW + end * SECOND).own.is_valid_at(NOW) is valid
