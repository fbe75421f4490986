"""Access control lists."""

from __future__ import annotations

import pytest

from dlws.parse.host import acl
from dlws.verdict import Unparsable

LIST = "user::rw-\nuser:ops:rw-\nuser:mon:r--\ngroup::rw-\ngroup:docker:rw-\ngroup:dev:-w-\nmask::{}\nother::---\n"


def test_those_who_write_beside_root_and_docker() -> None:
    assert acl.others_who_write(LIST.format("rw-")) == ["user:ops:rw-", "group:dev:-w-"]


def test_root_and_docker_write_anyway() -> None:
    assert acl.others_who_write("user:root:rw-\ngroup:root:rw-\ngroup:docker:rw-\n") == []
    assert acl.others_who_write("user:docker:rw-\ngroup:wheel:rw-\n") == ["user:docker:rw-", "group:wheel:rw-"]


def test_a_mask_takes_it_away() -> None:
    assert acl.others_who_write(LIST.format("r--")) == []


@pytest.mark.parametrize(
    "text", ["", "\n", "user::rw-\nuser:ops\n", "user:ops:rw-\t#effective:r--\n", "getfacl: Operation not supported\n"]
)
def test_what_is_not_understood(text: str) -> None:
    with pytest.raises(Unparsable, match="getfacl"):
        acl.others_who_write(text)
