"""Audits for the tests of acceptance documents: passing ones, and the sample run with its faults."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import docx
from docx.oxml.ns import qn

from dlws.record.run_folder import RunFolder
from dlws.verdict import Verdict
from reports.acceptance import document
from reports.acceptance.blocks import Document, Pairs, Part, Signatures, Table, cell
from reports.acceptance.language import Language
from reports.acceptance.source import Source
from tests.kits import sample_run
from tests.kits.sample_run import Faults, Sample

CLUSTER = {"nodes": [{"name": host.name} for host in sample_run.HOSTS], "suite": {"required_gpu_driver": "430"}}
WAIVERS = [
    {"id": "N18", "host": "atlas02", "owner": "Li Wei", "reason": "opened on site", "expires": "2027-01-31"},
]


def good(faults: Faults | None = None) -> Sample:
    """An audit of all four hosts with these faults, by default only the product's own deviation."""
    sample = _short(sample_run.verify(unreachable="", faults=faults or {}))
    end = sample.end
    assert end
    sample.end = replace(end, exit_status=0)
    return sample


def faulty() -> Sample:
    """The sample audit: failures, an UNKNOWN, a dead host, warnings, a waiver, a deviation, hostile text."""
    return _short(sample_run.verify())


def written(sample: Sample, path: Path, **inputs: Any) -> RunFolder:
    """Write the run's folder, including the inputs of the run."""
    folder = sample.write(path)
    values = {"cluster": CLUSTER, "waivers": WAIVERS, "today": "2026-11-24", "whole": True, **inputs}
    folder.inputs.write_text(json.dumps(values), encoding="utf-8")
    return folder


def with_verdict(sample: Sample, verdict: Verdict, message: str = "why") -> Sample:
    """The run with another verdict for its first check."""
    sample.results[0] = replace(sample.results[0], verdict=verdict, message=message)
    return sample


def made(folder: RunFolder, language: Language = Language.EN) -> Document:
    """The document of a run."""
    return document(Source(folder.read()), language)


def text_of(part: Part) -> str:
    """All text of a part."""
    return "\n".join(text for block in part.blocks for text in _texts(block))


def rows(part: Part, width: int) -> list[list[str]]:
    """The rows of the part's tables that have this number of columns."""
    tables = [block for block in part.blocks if isinstance(block, Table) and len(block.head) == width]
    return [[cell(value).text for value in row] for table in tables for row in table.rows]


def word_text(data: bytes) -> str:
    """All text of a DOCX in order, with line breaks as line feeds."""
    body = docx.Document(io.BytesIO(data)).element.body
    return "".join("\n" if e.tag == qn("w:br") else e.text or "" for e in body.iter(qn("w:t"), qn("w:br")))


def _short(sample: Sample) -> Sample:
    """The run without its two megabytes of output, which every test would read again."""
    for lines in sample.evidence.values():
        for line in lines:
            line["out"] = line["out"] and line["out"][:1000]
    return sample


def _texts(block: object) -> list[str]:
    match block:
        case Table(head, lines, _):
            return [*head, *(cell(value).text for line in lines for value in line)]
        case Pairs(pairs):
            return [text for name, value in pairs for text in (name, cell(value).text)]
        case Signatures(parties, fields):
            return [*parties, *fields]
    return [getattr(block, "text", ""), *getattr(block, "items", ())]
