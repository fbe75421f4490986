"""YAML from a host or a person: whatever is wrong with it is one kind of error."""

from __future__ import annotations

import pytest
import yaml

from dlws.parse import pasted, plain_yaml
from dlws.parse.kubernetes import kubeconfig, kubelet
from dlws.verdict import Unparsable

BROKEN = [
    *("at: 2027-02-30", "- " * 1000, "a: [", "a: !!python/name:os.system x"),
    *("a: !!timestamp x", "a: !!bool x", 'a: !!int ""', f"a: {'1' * 5000}"),
]


@pytest.mark.parametrize("text", BROKEN)
def test_all_that_cannot_be_read_is_one_kind_of_error(text: str) -> None:
    with pytest.raises(yaml.YAMLError):
        plain_yaml.load(text)
    with pytest.raises(yaml.YAMLError):
        plain_yaml.load_all(f"{text}\n---\nb: 1\n")


def test_documents_are_read_one_after_the_other() -> None:
    assert plain_yaml.load_all("a: 1\n---\n---\n- b\n") == [{"a": 1}, None, ["b"]]
    assert plain_yaml.load_all("", yaml.CSafeLoader) == []


def test_a_key_that_is_there_twice_is_refused_where_that_is_asked() -> None:
    assert plain_yaml.load("{a: 1, a: 2}") == {"a": 2}
    assert plain_yaml.load("[{a: 1}, {a: 2}]", plain_yaml.NoTwins) == [{"a": 1}, {"a": 2}]
    with pytest.raises(yaml.YAMLError, match="a twice"):
        plain_yaml.load("- {a: 1, b: 2, a: 3}", plain_yaml.NoTwins)
    with pytest.raises(yaml.YAMLError, match="unhashable"):
        plain_yaml.load("{[a]: 1}", plain_yaml.NoTwins)


@pytest.mark.parametrize("text", BROKEN)
def test_a_host_s_file_that_cannot_be_read_is_unparsable(text: str) -> None:
    with pytest.raises(Unparsable):
        kubeconfig.parse(text)
    with pytest.raises(Unparsable):
        kubelet.settings(text)
    with pytest.raises(Unparsable):
        pasted.read(text)
