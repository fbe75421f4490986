"""No spelling of a secret passes the redactor, and ordinary text does."""

from __future__ import annotations

import base64
import json
import re
import time
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlws.record import redaction, spelling
from dlws.record.redaction import MASK, Redactor
from tests.kits import spellings
from tests.kits.scripted import DATA


@pytest.mark.parametrize("encoder", sorted(spellings.ALL))
@settings(max_examples=20)
@given(secret=spellings.secrets)
def test_what_one_encoder_made_of_a_secret_is_masked(encoder: str, secret: str) -> None:
    redactor, spelt = Redactor([secret]), spellings.spelt(secret, [encoder])
    assert MASK in redactor.text(f"before {spelt} after")
    assert redactor.data(f"a {spelt} b".encode()) == redactor.text(f"a {spelt} b").encode()


@settings(max_examples=300)
@given(spellings.secrets, spellings.chains)
def test_what_encoders_inside_each_other_made_of_it_is_masked(secret: str, chain: list[str]) -> None:
    masked = Redactor([secret]).text(f"before {spellings.spelt(secret, chain)} after")
    assert masked.startswith("before ")
    assert MASK in masked.removesuffix(" after")


def test_json_stays_json() -> None:
    listing = json.dumps({"data": {"config.yaml": json.dumps({"password": 'a"b&c<12345', "port": 3306})}})
    masked = json.loads(json.loads(Redactor(['a"b&c<12345']).text(listing))["data"]["config.yaml"])
    assert masked == {"password": MASK, "port": 3306}


def test_what_tools_print_stays_as_it_is() -> None:
    secrets = ["Hunter2&five<nine>x", "k8s-jwt-Sign!Key", "invented for tests", "p@ss", "dG9rZW46YWJjZA", "密码密码"]
    redactor = Redactor(secrets)
    changed = [path.name for path in DATA.rglob("*.txt") if redactor.data(data := path.read_bytes()) != data]
    assert not changed


UNITS = ["\\", "%25", "&amp;", "\\u00", "\n ", "ab12" * 10, "Zm9v", "\0", "\\x41", "s3cr\\u0065t%2ds3cret"]


@pytest.mark.parametrize("unit", UNITS)
def test_time_grows_with_the_length_of_a_text_alone(unit: str) -> None:
    text = unit.encode() * (300_000 // len(unit))
    began = time.process_time()
    Redactor(["s3cret-s3cret"]).data(text)
    assert time.process_time() - began < 10  # some tenths; a square of the length would be hours


@settings(max_examples=50)
@given(st.text(min_size=4, alphabet=st.characters(codec="utf-8")), st.binary(max_size=5), st.binary(max_size=5))
def test_a_secret_inside_base64_is_masked_at_any_alignment(secret: str, before: bytes, after: bytes) -> None:
    blob = base64.b64encode(before + secret.encode() + after).decode()
    assert MASK in Redactor([secret]).text(blob)


@given(st.text(min_size=4, alphabet=st.characters(codec="utf-8")), st.text(), st.text())
def test_a_secret_is_masked_wherever_it_stands(secret: str, before: str, after: str) -> None:
    if secret not in before + "***" + after:
        assert secret not in Redactor([secret]).text(f"{before}\n{secret}\n{after}").replace("***", "\0")


def test_the_longest_secret_wins() -> None:
    assert Redactor(["hunter2", "hunter2-extra"]).text("hunter2-extra hunter2") == "*** ***"


def test_short_and_empty_secrets_leave_ordinary_text_alone() -> None:
    redactor = Redactor(["", "  ", "ab"])
    assert redactor.text("about ab, cab") == "about ***, cab"
    assert Redactor([]).text("nothing to hide") == "nothing to hide"


def test_lines_of_a_private_key_are_masked_one_by_one() -> None:
    key = "-----BEGIN KEY-----\nAAAABBBBCCCCDDDDEEEE\nFFFFGGGGHHHHIIIIJJJJ\n-----END KEY-----\n"
    assert Redactor([key]).text("  FFFFGGGGHHHHIIIIJJJJ") == "  ***"


def test_what_hosts_say_alike_is_looked_through_once(monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[bytes] = []
    monkeypatch.setattr(redaction, "places", lambda value, find: looked.append(value) or [])
    redactor, large = Redactor(["invented-one"]), b"a log that many hosts have " * 10_000
    for _ in range(100):
        assert [redactor.data(b"said by each"), redactor.data(large)] == [b"said by each", large]
    assert looked == [b"said by each", large]


def test_of_texts_without_a_secret_no_more_than_digests_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redaction, "REMEMBERED", 8)
    redactor, said = Redactor(["invented-one"]), [b"%d of much that a host said " % n * 1000 for n in range(20)]
    tracemalloc.start()
    for text in said:
        redactor.data(text)
    assert tracemalloc.get_traced_memory()[0] < len(said[0])
    tracemalloc.stop()


def test_a_log_without_escapes_is_searched_for_ends_of_lines_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    searched: list[str] = []

    def noted(name: str, row: tuple[re.Pattern[bytes], Any, Any]) -> tuple[Any, Any, Any]:
        pattern, meaning, begins = row
        found = SimpleNamespace(sub=lambda new, text: searched.append(name) or pattern.sub(new, text))
        return found, meaning, begins

    rows = zip(("control", "escape"), spelling._TAKEN_BACK, strict=True)
    monkeypatch.setattr(spelling, "_TAKEN_BACK", [noted(*row) for row in rows])
    assert spelling.normal(b"kernel: eth0 is up\nkernel: sda\n") == b"kernel:+eth0+is+upkernel:+sda"
    assert searched == ["control"]


def test_a_remembered_text_is_masked_once_its_secret_is_known() -> None:
    redactor = Redactor([])
    assert redactor.text("join with tok-en and ab") == "join with tok-en and ab"
    redactor.learn("tok-en")
    redactor.learn("ab")
    assert redactor.text("join with tok-en and ab") == "join with *** and ***"


def test_of_secrets_that_threads_learn_at_a_time_none_is_lost() -> None:
    redactor, secrets = Redactor([]), [f"token-{number:04}-{'x' * number}" for number in range(200)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(redactor.learn, secrets))
    assert [redactor.text(secret) for secret in secrets] == [MASK] * len(secrets)
