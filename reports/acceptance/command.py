"""`python -m reports acceptance|sign|check-signature`: make the documents, sign them, check what was signed."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from dlws.record.run_folder import find_run
from reports import acceptance, signature
from reports.acceptance.language import Language
from reports.acceptance.pdf import PdfError
from reports.acceptance.template import CustomerTemplateError
from reports.signature import SignatureError
from reports.text import one_line

ERRORS = (PdfError, CustomerTemplateError, SignatureError)


def add_to(commands: Any) -> None:
    """Add the three commands to the parser's."""
    make = commands.add_parser("acceptance", help="write the acceptance document of an audit")
    make.add_argument("run", metavar="RUN|latest")
    make.add_argument("--cluster", default="*", help="with latest: of this cluster only")
    make.add_argument("--language", type=Language, choices=list(Language), default=Language.BOTH)
    make.add_argument("--format", type=_formats, default=["docx", "html"], help="docx,html,pdf (default: docx,html)")
    make.add_argument("--template", type=Path, metavar="DOCX", help="a customer's own document to fill in too")
    make.add_argument("--into", type=Path, metavar="DIR", help="where to (default: the run's folder)")
    make.set_defaults(do=_make)
    sign = commands.add_parser("sign", help="sign a document, or a run by the manifest of its evidence")
    sign.add_argument("target", metavar="DOCUMENT|RUN")
    sign.add_argument("--key", type=Path, required=True, help="the SSH private key to sign with")
    sign.set_defaults(do=_sign)
    check = commands.add_parser("check-signature", help="check a signature and the evidence that was signed with it")
    check.add_argument("target", metavar="DOCUMENT|RUN")
    check.add_argument("--signers", type=Path, required=True, metavar="FILE", help="who may sign (ssh-keygen(1))")
    check.add_argument("--run", type=Path, help="the run's folder (default: the one the document lies in)")
    check.set_defaults(do=_check)


def _make(options: argparse.Namespace) -> int:
    folder = find_run(options.run, options.out, options.cluster)
    into = options.into or folder.path
    for file in acceptance.make(folder.read(), options.language, options.format, into, options.template):
        print(file)
    return 0


def _sign(options: argparse.Namespace) -> int:
    print(signature.sign(_target(options), options.key))
    return 0


def _check(options: argparse.Namespace) -> int:
    checked = signature.check(_target(options), options.signers, options.run)
    if checked.signer:
        print(f"{checked.file}: good signature of {one_line(checked.signer)}")
    for fault in checked.faults:
        print(f"{checked.file}: NOT GOOD: {one_line(fault)}")
    if checked.faults:
        return 1
    print(f"{checked.file}: ledger and evidence are those that were signed ({checked.files} files)")
    return 0


def _target(options: argparse.Namespace) -> Path:
    """A document's file, or a run's folder by all the names that a run has."""
    file = Path(options.target)
    return file if file.is_file() else find_run(options.target, options.out).path


def _formats(text: str) -> list[str]:
    """`docx,pdf` as a list without repetitions."""
    names = list(dict.fromkeys(text.split(",")))
    if unknown := [name for name in names if name not in acceptance.FORMATS]:
        raise argparse.ArgumentTypeError(f"no format {', '.join(unknown)}; there are {', '.join(acceptance.FORMATS)}")
    return names
