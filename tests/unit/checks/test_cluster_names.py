"""One digest says that a host knows all names of a large cluster; the command that makes it is run by a real shell."""

from __future__ import annotations

import os
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from checks.network import names
from dlws.config.cluster import Cluster, load
from dlws.facts.cluster_names import ASK
from dlws.hostfiles import hosts_file
from dlws.remote.host import Host
from dlws.verdict import Mismatch
from tests.kits.config_example import no_dns, write
from tests.kits.scripted import Scripted

GETENT = """#!/bin/sh
# As glibc's: three lines for each address of a name, status 2 if one is not known.
shift; rc=0
for name; do
    grep -qw "$name" %s || rc=2
    sed -n "s/^\\([0-9.]*\\)\\t.*\\b$name\\b.*/\\1 STREAM canonical\\n\\1 DGRAM\\n\\1 RAW/p" %s
done
exit $rc
"""


@pytest.fixture
def cluster(tmp_path: Path) -> Cluster:
    known = load(write(tmp_path), resolve=no_dns)
    workers = (replace(known.workers[0], name=f"w{n:03}", address=f"10.1.0.{n}") for n in range(40))
    return replace(known, nodes=(known.master, *workers))


TEXT: Any = {"capture_output": True, "text": True, "check": False}


def said(folder: Path, text: str) -> tuple[int, str, str]:
    """What a host with this hosts file answers."""
    file, getent = folder / "hosts", folder / "getent"
    file.write_text(text)
    getent.write_text(GETENT % (file, file))
    getent.chmod(0o755)
    command = ASK.replace("/etc/hosts", str(file))
    ran = subprocess.run(["sh", "-c", command], env={"PATH": f"{folder}:{os.environ['PATH']}"}, **TEXT)
    return ran.returncode, ran.stdout, ran.stderr


def test_one_line_answers_for_all_names(cluster: Cluster, tmp_path: Path) -> None:
    text = hosts_file.LOCALHOST + hosts_file.block(cluster.names_by_address) + "10.9.9.9\telsewhere\n"
    host = Scripted("w000", {ASK: said(tmp_path, text)})
    names.test_every_name_resolves(cluster, Host(host))
    assert host.asked == [ASK]
    assert "w001" not in ASK


def each(cluster: Cluster, **other: str) -> tuple[int, str, str]:
    """The answer to the question for each name; `other` are names that resolve to another address."""
    every = {name: address for address, known in cluster.names_by_address.items() for name in known} | other
    rows = (f"{name} 0 {at} STREAM {name} {at} DGRAM {at} RAW\n" for name, at in every.items())
    return 0, "".join(rows), ""


@pytest.mark.parametrize("wrong", ["no block", "a line before it", "another address"])
def test_each_name_is_asked_for_where_one_is_wrong(cluster: Cluster, tmp_path: Path, wrong: str) -> None:
    block = hosts_file.block(cluster.names_by_address)
    texts = {"no block": "", "a line before it": f"127.0.1.1\tw003\n{block}"}
    text = texts.get(wrong, block.replace("10.1.0.3\t", "127.0.1.1\t"))
    host = Scripted("w000", {ASK: said(tmp_path, text), "for x in": each(cluster, w003="127.0.1.1")})
    with pytest.raises(Mismatch, match=r"w003 -> 127\.0\.1\.1"):
        names.test_every_name_resolves(cluster, Host(host))
    assert len(host.asked) == 2


def test_a_small_cluster_is_asked_as_before(cluster: Cluster) -> None:
    small = replace(cluster, nodes=cluster.nodes[:32])
    host = Scripted("w000", {"for x in": each(small)})
    names.test_every_name_resolves(small, Host(host))
    assert len(host.asked) == 1
