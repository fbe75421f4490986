"""The user's checkout: what is one, what its params.py says without being run, where its parts lie."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from dlws.config.cluster import inspect
from dlws.config.finding import Level
from dlws.inventory import Arch
from dlws.upstream import default_parameters
from dlws.upstream.checkout import SERVICES, Checkout, CheckoutError, open_checkout, plain_name
from tests.kits.checkout import STAND_IN
from tests.kits.config_example import no_dns, write


def test_the_stand_in_is_a_checkout() -> None:
    checkout = open_checkout(STAND_IN)
    assert checkout.defaults()["restfulapiport"] == "5000"
    assert "jobmanager2" in checkout.services()


def test_a_folder_that_is_no_checkout_gives_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(CheckoutError) as caught:
        open_checkout(tmp_path)
    assert str(caught.value) == (
        f"{tmp_path}: not a DLWorkspace checkout, src/ClusterBootstrap/params.py is missing; "
        "name a clone of DLWorkspace (branch V0.1.6.1)"
    )


def test_a_folder_within_a_checkout_is_told_where_its_top_is() -> None:
    with pytest.raises(CheckoutError, match=f"name {STAND_IN}, the top of the checkout"):
        open_checkout(STAND_IN / "src" / "ClusterBootstrap")


@pytest.fixture
def tree(tmp_path: Path) -> Checkout:
    """A copy of the stand-in, beside a file that is not part of it."""
    shutil.copytree(STAND_IN, tmp_path / "checkout")
    (tmp_path / "secret.yaml").write_text("password: hunter2\n")
    return open_checkout(tmp_path / "checkout")


def test_a_template_that_is_a_link_is_not_followed(tree: Checkout) -> None:
    (tree.root / SERVICES / "monitor" / "extra.yaml").symlink_to(tree.root.parent / "secret.yaml")
    with pytest.raises(CheckoutError, match=r"monitor/extra\.yaml: a link; put the file or folder itself there"):
        tree.read(f"{SERVICES}/monitor/extra.yaml")


def test_a_folder_that_is_a_link_is_not_followed(tree: Checkout) -> None:
    (tree.root / SERVICES / "other").symlink_to(tree.root.parent)
    for read in (tree.read, tree.path):
        with pytest.raises(CheckoutError, match="services/other: a link"):
            read(f"{SERVICES}/other/secret.yaml")
    with pytest.raises(CheckoutError, match="services/other: a link"):
        tree.files(f"{SERVICES}/other")


@pytest.mark.parametrize("name", ["../secret.yaml", f"{SERVICES}/../../../../secret.yaml", "/etc/passwd"])
def test_a_name_does_not_lead_out_of_the_checkout(tree: Checkout, name: str) -> None:
    with pytest.raises(CheckoutError, match="not in the checkout"):
        tree.read(name)


def test_a_pipe_in_the_checkout_is_not_waited_for(tree: Checkout) -> None:
    os.mkfifo(tree.root / SERVICES / "monitor" / "pipe.yaml")
    with pytest.raises(CheckoutError, match=r"monitor/pipe\.yaml: not a regular file"):
        tree.read(f"{SERVICES}/monitor/pipe.yaml")


def test_a_folder_that_is_not_there_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(CheckoutError, match="no such folder; clone DLWorkspace"):
        open_checkout(tmp_path / "none")


def test_lint_warns_of_a_checkout_that_is_none(tmp_path: Path) -> None:
    path = write(tmp_path, ("suite:\n", "dlworkspace: elsewhere\nsuite:\n"))
    cluster, found = inspect(path, resolve=no_dns)
    (finding,) = [finding for finding in found if finding.key == "dlworkspace"]
    assert cluster is not None  # whoever only verifies needs no checkout
    assert (finding.line, finding.level) == (66, Level.WARNING)
    assert finding.message == f"{tmp_path}/elsewhere: no such folder; clone DLWorkspace (branch V0.1.6.1) there"


@pytest.mark.parametrize("word", ['"false"', '"no"', "'off'"])
def test_lint_warns_of_a_text_that_is_true_to_templates(tmp_path: Path, word: str) -> None:
    edit = ("suite:\n", f"dlworkspace: {STAND_IN}\nalert-manager: {{alert_users: {word}}}\nsuite:\n")
    (finding,) = [f for f in inspect(write(tmp_path, edit), resolve=no_dns)[1] if "alert_users" in f.key]
    assert finding.level is Level.WARNING
    assert finding.message.endswith("is text, and to DLWorkspace's templates every text but the empty one is true")


def test_an_image_is_found_in_whatever_case_the_tree_spells_it() -> None:
    assert open_checkout(STAND_IN).image_folder("repairmanager2") == "src/docker-images/RepairManager2"


def test_an_architecture_has_its_own_dockerfile_or_the_common_one() -> None:
    checkout = open_checkout(STAND_IN)
    assert checkout.dockerfile("openresty", Arch.ARM64) == "Dockerfile-arm64"
    assert checkout.dockerfile("watchdog", Arch.ARM64) == "Dockerfile"
    assert checkout.dockerfile("openresty", Arch.AMD64) == "Dockerfile"


def test_a_missing_image_names_its_folder() -> None:
    with pytest.raises(CheckoutError, match="src/docker-images/hdfs: no such image"):
        open_checkout(STAND_IN).dockerfile("hdfs", Arch.AMD64)


@pytest.mark.parametrize("name", ["../x.yaml", "/etc/passwd", "a/b.yaml", "", ".hidden", "a b"])
def test_a_file_name_out_of_the_tree_stays_in_its_folder(name: str) -> None:
    with pytest.raises(CheckoutError, match="no plain file name"):
        plain_name(name, "launch_order")


def test_defaults_are_plain_values() -> None:
    text = 'default_config_parameters = {"a": -1, "b": {"y", "x"}, "c": (1, None), "d": {"e": [True]}}'
    assert default_parameters.read(text) == {"a": -1, "b": ["x", "y"], "c": [1, None], "d": {"e": [True]}}


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ("open('/tmp/x', 'w')", "open('/tmp/x', 'w') is no plain value; it is not run"),
        ("__import__('os').getcwd()", "is no plain value"),
        ("'a' + 'b'", "'a' + 'b' is no plain value"),
        ("[x for x in 'ab']", "is no plain value"),
        ("f'{1}'", "is no plain value"),
        ("{**{}}", "is no plain value"),
        ("os", "os is no plain value"),
    ],
)
def test_anything_else_is_refused_with_its_line_and_not_run(value: str, why: str) -> None:
    with pytest.raises(default_parameters.NotPlain) as caught:
        default_parameters.read(f"default_config_parameters = {{\n  'first': 1,\n  'second': {value},\n}}\n")
    assert caught.value.line == 3
    assert why in str(caught.value)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("x = {}", "does not set default_config_parameters"),
        ("default_config_parameters = [1]", "is no mapping"),
        ("default_config_parameters = {1: 2}", "is no mapping from text"),
        ("print 'Python 2'", "not Python: Missing parentheses"),
        ("default_config_parameters = " + "[" * 5000, "not Python"),
        ("\0", "not Python"),
    ],
)
def test_a_params_file_without_a_plain_mapping_is_refused(text: str, why: str) -> None:
    with pytest.raises(default_parameters.NotPlain, match=why):
        default_parameters.read(text)


def test_the_checkout_names_file_and_line_of_what_is_not_plain(tmp_path: Path) -> None:
    for name in ("src/ClusterBootstrap/services", "src/ClusterBootstrap/template", "src/docker-images"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "src/ClusterBootstrap/params.py").write_text("\ndefault_config_parameters = {'a': b}\n")
    with pytest.raises(CheckoutError, match=r"^src/ClusterBootstrap/params.py:2: b is no plain value; it is not run$"):
        open_checkout(tmp_path).defaults()
