"""A table of hosts as CSV: how it is read, from whatever saved it, and how it is written.

Read are the suite's own columns (`COLUMNS`) and those of ascend-deployer's inventory table (`IP`, `ansible_ssh_user`,
`set_hostname`, ...; ascend_deployer 26.0.0, trans_excel_to_inventory.py), whose first column is the group of a host.
Spreadsheets save UTF-8 with or without a byte-order mark, UTF-16, or GBK, and separate by commas, semicolons or tabs.
"""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, Final, TypeVar

from pydantic_core import PydanticCustomError

from dlws.config import values
from dlws.config.cluster import Cluster
from dlws.config.finding import Finding, Level, errors, shown
from dlws.config.validation import nearest
from dlws.init.listing import MOST, BadList, Listed, addresses
from dlws.inventory import Arch, Device, Role, Vendor

LARGEST: Final = 1 << 20
"""Bytes; a table of a thousand hosts has 0.1 MiB."""
VENDORS: Final[Mapping[Device, Vendor]] = {Device.GPU: Vendor.NVIDIA, Device.NPU: Vendor.HUAWEI}
COLUMNS: Final = ("name", "private-ip", "role", "archtype", "type", "vendor", "series", "devices", "host_key")
"""As `dlws csv` writes them; the names are those of config.yaml."""
_ALIASES: Final = {
    "ip": "private-ip",
    "address": "private-ip",
    "privateip": "private-ip",
    "host": "name",
    "hostname": "name",
    "sethostname": "name",
    "machine": "name",
    "arch": "archtype",
    "npunum": "devices",
    "hostkey": "host_key",
    "ansiblesshuser": "user",
    "ansiblesshpass": "password",
    "ansiblesshport": "port",
}
"""Other names of a column, in small letters without `-`, `_` and blanks."""
_LOGIN: Final = ("user", "password", "port")
_KNOWN: Final = {column.replace("-", "").replace("_", ""): column for column in COLUMNS} | _ALIASES
_GROUPS: Final = {"master": Role.INFRASTRUCTURE, "worker": Role.WORKER}
"""ascend-deployer's groups that list hosts; its others name some of these hosts once more."""
E_ = TypeVar("E_", bound=StrEnum)


@dataclass(slots=True)
class Table:
    """What a table says: its hosts, how to log in to them, and the findings about it, with line and column of a cell.

    `ignored` are columns that nothing reads. With an error among the findings there are no hosts.
    """

    hosts: list[Listed] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)
    user: str = ""
    password: str = field(default="", repr=False)
    port: int = 0


def read(content: bytes, file: str) -> Table:
    """The table in a CSV file. Never raises; what is wrong is in its findings."""
    table = _Reader(file).read(content)
    if errors(table.findings):
        table.hosts = []
    return table


