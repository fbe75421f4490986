"""Nested mappings: what replaces what."""

from __future__ import annotations

from dlws.parse.mappings import merged


def test_mappings_are_merged_and_all_else_is_replaced() -> None:
    base = {"both": {"a": 1, "b": 2}, "flat": 1, "deep": {"a": 1}, "kept": 0}
    assert merged(base, {"both": {"b": 3}, "flat": {"c": 4}, "deep": [5]}) == {
        "both": {"a": 1, "b": 3},
        "flat": {"c": 4},
        "deep": [5],
        "kept": 0,
    }


def test_the_base_stays_as_it_was() -> None:
    base = {"a": {"b": 1}}
    merged(base, {"a": {"b": 2}})
    assert base == {"a": {"b": 1}}
