from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from dlws.cli import main
from dlws.record.run_folder import RunFolder
from reports import manifest, signature
from reports.signature import Checked, SignatureError
from tests.kits.acceptance import good, written


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the keys of `li` and of a stranger, and `signers`, which allows the first."""
    folder = tmp_path_factory.mktemp("keys")
    for name in ("li", "stranger"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)], check=True)
    public = (folder / "li.pub").read_text()
    (folder / "signers").write_text(f'li@example.com namespaces="{signature.NAMESPACE}" {public}')
    return folder


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    """A run with its document."""
    folder = written(good(), tmp_path / "run")
    assert main(["reports", "acceptance", str(folder.path), "--format", "html"]) == 0
    return folder


@pytest.fixture
def signed(run: RunFolder, keys: Path) -> Path:
    """Its document, signed by li."""
    document = run.path / "acceptance.html"
    signature.sign(document, keys / "li")
    return document


def checked(document: Path, keys: Path) -> Checked:
    return signature.check(document, keys / "signers")


def test_a_signed_document_is_good(signed: Path, keys: Path) -> None:
    found = checked(signed, keys)
    assert (found.signer, found.faults, found.files) == ("li@example.com", (), 8)


def test_a_signature_is_openssh_s_own(signed: Path, keys: Path) -> None:
    command = [
        "ssh-keygen",
        "-Y",
        "verify",
        "-n",
        "dlws-acceptance",
        "-I",
        "li@example.com",
        "-f",
        str(keys / "signers"),
    ]
    with signed.open("rb") as data:
        said = subprocess.run([*command, "-s", f"{signed}.sig"], stdin=data, capture_output=True, check=True)
    assert b"Good" in said.stdout


def test_the_manifest_is_sha256sum_s_own(run: RunFolder) -> None:
    subprocess.run(["sha256sum", "--quiet", "--strict", "-c", manifest.FILE], cwd=run.path, check=True)


def flip(file: Path) -> None:
    """Change one byte in the middle."""
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)


@pytest.mark.parametrize("name", ["ledger.jsonl", "inputs.json", "evidence/atlas01.gw0.jsonl"])
def test_a_changed_byte_is_named(name: str, run: RunFolder, signed: Path, keys: Path) -> None:
    flip(run.path / name)
    assert checked(signed, keys).faults == (f"{name} was changed",)


def test_a_changed_byte_of_the_document_is_named(signed: Path, keys: Path) -> None:
    flip(signed)
    found = checked(signed, keys)
    assert found.signer == ""
    assert found.faults[0].startswith("acceptance.html is not what was signed")


def test_a_changed_byte_of_the_signature_is_named(signed: Path, keys: Path) -> None:
    flip(Path(f"{signed}.sig"))
    assert "acceptance.html.sig" in checked(signed, keys).faults[0]


def test_a_missing_and_an_added_file_are_named(run: RunFolder, signed: Path, keys: Path) -> None:
    (run.evidence / "atlas01.gw0.jsonl").rename(run.evidence / "other.gw0.jsonl")
    assert checked(signed, keys).faults == (
        "evidence/atlas01.gw0.jsonl is missing",
        "evidence/other.gw0.jsonl was added: it is not in the manifest",
    )


def test_a_manifest_forged_with_the_evidence_is_found_out(run: RunFolder, signed: Path, keys: Path) -> None:
    flip(run.evidence / "atlas01.gw0.jsonl")
    (run.path / manifest.FILE).write_text(manifest.text(manifest.digests(run)))
    assert checked(signed, keys).faults[0].startswith("manifest.sha256 was changed")


def test_a_manifest_that_is_gone_is_made_again(run: RunFolder, signed: Path, keys: Path) -> None:
    (run.path / manifest.FILE).unlink()
    assert checked(signed, keys).faults == ()
    flip(run.ledger)
    assert checked(signed, keys).faults[0].startswith("manifest.sha256 is missing")


def test_a_stranger_s_signature_is_not_good(signed: Path, keys: Path) -> None:
    signature.sign(signed, keys / "stranger")
    found = checked(signed, keys)
    assert found.signer == ""
    assert "was not made by a signer" in found.faults[0]


def test_a_signature_of_another_namespace_is_not_good(
    signed: Path, keys: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(signature, "NAMESPACE", "file")
    signature.sign(signed, keys / "li")
    monkeypatch.undo()
    assert checked(signed, keys).signer == ""


def test_a_document_without_a_manifest_is_not_good(signed: Path, keys: Path) -> None:
    other = signed.with_name("letter.html")
    other.write_text("<p>all is well")
    signature.sign(other, keys / "li")
    assert "holds no digest of a manifest" in checked(other, keys).faults[0]


def test_a_run_is_signed_by_its_manifest(run: RunFolder, keys: Path) -> None:
    assert signature.sign(run.path, keys / "li").name == "manifest.sha256.sig"
    assert checked(run.path, keys).faults == ()
    flip(run.ledger)
    assert checked(run.path, keys).faults == ("ledger.jsonl was changed",)


def test_a_document_elsewhere_is_checked_against_the_run_s_folder(
    signed: Path, keys: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for file in (signed, Path(f"{signed}.sig")):
        file.rename(tmp_path / file.name)
    arguments = ["check-signature", str(tmp_path / signed.name), "--signers", str(keys / "signers")]
    assert main(["reports", *arguments, "--run", str(signed.parent)]) == 0
    shutil.copytree(signed.parent, tmp_path / "out" / "atlas" / "audit")
    for name in ("latest", "audit"):
        assert main(["reports", "--out", str(tmp_path / "out"), *arguments, "--run", name]) == 0
    assert main(["reports", *arguments]) == 4
    assert "--run RUN" in capsys.readouterr().err


def test_the_commands_sign_and_check(run: RunFolder, keys: Path, capsys: pytest.CaptureFixture[str]) -> None:
    document = run.path / "acceptance.html"
    assert main(["reports", "sign", str(document), "--key", str(keys / "li")]) == 0
    arguments = ["check-signature", str(document), "--signers", str(keys / "signers")]
    assert main(["reports", *arguments]) == 0
    assert "good signature by li@example.com" in capsys.readouterr().out
    flip(run.ledger)
    assert main(["reports", *arguments]) == 1
    assert "NOT GOOD: ledger.jsonl was changed" in capsys.readouterr().out


@pytest.mark.parametrize(
    "wrong",
    [
        lambda document, keys: signature.sign(document, keys / "none"),
        lambda document, keys: signature.sign(document.with_name("none.html"), keys / "li"),
        lambda document, keys: signature.check(document, keys / "signers"),
    ],
)
def test_what_cannot_be_signed_or_checked_is_said(
    wrong: Callable[[Path, Path], object], run: RunFolder, keys: Path
) -> None:
    with pytest.raises(SignatureError):
        wrong(run.path / "acceptance.html", keys)


def test_no_ssh_keygen_is_said(run: RunFolder, keys: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(SignatureError, match="apt-get install openssh-client"):
        signature.sign(run.path, keys / "li")
