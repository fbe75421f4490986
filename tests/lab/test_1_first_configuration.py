"""`dlws init` on bare hosts: the configuration means what lab/config.yaml says, lints, and installs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from dlws.config.cluster import inspect, load
from dlws.config.finding import errors
from tests.lab.conftest import forget_root_password
from tests.lab.first_configuration import NAMED, init, meaning, of_the_site
from tests.lab.suite import CONFIG, Finished, lab, on, run

pytestmark = [pytest.mark.lab, pytest.mark.usefixtures("fresh_hosts")]
SITE = CONFIG.parent


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Names and addresses as the site's list has them, and the fingerprints as the consoles show them."""
    promised = load(CONFIG)
    rows = ["name,IP,role,host_key"]
    for node in promised.nodes:
        key = on(node.name, "ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub").split()[1]
        rows.append(f"{node.name},{node.address},{node.role},{key}")
    file = tmp_path_factory.mktemp("site") / "hosts.csv"
    file.write_text("\n".join(rows) + "\n")
    return file


@pytest.fixture(scope="module")
def begun(table: Path) -> Iterator[Path]:
    """The configuration that `dlws init` writes, without a question, beside the lab's own: they share their state."""
    path = SITE / "other-first.yaml"
    path.unlink(missing_ok=True)
    done = init(path, "--csv", str(table), "--keep-password", *NAMED, *of_the_site())
    assert done.returncode == 0, done.stdout + done.stderr
    assert "jwt.secret_key: " in done.stdout  # a secret is not for a command line: the operator writes it into the file
    made, built = (load(each).settings.jwt.secret_key for each in (path, CONFIG))  # type: ignore[union-attr]
    path.write_text(path.read_text().replace(made, built))
    yield path
    path.unlink()


def test_it_means_what_the_labs_own_says(begun: Path) -> None:
    assert meaning(load(begun)) == meaning(load(CONFIG))
    assert errors(inspect(begun)[1]) == []


def test_a_second_call_finds_no_difference_and_writes_nothing(begun: Path) -> None:
    before = begun.read_bytes()
    again = init(begun)
    assert (again.returncode, begun.read_bytes()) == (0, before), again.stdout + again.stderr


def test_what_it_wrote_passes_every_precondition_and_has_a_plan(begun: Path) -> None:
    preflight = run("-m", "preflight", config=begun)
    assert preflight.red == set(), preflight.output
    plan = run("-m", "install", "--plan", config=begun)
    assert plan.exit_status == 0, plan.output


@pytest.fixture(scope="module")
def installed(begun: Path) -> Iterator[Finished]:
    yield run("-m", "install", config=begun)
    lab("up", "--fresh")


@pytest.mark.long
def test_it_installs(begun: Path, installed: Finished) -> None:
    assert installed.exit_status == 0, installed.output
    forget_root_password()
    assert run("-m", "verify", config=begun).red == set()
