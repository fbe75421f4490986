"""What is wrong with `suite.seeds`: a seed that is no host, a host with two seeds, a seed that has nothing to give."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase
from typing import Final

from dlws.config.document import Document
from dlws.config.finding import Finding, KeyPath, Level
from dlws.config.rules import machines
from dlws.config.validation import nearest

SEEDS: Final[KeyPath] = ("suite", "seeds")
GIVEN: Final = (("suite", "content"), ("suite", "image_archives"), ("suite", "kubernetes", "packages_folder"))
"""What is sent from the control host."""


def matching(pattern: str, names: Iterable[str], seeds: Iterable[str]) -> list[str]:
    """The hosts that a name or pattern of `suite.seeds` means; a pattern means no seed."""
    return [name for name in names if name == pattern or (fnmatchcase(name, pattern) and name not in seeds)]


def seeds(document: Document) -> Iterator[Finding]:
    """Seeds are hosts of the cluster, each other host has one at most, and there is something to be given."""
    names = list({machine.name: None for machine in machines(document)})
    written = document.mapping(*SEEDS)
    owner: dict[str, str] = {}
    for seed, patterns in written.items():
        if seed not in names:
            near = nearest(seed, names)
            fix = f"did you mean {near}?" if near else "a seed is one of machines or scale_up"
            yield document.at_key((*SEEDS, seed), "no such machine in the cluster", fix)
        for at, pattern in enumerate(patterns if isinstance(patterns, list) else ()):
            yield from _given(document, (*SEEDS, seed, at), str(pattern), names, owner)
    port, ssh = document.get("suite", "seed_port"), document.get("suite", "ssh_port")
    if port is not None and port == (22 if ssh is None else ssh):
        yield document.at_value(("suite", "seed_port"), "is the port of sshd", "choose another")
    if written and not any(document.get(*path) for path in GIVEN):
        message = "nothing is sent from the control host, so seeds have nothing to give"
        fix = "set suite.content or suite.image_archives, or remove it"
        yield document.at_key(SEEDS, message, fix, Level.WARNING)


def _given(
    document: Document, path: KeyPath, pattern: str, names: list[str], owner: dict[str, str]
) -> Iterator[Finding]:
    """What is wrong with a name or pattern of a seed; `owner` has the seeds of the hosts so far."""
    seed, every = str(path[-2]), document.mapping(*SEEDS)
    hosts = matching(pattern, names, every)
    if not hosts:
        yield document.at_value(path, "no machine of the cluster has this name", "correct it")
    for host in hosts:
        if host in every:
            yield document.at_value(path, f"{host} is a seed, which is given its files itself", "leave it out")
        elif owner.setdefault(host, seed) != seed:
            yield document.at_value(path, f"{host} is given to the seed {owner[host]} already", "keep one of them")
