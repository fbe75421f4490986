"""Which test reports that a host is lost, where many of them find it at the same time."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from threading import Barrier

from dlws.record.whole_file import create

THREADS, ROUNDS = 8, 100


def claim(start: Barrier, file: Path, name: str) -> str:
    """The name of the one that was first, as `Site.first_to_lose` finds it out."""
    start.wait()
    try:
        create(file, name, made_in=file.parent.parent)
    except FileExistsError:
        return file.read_text("utf-8")
    return name


def test_all_threads_hear_of_the_same_one(tmp_path: Path) -> None:
    start, folder = Barrier(THREADS), tmp_path / "lost"
    folder.mkdir()
    with ThreadPoolExecutor(THREADS) as pool:
        for number in range(ROUNDS):
            heard = Counter(pool.map(partial(claim, start, folder / str(number)), map(str, range(THREADS))))
            assert len(heard) == 1
    assert len(list(folder.iterdir())) == ROUNDS
    assert list(tmp_path.iterdir()) == [folder]
