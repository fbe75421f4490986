"""YAML with positions, and less of it than YAML allows."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from dlws.config import document
from dlws.config.cluster import ConfigError, inspect, load
from dlws.config.document import Position
from dlws.config.finding import Finding
from dlws.hostfiles.hosts_file import render
from tests.kits.config_example import example as example_text

REFUSED = [
    (b"on: 1", "1:1: error: on: YAML reads this key as bool, not as text"),
    (b"a: {1: 2}", "1:5: error: a.1: YAML reads this key as int, not as text"),
    (b"? [a]\n: 1", "1:3: error: a key must be plain text"),
    (b"a: 1\nb: 2\na: 3", "3:1: error: a: duplicate key, first written in line 1"),
    (b"a: {b: 1, b: 1}", "1:11: error: a.b: duplicate key, first written in line 1"),
    (b"a: &x 1", "1:4: error: a: a value that begins with & is an anchor"),
    (b"a: &x [1]\nb: *x", "2:4: error: b: a value that begins with * is an alias"),
    (b"<<: {a: 1}", "1:1: error: <<: merge key is not allowed"),
    (b'a: !!python/object/apply:os.system ["x"]', "1:4: error: a: a value that begins with ! has a tag"),
    (b"a: !!str 1", "1:4: error: a: a value that begins with ! has a tag"),
    (b"a: 1\n---\nb: 1", "2:1: error: a second YAML document"),
    (b"- a", "1:1: error: must be a mapping of keys to values, is a list"),
    (b"", "1:1: error: empty"),
    (b"# only a comment\n", "1:1: error: empty"),
    (b"a: [", "1:4: error: not YAML: a [ or { that is not closed, or lacks a comma (close it, "),
    (b"m:\n  a1: {role: worker\n  a2: {role: worker}", "2:7: error: not YAML: a [ or { that is not closed"),
    (b"a: 'x\nb: c", "1:4: error: not YAML: a quote that is not closed (close it on its line)"),
    (b'a: "x" y', "1:8: error: not YAML: text behind a closing quote"),
    (b"a: [x] y", "1:8: error: not YAML: this value begins with a character of YAML's own"),
    (b"a: 1\n\tb: 2", "2:1: error: not YAML: "),
    (b"a: x\nb: \xff", "2:4: error: not UTF-8 text"),
    (b"b: 1\na: \x00", "2:4: error: not YAML: control characters are not allowed (remove them, "),
    (b"a guide\n\nwhat: is: this", "3:5: error: not YAML: "),
    (b"a: " + b"[" * 5000, "1:36: error: a[0][0]: nested more than 32 levels deep"),
    (b"a: " + b"x" * 5000, "1:4: error: a: more than 4096 characters"),
    (b"a: " + b"x" * (1 << 20), "1:1: error: larger than 1 MiB"),
    (b"a: 0x_", "1:4: error: a: looks like a number but is none"),
]


@pytest.mark.parametrize(("content", "line"), REFUSED, ids=[line for _, line in REFUSED])
def test_what_is_no_plain_document_is_refused_with_its_place(content: bytes, line: str) -> None:
    assert f"f:{line}" in "\n".join(map(str, document.read(content, "f").findings))


def test_values_are_plain_and_have_a_place() -> None:
    read = document.read(b"a:\n  b: [x, 1, 1.5, yes, ~, 2020-01-01]\n", "f")
    assert read.findings == []
    assert read.data == {"a": {"b": ["x", 1, 1.5, True, None, "2020-01-01"]}}
    assert read.keys["a", "b"] == Position(2, 3)
    assert read.values["a", "b", 1] == Position(2, 10)


def test_a_missing_value_is_placed_at_the_key_above_it() -> None:
    read = document.read(b"a:\n  b: {c: 1}\n", "f")
    assert read.value_position(("a", "b", "d")) == Position(2, 3)


def test_of_two_equal_keys_the_last_counts_as_for_deploy_py() -> None:
    read = document.read(b"a: {x: 1}\na: {y: 2}\n", "f")
    assert read.data == {"a": {"y": 2}}
    assert [path for path, _ in read.scalars()] == [("a", "y")]


def test_a_byte_order_mark_and_windows_lines_are_fine() -> None:
    assert document.read(b"\xef\xbb\xbfa: 1\r\nb: 2\r\n", "f").data == {"a": 1, "b": 2}


def test_a_flood_of_findings_ends() -> None:
    assert len(document.read(b"a: 1\n" * 9000, "f").findings) == document.MOST_FINDINGS


def judge(folder: Path, content: bytes) -> None:
    """Load must either give a cluster or raise ConfigError, whose every finding has a place."""
    path = folder / "config.yaml"
    path.write_bytes(content)
    found: tuple[Finding, ...] = ()
    try:
        found = load(path, resolve=lambda name: ["192.168.3.99"]).findings
    except ConfigError as error:
        found = error.findings
    assert all(finding.line >= 1 and finding.column >= 1 for finding in found)
    assert all(str(finding).isprintable() for finding in found)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fuzz")


@given(content=st.binary() | st.text().map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_no_bytes_make_it_crash(folder: Path, content: bytes) -> None:
    judge(folder, content)


WORDS = [
    *sorted(set(example_text().replace(":", " ").split())),
    "0x" + "f" * 30,
    ".inf",
    "-.nan",
    "1:30:30",
    "~",
    "true",
    "2020-13-45",
    '"\\uD800"',
    "'a b'",
    '"a\\nb"',
    "*x",
    "&x",
]
TREES = st.recursive(
    st.sampled_from(WORDS),
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda items: f"[{', '.join(items)}]")
        | st.dictionaries(st.sampled_from(WORDS), inner, max_size=4).map(
            lambda items: "{" + ", ".join(f"{key}: {value}" for key, value in items.items()) + "}"
        )
    ),
    max_leaves=12,
)


@settings(max_examples=300)
@given(line=st.integers(0, 69), value=TREES)
@example(line=4, value='[{"a": [1]}]')
def test_no_value_in_any_place_makes_it_crash(folder: Path, line: int, value: str) -> None:
    lines = example_text().splitlines()
    line %= len(lines)
    key = lines[line].split(":")[0]
    judge(folder, "\n".join([*lines[:line], f"{key}: {value}", *lines[line + 1 :]]).encode("utf-8"))


def test_a_thousand_hosts_are_read(tmp_path: Path) -> None:
    machine = (
        "  node{0}:\n    {{role: worker, private-ip: 192.168.{1}.{2}, archtype: arm64, type: npu, vendor: huawei}}\n"
    )
    many = "".join(machine.format(n, 4 + n // 250, 1 + n % 250) for n in range(1000))
    path = tmp_path / "config.yaml"
    path.write_text(example_text().replace("\nonpremise", f"{many}\nonpremise", 1), encoding="utf-8")
    text = render({f"192.168.{4 + n // 250}.{1 + n % 250}": (f"node{n}",) for n in range(1000)})
    (tmp_path / "hosts").write_text(text, encoding="utf-8")
    cluster, found = inspect(path, hosts_path=tmp_path / "hosts")
    assert cluster is not None, found
    assert len(cluster.nodes) == 1004
