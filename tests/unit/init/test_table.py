"""CSV tables of hosts: hostile ones give errors with their lines, or the right hosts."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlws.config.cluster import load
from dlws.init import table
from dlws.init.listing import Listed
from dlws.inventory import Arch, Device, Role
from tests.kits.config_example import no_dns, write

HEAD = "name,private-ip,role,archtype,type,devices\n"
PLAIN = HEAD + "atlas01,192.168.3.2,infrastructure,arm64,npu,8\natlas02,192.168.3.6,worker,arm64,npu,\n"
HOSTS = [
    Listed("192.168.3.2", "hosts.csv:2", "atlas01", Role.INFRASTRUCTURE, Arch.ARM64, Device.NPU, device_count=8),
    Listed("192.168.3.6", "hosts.csv:3", "atlas02", Role.WORKER, Arch.ARM64, Device.NPU),
]
KEY = "SHA256:" + "A" * 43


def read(text: str | bytes) -> table.Table:
    return table.read(text if isinstance(text, bytes) else text.encode(), "hosts.csv")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "gbk"])
@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_whatever_saved_the_table_its_hosts_are_the_same(encoding: str, ending: str, separator: str) -> None:
    text = PLAIN.replace(",", separator).replace("\n", ending)
    found = read((text + f"# 机房三{ending}").encode(encoding))
    assert (found.hosts, found.findings) == (HOSTS, [])


def test_quotes_blanks_and_empty_rows_are_a_spreadsheets_own() -> None:
    text = '"name" , "IP",ROLE,Arch,type,devices\n,,,,,\n\n "atlas01"'.replace(' "', '"').replace('" ', '"')
    rows = (
        '\n atlas01 ,\u00a0192.168.3.2\u3000,Infrastructure,ARM64,"npu",8\n"atlas02",192.168.3.6,worker,arm64,npu,""\n'
    )
    found = read(text.rpartition("\n")[0] + rows)
    assert [(h.name, h.address, h.role) for h in found.hosts] == [(h.name, h.address, h.role) for h in HOSTS]


def test_a_password_keeps_its_blanks() -> None:
    assert read("name,IP,password\n a1 , 192.168.3.2 , p w \n").password == " p w "


@pytest.mark.parametrize(
    ("text", "place", "message"),
    [
        (HEAD + "=cmd|'/C calc'!A0,192.168.3.2,worker,arm64,npu,8\n", (2, 1), "is no host name"),
        (HEAD + 'a,"=HYPERLINK(""http://x"")",worker,arm64,npu,8\n', (2, 2), "is no IPv4 address"),
        (HEAD + "a,192.168.3.2,worker,arm64,npu,-8\n", (2, 6), "is no number of devices"),
        (HEAD + "a,192.168.3.2,worker,arm64,npu,8.0\n", (2, 6), "is no number of devices"),
        (HEAD + "A1,192.168.3.2,worker,arm64,npu,8\n", (2, 1), "is no host name"),
        (HEAD + "a\u200b,192.168.3.2,worker,arm64,npu,8\n", (2, 1), r"\u200b"),
        (HEAD + "a,１９２.168.3.2,worker,arm64,npu,8\n", (2, 2), "is no IPv4 address"),
        (HEAD + "a,192.168.3.2,boss,arm64,npu,8\n", (2, 3), "must be one of infrastructure, worker"),
        (HEAD + "a,192.168.3.2,worker,x86_64,npu,8\n", (2, 4), "must be one of amd64, arm64"),
        (HEAD + "a,,worker,arm64,npu,8\n", (2, 2), "is empty"),
        (HEAD + "a,192.168.3.2,worker,arm64,npu,8\nb,192.168.3.2,worker,arm64,npu,8\n", (3, 2), "is in line 2 already"),
        (
            HEAD + "a,192.168.3.2,worker,arm64,npu,8\n\na,192.168.3.3,worker,arm64,npu,8\n",
            (4, 1),
            "is in line 2 already",
        ),
        (HEAD + "a,192.168.3.2,infrastructure,,,\nb,192.168.3.3,infrastructure,,,\n", (3, 1), "line 2 has one already"),
        (HEAD + "a,192.168.3.2,worker,arm64,npu,8,surplus\n", (2, 7), "7 cells under 6 titles"),
        (HEAD + 'a,"192.168.3.2,worker,arm64,npu,8\n', (2, 1), "no CSV"),
        (HEAD + "localhost,192.168.3.2,worker,arm64,npu,8\n", (2, 1), "every host's own name"),
        (HEAD + "a,192.168.3.2-4,worker,arm64,npu,8\n", (2, 1), "a range of addresses with one name"),
        ("IP,type,vendor\n192.168.3.2,npu,nvidia\n", (2, 3), "nvidia does not go with type npu"),
        ("IP,host_key\n192.168.3.2,MD5:aa\n", (2, 2), "is no SHA256 fingerprint"),
        (f"IP,host_key\n192.168.3.2,{KEY}\n192.168.3.3,{KEY}\n", (3, 2), "is in line 2 already"),
        ("IP,archtyp\n192.168.3.2,arm64\n", (1, 2), "unknown column"),
        ("IP,private-ip\n192.168.3.2,192.168.3.2\n", (1, 2), "a second column of this kind"),
        ("name;role\nx;worker\n", (1, 1), "no column private-ip"),
        ("IP\n", (1, 1), "no host"),
        ("", (1, 1), "no column private-ip"),
        ("IP\n192.168.3.2\0\n", (2, 1), "not text"),
        ("IP\n" * 400_000, (1, 1), "larger than 1 MiB"),
        (b"IP,name\n192.168.3.2,\xff\xff\n", (1, 1), "neither UTF-8 nor GBK"),
    ],
)
def test_a_wrong_cell_is_an_error_at_its_place(text: str | bytes, place: tuple[int, int], message: str) -> None:
    found = read(text)
    assert [(f.line, f.column) for f in found.findings] == [place], found.findings
    assert message in found.findings[0].message
    assert found.findings[0].fix
    assert found.hosts == []


def test_every_wrong_line_is_told_at_once() -> None:
    rows = "".join(f"host{n},{'192.168.3.' if n % 2 else '192.168.300.'}{n},worker,arm64,npu,8\n" for n in range(200))
    assert [f.line for f in read(HEAD + rows).findings] == list(range(2, 202, 2))


def test_two_hundred_rows_are_two_hundred_hosts() -> None:
    rows = "".join(f"host{n},10.1.{n // 100}.{n % 100 + 1},worker,arm64,npu,8\n" for n in range(200))
    found = read(HEAD + rows)
    assert (len(found.hosts), found.findings) == (200, [])
    assert found.hosts[-1].where == "hosts.csv:201"


def test_other_columns_are_named_and_not_read() -> None:
    found = read("IP,rack,Owner\n192.168.3.2,=1+1,somebody\n")
    assert (found.ignored, found.findings, len(found.hosts)) == (["rack", "Owner"], [], 1)


ASCEND = """\
ascend-deployer inventory,,,,,
group,IP,ansible_ssh_user,ansible_ssh_pass,ansible_ssh_port,set_hostname,npu_num,davinci
master,10.10.10.1,root,right horse,22,node1,8,
worker,10.10.10.1,root,right horse,22,node1,8,
Worker,10.10.10.2-10.10.10.4,root,right horse,22,,8,
npu_node,10.10.10.2,root,right horse,22,,8,
"""


def test_a_table_of_ascend_deployer_is_read() -> None:
    found = read(ASCEND)
    assert found.findings == []
    assert [(h.name, h.address, h.role, h.device_count) for h in found.hosts] == [
        ("node1", "10.10.10.1", Role.INFRASTRUCTURE, 8),
        *(("", f"10.10.10.{n}", Role.WORKER, 8) for n in (2, 3, 4)),
    ]
    assert (found.user, found.password, found.port) == ("root", "right horse", 22)
    assert "horse" not in repr(found)


@pytest.mark.parametrize(
    ("old", "new"), [("right horse,22,,8,\nnpu", "left,22,,8,\nnpu"), ("22,,8,\nnpu", "23,,8,\nnpu")]
)
def test_hosts_with_another_login_are_an_error(old: str, new: str) -> None:
    found = read(ASCEND.replace(old, new))
    assert [f.message for f in found.findings] == ["differs from the rows above"]
    assert "left" not in str(found.findings[0])


def test_what_is_written_of_a_cluster_is_read_back(tmp_path: Path) -> None:
    cluster = load(write(tmp_path), resolve=no_dns)
    found = read(table.written(cluster))
    assert found.findings == []
    for node, host in zip(cluster.nodes, found.hosts, strict=True):
        assert (host.name, host.address, host.role, host.arch) == (node.name, node.address, node.role, node.arch)
        assert (host.device, host.device_count) == (node.device, node.device_count)


@given(st.lists(st.lists(st.text(max_size=12), max_size=8), max_size=8))
def test_no_table_is_read_halfway(rows: list[list[str]]) -> None:
    out = io.StringIO(newline="")
    csv.writer(out).writerows([list(table.COLUMNS), *rows])
    found = read(out.getvalue().encode("utf-8", "surrogatepass"))
    assert bool(found.hosts) != bool(found.findings)


@given(st.binary(max_size=300))
def test_no_file_breaks_the_reader(content: bytes) -> None:
    found = table.read(content, "hosts.csv")
    assert bool(found.hosts) != bool(found.findings)


def test_errors_are_in_the_order_of_the_cells() -> None:
    found = read(HEAD + "$(id),300.1.1.1,work,arm65,npu,eight\n").findings
    assert [finding.column for finding in found] == [1, 2, 3, 4, 6]