def written(cluster: Cluster) -> str:
    """The hosts of a cluster, `machines` and `scale_up`, as CSV with COLUMNS; `read` reads it back."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    for node in cluster.nodes:
        key = cluster.suite.host_keys.get(node.name, "")
        count = node.device_count or ""
        row = (node.name, node.address, node.role, node.arch, node.device, node.vendor, node.series, count, key)
        writer.writerow(["" if cell is None else str(cell) for cell in row])
    return out.getvalue()


def _text(content: bytes) -> str:
    """The text of a file, by its byte-order mark; without one UTF-8, else GBK. Raises ValueError."""
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return content.decode("utf-16")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("gb18030")


def _separator(text: str) -> str:
    """What separates the cells: of comma, semicolon and tab the one that is most often in the line of the titles."""
    lines = [line for line in text.splitlines() if _is_head(line)] or text.splitlines()[:1]
    return max(",;\t", key=lambda mark: lines[0].count(mark)) if lines else ","


def _is_head(line: str) -> bool:
    return any(_column(cell) == "private-ip" for mark in ",;\t" for cell in line.split(mark))


def _column(title: str) -> str:
    """The column that a title stands for; the title itself if it is none that is known."""
    return _KNOWN.get("".join(c for c in title.lower() if c.isalnum()), title.strip())


class _Reader:
    def __init__(self, file: str) -> None:
        self.file, self.table = file, Table()
        self.columns: list[str] = []
        self.by_group = False
        self.owners: dict[tuple[str, str], int] = {}
        self.places: list[int] = []
        """The line of each host."""

    def read(self, content: bytes) -> Table:
        """Everything of a file."""
        if len(content) > LARGEST:
            self._error(1, 1, "", f"larger than {LARGEST >> 20} MiB", "this is no table of hosts")
            return self.table
        try:
            text = _text(content)
        except ValueError:
            self._error(1, 1, "", "neither UTF-8 nor GBK text", "save the table as CSV UTF-8")
            return self.table
        if "\0" in text:
            self._error(text[: text.index("\0")].count("\n") + 1, 1, "", "not text", "save the table as CSV UTF-8")
            return self.table
        self._rows(csv.reader(io.StringIO(text, newline=""), strict=True, delimiter=_separator(text)))
        if not errors(self.table.findings):
            self._whole()
        self.table.findings.sort(key=lambda finding: finding.place)
        return self.table

    def _rows(self, reader: Any) -> None:
        before = 0
        while True:
            try:
                row = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                self._error(before + 1, 1, "", f"no CSV: {error}", "close each quote in its own cell")
                return
            first, before = before + 1, reader.line_num
            cells = [cell if self.columns[at : at + 1] == ["password"] else cell.strip() for at, cell in enumerate(row)]
            if any(cells) and not cells[0].startswith("#"):
                self._row(first, cells)

    def _row(self, line: int, cells: Sequence[str]) -> None:
        if not self.columns:
            titles = [_column(cell) for cell in cells]
            if "private-ip" in titles:
                self._titles(line, cells, titles)
            return
        if len(cells) > len(self.columns) and any(cells[len(self.columns) :]):
            at = len(self.columns) + 1
            self._error(line, at, "", f"{len(cells)} cells under {at - 1} titles", "quote a cell that has a comma")
            return
        if not self.by_group:
            self._host(line, cells, None)
        elif (role := _GROUPS.get(cells[0].lower())) is not None:
            self._host(line, cells, role)

    def _titles(self, line: int, cells: Sequence[str], titles: list[str]) -> None:
        self.columns = titles
        self.by_group = "user" in titles and titles[0] not in (*COLUMNS, *_LOGIN)
        for at, (cell, title) in enumerate(zip(cells, titles, strict=True), start=1):
            known = title in (*COLUMNS, *_LOGIN)
            if known and titles.index(title) != at - 1:
                self._error(line, at, title, f"a second column of this kind: {shown(cell)}", "keep one of them")
            elif not known and cell and (near := nearest(cell, (*COLUMNS, "ip", "hostname"))):
                self._error(line, at, shown(cell), "unknown column", f"did you mean {near}?")
            elif not known and cell and not (self.by_group and at == 1):
                self.table.ignored.append(cell)

    def _host(self, line: int, cells: Sequence[str], role: Role | None) -> None:
        before = len(self.table.findings)
        written = {title: (at, cell) for at, (title, cell) in enumerate(zip(self.columns, cells, strict=False), 1)}

        def of(column: str, read: Callable[[str], Any], empty: Any = None) -> Any:
            at, cell = written.get(column, (1, ""))
            found = self._cell(line, at, column, cell, read) if cell else None
            return empty if found is None else found

        if not written.get("private-ip", (0, ""))[1]:
            self._error(
                line, self.columns.index("private-ip") + 1, "private-ip", "is empty", "write the host's address"
            )
        device = of("type", _choice(Device))
        vendor = of("vendor", _choice(Vendor))
        if device is not None and vendor is not None and VENDORS.get(device) != vendor:
            fitting = VENDORS.get(device)
            fix = f"write {fitting}" if fitting else "leave vendor empty"
            self._error(line, written["vendor"][0], "vendor", f"{vendor} does not go with type {device}", fix)
        every = of("private-ip", addresses, [])
        host = Listed(
            address=every[0] if every else "",
            where=f"{self.file}:{line}",
            name=of("name", values.machine_name, ""),
            role=of("role", _choice(Role)) or role,
            arch=of("archtype", _choice(Arch)),
            device=device,
            series=of("series", values.label_value, ""),
            device_count=of("devices", _count),
            host_key=of("host_key", values.fingerprint, ""),
        )
        if len(every) > 1 and (host.name or host.host_key):
            self._error(line, 1, "private-ip", "a range of addresses with one name or key", "give each host its line")
        self._login(line, of)
        if len(self.table.findings) == before:
            for address in every:
                self._add(line, replace(host, address=address))

    def _login(self, line: int, of: Callable[..., Any]) -> None:
        """The login of a row, which must be that of all others: runbook 2.1 asks for one."""
        for column, read in (("user", values.login_name), ("password", str), ("port", values.port)):
            value, so_far = of(column, read), getattr(self.table, column)
            if value and so_far and value != so_far:
                at = self.columns.index(column) + 1
                fix = "give all hosts the same (runbook 2.1); `dlws init` logs in with one"
                self._error(line, at, column, "differs from the rows above", fix)
            elif value:
                setattr(self.table, column, value)

    def _add(self, line: int, host: Listed) -> None:
        known = self.owners.get(("address", host.address))
        if known is not None and self.by_group:  # master and worker at once: it is the master
            at = self.places.index(known)
            if self.table.hosts[at].role is Role.WORKER:
                self.table.hosts[at] = replace(self.table.hosts[at], role=host.role)
            return
        for kind, value in (("address", host.address), ("name", host.name), ("host_key", host.host_key)):
            first = self.owners.setdefault((kind, value), line) if value else line
            if first != line:
                column = "private-ip" if kind == "address" else kind
                message = f"{shown(value)} is in line {first} already"
                self._error(line, self.columns.index(column) + 1, column, message, "give each host its own")
        self.table.hosts.append(host)
        self.places.append(line)

    def _whole(self) -> None:
        """What is wrong with the table as a whole."""
        hosts = self.table.hosts
        if not self.columns:
            fix = f"write a first line like {','.join(COLUMNS)}"
            self._error(1, 1, "", "no column private-ip (or IP)", fix)
        elif not hosts:
            self._error(1, 1, "", "no host", "write a line for each host below the titles")
        elif len(hosts) > MOST:
            self._error(1, 1, "", f"{len(hosts)} hosts, more than {MOST}", "one cluster has fewer")
        masters = [
            (host, line) for host, line in zip(hosts, self.places, strict=True) if host.role is Role.INFRASTRUCTURE
        ]
        for _, line in masters[1:]:
            message = f"a second infrastructure machine, line {masters[0][1]} has one already; only one is supported"
            self._error(line, 1, "role", message, "make it a worker")

    def _cell(self, line: int, at: int, column: str, cell: str, read: Callable[[str], Any]) -> Any:
        try:
            return read(cell)
        except PydanticCustomError as error:
            context = error.context or {}
            self._error(line, at, column, context["message"], context["fix"])
        except BadList as error:
            message, _, fix = str(error).partition(" (")
            self._error(line, at, column, message, fix.removesuffix(")"))
        return None

    def _error(self, line: int, at: int, column: str, message: str, fix: str) -> None:
        self.table.findings.append(Finding(self.file, line, at, column, message, fix, Level.ERROR))


def _choice(kind: type[E_]) -> Callable[[str], E_]:
    """Reads one of an enumeration's words, in letters of either case."""

    def read(text: str) -> E_:
        try:
            return kind(text.lower())
        except ValueError:
            words = ", ".join(kind)
            raise values.refusal(f"must be one of {words}, is {shown(text)}", "write one of these words") from None

    return read


def _count(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) <= 4 and int(text) <= MOST):
        raise values.refusal(f"{shown(text)} is no number of devices", "write a number like 8")
    return int(text)
