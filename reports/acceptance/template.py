"""A customer's own DOCX, filled in by docxtpl: Jinja tags in the text, `{%tr for ... %}` for the rows of a table.

The names that a template can use are the keys of `fields`; docs/acceptance.md lists them. As the template comes from
outside, it runs in Jinja's sandbox. An unknown name is an error, never a blank.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, BinaryIO

from docx.opc.exceptions import PackageNotFoundError
from docxtpl import DocxTemplate
from jinja2 import StrictUndefined, TemplateError
from jinja2.sandbox import SandboxedEnvironment

from dlws.record import regular_file
from dlws.record.ledger import HostRow
from dlws.record.printable import one_line, visible
from dlws.verdict import Verdict
from reports.acceptance import conclusion, facts, word
from reports.acceptance.blocks import Document
from reports.acceptance.issues import OPEN
from reports.acceptance.language import VERDICTS, Language, area, title
from reports.acceptance.opening import when
from reports.acceptance.source import Line, Source

Fields = dict[str, Any]
MOST = 64 << 20
"""Bytes of a template, packed and unpacked; pictures included."""


class CustomerTemplateError(Exception):
    """The customer's template cannot be read or filled in; the message names the file and the mistake."""


def render(template: Path, document: Document, values: Fields) -> bytes:
    """The filled-in template, tied to the evidence by its identifier like every other document.

    Raises CustomerTemplateError.
    """
    try:
        made = DocxTemplate(_opened(template))
        made.render(values, SandboxedEnvironment(undefined=StrictUndefined, autoescape=True), autoescape=True)
    except TemplateError as error:
        raise CustomerTemplateError(f"{template}: {error.message}; docs/acceptance.md lists the fields") from error
    except regular_file.NotRegular as error:
        raise CustomerTemplateError(f"{template}: {error}") from error
    except (PackageNotFoundError, zipfile.BadZipFile, KeyError, OSError, SyntaxError) as error:  # lxml's are the last
        raise CustomerTemplateError(f"{template}: not a readable DOCX file") from error
    except Exception as error:  # a template is somebody else's program: what it raises is its mistake, not ours
        raise CustomerTemplateError(
            f"{template}: cannot be filled in: {type(error).__name__}: {one_line(str(error))}"
        ) from error
    word.about(made.docx, document)
    return word.repeatable(made.docx)


def _opened(template: Path) -> BinaryIO:
    """The file, before anything of it is unpacked. NotRegular if that would be too much; OSError, BadZipFile."""
    file = io.BytesIO(regular_file.content(template.resolve().parent, template.resolve().name, MOST))
    with zipfile.ZipFile(file) as members:
        unpacked = sum(member.file_size for member in members.infolist())
    if unpacked > MOST:
        raise regular_file.NotRegular(f"it has {unpacked:,} bytes when unpacked, of {MOST:,} at most")
    file.seek(0)
    return file


def fields(source: Source, language: Language) -> Fields:
    """The values a template can use. All text is safe to show; titles and verdicts are in the document's language."""
    run, end = source.recorded.ledger.run, source.recorded.ledger.end
    concluded = source.conclusion
    counts = {verdict.name.lower(): source.record["counts"]["checks"].get(verdict, 0) for verdict in Verdict}
    items = [_item(line, language) for line in source.lines]
    values = {
        "cluster": run.cluster,
        "run": run.run,
        "started": when(run.started),
        "ended": when(run.started, end.seconds) if end else "",
        "suite_version": run.suite_version,
        "config": run.config,
        "config_sha256": run.config_sha256,
        "manifest_sha256": source.digest,
        "manifest": [{"file": name, "sha256": digest} for name, digest in source.digests.items()],
        "conclusion": language.say(*conclusion.WORDS[concluded.level]),
        "reasons": [language.stacked(*reason) for reason in concluded.reasons],
        "rule": [language.stacked(*sentence) for sentence in conclusion.RULE],
        "counts": counts | {"total": len(source.checks)},
        "hosts": [_host(source, host) for host in source.hosts],
        "items": items,
        "open_issues": _with_verdict(source, items, OPEN),
        "waived": _with_verdict(source, items, (Verdict.WAIVED,)),
        "deviations": _with_verdict(source, items, (Verdict.DEVIATION,)),
    }
    return {name: _shown(value) for name, value in values.items()}


def _with_verdict(source: Source, items: Sequence[Fields], verdicts: Sequence[Verdict]) -> list[Fields]:
    return [item for item, line in zip(items, source.lines, strict=True) if line.verdict in verdicts]


def _item(line: Line, language: Language) -> Fields:
    return {
        "id": line.check["id"],
        "area": area(line.check["id"], language),
        "title": title(line.check, language),
        "severity": line.check["severity"],
        "section": line.check["section"],
        "source": line.check["source"],
        "hosts": ", ".join(line.hosts),
        "found": line.found,
        "verdict": language.say(*VERDICTS[line.verdict]),
        "fix": line.check["fix"],
        "evidence": ", ".join(line.evidence),
    }


def _host(source: Source, host: HostRow) -> Fields:
    known = source.all_facts[host.name]
    empty = dict.fromkeys(
        ("os", "kernel", "arch", "cpus", "memory", "serial", "product_uuid", "machine_id", "host_key", "docker"), ""
    )
    devices = [
        {"kind": d.kind, "number": d.number, "model": d.model, "serial": d.serial, "bus_id": d.bus_id}
        for d in facts.accelerators(known)
    ]
    row = {"name": host.name, "address": host.address, "kind": host.kind, "role": host.role}
    return row | empty | known.values | {"devices": devices}


def _shown(value: Any) -> Any:
    """Make control and hidden characters visible in every text: XML forbids them, and Word rejects such files."""
    if isinstance(value, str):
        return visible(value)
    if isinstance(value, dict):
        return {name: _shown(inner) for name, inner in value.items()}
    return [_shown(inner) for inner in value] if isinstance(value, list) else value
