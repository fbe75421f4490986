"""Shards of an audit run where their control hosts keep the configuration: their questions have the same names."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from checks.host import packages
from dlws.config.cluster import load
from dlws.facts import kube_host
from dlws.verdict import Unknown
from tests.kits.config_example import no_dns, write
from tests.kits.scripted import Scripted, change_on

KEY = "  kubernetes:\n    apt_source: deb http://mirror ./\n    apt_key: kube.asc\n"


class Asked:
    """Notes the questions, and answers none."""

    def __init__(self) -> None:
        self.questions: list[str] = []

    def take(self, question: str, find: Callable[[], Any]) -> Any:
        self.questions.append(question)
        raise Unknown(question)


def questions(folder: Path) -> list[str]:
    folder.mkdir()
    cluster = load(write(folder, ("  kubernetes:\n", KEY)), resolve=no_dns)
    notes: Any = Asked()
    with pytest.raises(Unknown):
        kube_host.pod_network_of(cluster, notes)
    source = cluster.kubernetes_source
    assert source is not None
    host, _ = change_on(Scripted("atlas01", {"": (0, source.text, "")}))
    with pytest.raises(Unknown):
        packages._expect_source(source, host, notes)
    return list(notes.questions)


def test_where_the_configuration_lies_is_in_no_question(tmp_path: Path) -> None:
    here, there = questions(tmp_path / "operator"), questions(tmp_path / "pod")
    assert here == there
    assert len(here) == 2
