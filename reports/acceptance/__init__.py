"""The acceptance document of an audit: fourteen parts, in Chinese and English, as DOCX, HTML and PDF.

A pure function of the run's folder: made again, it has the same bytes. It is signed by hand (part 13) and with a
detached signature (`reports.signature`).
"""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path

from dlws.record.run_folder import RecordedRun, RunFolderError
from dlws.record.whole_file import HANDED_OVER, PRIVATE
from reports import manifest, write
from reports.acceptance import closing, inventory, issues, opening, page, pdf, results, template, word
from reports.acceptance.blocks import Document
from reports.acceptance.language import Language
from reports.acceptance.source import Source

FORMATS: dict[str, Callable[[Document], bytes]] = {"docx": word.render, "html": page.render, "pdf": pdf.render}
_NAMES = {Language.BOTH: "acceptance", Language.ZH: "acceptance.zh", Language.EN: "acceptance.en"}
# where a document of each format holds the digest of the manifest
_IDENTIFIERS = {
    ".docx": re.compile(rb"<dc:identifier>sha256:([0-9a-f]{64})</dc:identifier>"),
    ".html": re.compile(rb'<meta name="dcterms.identifier" content="sha256:([0-9a-f]{64})">'),
    ".pdf": re.compile(rb"/ID \[\(([0-9a-f]{64})\)"),
}

_MOST_PROPERTIES = 1 << 20  # bytes

_PARTS = (
    opening.scope,
    inventory.hardware,
    inventory.versions,
    results.counts,
    results.items,
    results.across,
    issues.accepted,
    issues.open_issues,
    issues.load,
    closing.hand_over,
    closing.signatures,
    closing.appendix,
)


def document(source: Source, language: Language) -> Document:
    """The document of a run. Raises RunFolderError if the run is not an audit."""
    run = source.recorded.ledger.run
    if run.command != "verify" or run.plan:
        what = f"the plan of an {run.command}" if run.plan else f"an {run.command}"
        raise RunFolderError(f"{run.run} is {what}; an acceptance document is made from an audit: pytest -m verify")
    parts = [part(source, language) for part in _PARTS]
    parts[:0] = [opening.control(source, language)]
    parts.insert(2, opening.concluded(source, language))
    return Document(
        title=language.stacked("DLWS 集群验收报告", "DLWS cluster acceptance report"),
        subtitle=run.cluster,
        conclusion=opening.verdict_cell(source.conclusion, language),
        parts=parts,
        digest=source.digest,
        started=source.record["started"],
        language=language,
    )


def make(
    recorded: RecordedRun, language: Language, formats: Sequence[str], into: Path, customer: Path | None = None
) -> list[Path]:
    """Write the manifest, the documents and, if given, the filled-in customer's template. Returns the files.

    Raises RunFolderError if the run is not an audit, and pdf.PdfError or template.CustomerTemplateError if a document
    cannot be made; nothing is written then.
    """
    source = Source(recorded)
    made = document(source, language)
    files = {f"{_NAMES[language]}.{form}": FORMATS[form](made) for form in formats}
    if customer:
        files[f"{customer.stem}.{recorded.ledger.run.run}.docx"] = template.render(
            customer, made, template.fields(source, language)
        )
    files[manifest.FILE] = manifest.text(source.digests).encode()
    into.mkdir(parents=True, exist_ok=True)
    mode = PRIVATE if into.resolve() == recorded.folder.path.resolve() else HANDED_OVER
    return [write(into / name, data, mode) for name, data in files.items()]


def _properties(docx: bytes) -> bytes:
    """The part of a DOCX file that holds its properties; empty if it has none that can be read."""
    try:
        with zipfile.ZipFile(io.BytesIO(docx)) as members, members.open("docProps/core.xml") as part:
            return part.read(_MOST_PROPERTIES)
    except (zipfile.BadZipFile, zlib.error, KeyError, OSError, RuntimeError, ValueError, EOFError):
        return b""


def digest_of(name: str, data: bytes) -> str:
    """The digest of the manifest that a document was made from; empty if it contains none."""
    suffix = Path(name).suffix.lower()
    if suffix == ".docx":
        data = _properties(data)
    identifier = _IDENTIFIERS[suffix].search(data) if suffix in _IDENTIFIERS else None
    return identifier[1].decode() if identifier else ""
