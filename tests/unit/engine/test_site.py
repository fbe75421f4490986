"""The site of a run, asked by the stages of several hosts at the same time."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from dlws.config.cluster import load
from dlws.engine import site as site_module
from tests.kits.config_example import no_dns, write
from tests.kits.platform import site_of


def test_threads_share_one_client_of_the_api(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def slow(*_: Any) -> object:
        time.sleep(0.05)  # once: long enough for all four threads to ask meanwhile
        return object()

    monkeypatch.setattr(site_module, "ApiServer", slow)
    site = site_of(load(write(tmp_path), resolve=no_dns), None, tmp_path)
    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(lambda _: site.kube, range(4)))
    assert len({id(kube) for kube in made}) == 1
