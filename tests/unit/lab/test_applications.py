"""The stand-in's applications take what the suite writes for them, as the real ones would."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from dlws.platform import rendering, web_files
from tests.kits.checkout import STAND_IN, cluster_of
from tests.kits.programs import module

WEBUI = module(STAND_IN / "src/dashboard/server/index.py")


def local_yaml(folder: Path) -> Path:
    cluster = cluster_of(folder)
    path = folder / "local.yaml"
    path.write_text(web_files.local_yaml(cluster, rendering.renderer(cluster)))
    return path


def test_the_web_interface_starts_with_the_documentations_example(tmp_path: Path) -> None:
    found = WEBUI.configured(str(local_yaml(tmp_path)))
    assert found["wechat"] == {"appId": "", "appSecret": ""}
    assert found["activeDirectory"] == {"tenant": "", "clientId": "", "clientSecret": ""}


@pytest.mark.parametrize("name", WEBUI.READ_AT_START)
def test_the_web_interface_ends_without_a_property(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    path = local_yaml(tmp_path)
    web = yaml.safe_load(path.read_text())
    path.write_text(yaml.safe_dump({key: value for key, value in web.items() if key != name}))
    with pytest.raises(SystemExit):
        WEBUI.configured(str(path))
    assert f'Configuration property "{name}" is not defined' in capsys.readouterr().err
