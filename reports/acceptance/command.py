"""`dlws reports acceptance|sign|check-signature`: make the documents, sign them, check what was signed."""

from __future__ import annotations

from pathlib import Path

import click

from dlws.record.run_folder import find_run
from reports import acceptance, signature
from reports.acceptance.language import Language
from reports.acceptance.pdf import PdfError
from reports.acceptance.template import CustomerTemplateError
from reports.signature import SignatureError
from reports.text import one_line

ERRORS = (PdfError, CustomerTemplateError, SignatureError)
FILE = click.Path(path_type=Path)


def _formats(context: click.Context, option: click.Parameter, text: str) -> list[str]:
    """`docx,pdf` as a list without repetitions."""
    names = list(dict.fromkeys(text.split(",")))
    if unknown := [name for name in names if name not in acceptance.FORMATS]:
        raise click.BadParameter(f"no format {', '.join(unknown)}; there are {', '.join(acceptance.FORMATS)}")
    return names


@click.command("acceptance")
@click.argument("run", metavar="RUN")
@click.option("--cluster", default="*", metavar="NAME", help="Look for names and `latest` among its runs only.")
@click.option(
    "--language", type=click.Choice([str(one) for one in Language]), default=str(Language.BOTH), show_default=True
)
@click.option(
    "--format", "formats", callback=_formats, default="docx,html", show_default=True, help="Of docx, html and pdf."
)
@click.option("--template", type=FILE, metavar="DOCX", help="A customer's own document to fill in too.")
@click.option("--into", type=FILE, metavar="DIR", help="Where to (default: the run's folder).")
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
@click.option("--signers", type=FILE, required=True, metavar="FILE", help="Who may sign (ssh-keygen(1)).")
@click.option("--run", type=FILE, metavar="DIR", help="The run's folder (default: the one the document lies in).")
@click.pass_obj
def check_signature(out: Path, target: str, signers: Path, run: Path | None) -> int:
    """Check a signature, and the evidence it is for."""
    checked = signature.check(_target(target, out), signers, run)
    if checked.signer:
        print(f"{checked.file}: good signature of {one_line(checked.signer)}")
    for fault in checked.faults:
        print(f"{checked.file}: NOT GOOD: {one_line(fault)}")
    if checked.faults:
        return 1
    print(f"{checked.file}: ledger and evidence are those that were signed ({checked.files} files)")
    return 0


COMMANDS = (make, sign, check_signature)


def _target(name: str, out: Path) -> Path:
    """A document's file, or a run's folder by all the names that a run has."""
    file = Path(name)
    return file if file.is_file() else find_run(name, out).path
