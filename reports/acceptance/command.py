"""`dlws reports acceptance|sign|check-signature`: write acceptance documents, sign them, verify signatures."""

from __future__ import annotations

from pathlib import Path

import click

from dlws.record.printable import one_line
from dlws.record.run_folder import find_run
from reports import acceptance, signature
from reports.acceptance.language import Language
from reports.acceptance.pdf import PdfError
from reports.acceptance.template import CustomerTemplateError
from reports.signature import SignatureError

ERRORS = (PdfError, CustomerTemplateError, SignatureError)
FILE = click.Path(path_type=Path)


def _formats(context: click.Context, option: click.Parameter, text: str) -> list[str]:
    """`docx,pdf` as a list without duplicates. Raises BadParameter for an unknown format."""
    names = list(dict.fromkeys(text.split(",")))
    if unknown := [name for name in names if name not in acceptance.FORMATS]:
        raise click.BadParameter(f"unknown format {', '.join(unknown)}; choose from {', '.join(acceptance.FORMATS)}")
    return names


@click.command("acceptance")
@click.argument("run", metavar="RUN")
@click.option(
    "--cluster", default="*", metavar="NAME", help="Look up names and `latest` among this cluster's runs only."
)
@click.option(
    "--language", type=click.Choice([str(one) for one in Language]), default=str(Language.BOTH), show_default=True
)
@click.option(
    "--format",
    "formats",
    callback=_formats,
    default="docx,html",
    show_default=True,
    help="Any of docx, html and pdf, separated by commas.",
)
@click.option("--template", type=FILE, metavar="DOCX", help="A customer's own document, to be filled in as well.")
@click.option("--into", type=FILE, metavar="DIR", help="Output folder (default: the run's folder).")
@click.pass_obj
def make(
    out: Path,
    run: str,
    cluster: str,
    language: str,
    formats: list[str],
    template: Path | None,
    into: Path | None,
) -> None:
    """Write the acceptance document of an audit."""
    folder = find_run(run, out, cluster)
    for file in acceptance.make(folder.read(), Language(language), formats, into or folder.path, template):
        print(file)


@click.command()
@click.argument("target", metavar="DOCUMENT|RUN")
@click.option("--key", type=FILE, required=True, metavar="FILE", help="The SSH private key to sign with.")
@click.pass_obj
def sign(out: Path, target: str, key: Path) -> None:
    """Sign a document, or the manifest of a run's evidence."""
    print(signature.sign(_target(target, out), key))


@click.command("check-signature")
@click.argument("target", metavar="DOCUMENT|RUN")
@click.option("--signers", type=FILE, required=True, metavar="FILE", help="Allowed signers, see ssh-keygen(1).")
@click.option("--run", metavar="RUN", help="The run (default: the one in the document's folder).")
@click.pass_obj
def check_signature(out: Path, target: str, signers: Path, run: str | None) -> int:
    """Verify a signature, and the evidence it is for."""
    checked = signature.check(_target(target, out), signers, find_run(run, out).path if run else None)
    if checked.signer:
        print(f"{checked.file}: good signature by {one_line(checked.signer)}")
    for fault in checked.faults:
        print(f"{checked.file}: NOT GOOD: {one_line(fault)}")
    if checked.faults:
        return 1
    print(f"{checked.file}: ledger and evidence match what was signed ({checked.files} files)")
    return 0


COMMANDS = (make, sign, check_signature)


def _target(name: str, out: Path) -> Path:
    """The file of a document, or the folder of a run given by folder, name or `latest`."""
    file = Path(name)
    return file if file.is_file() else find_run(name, out).path
