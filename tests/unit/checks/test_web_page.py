"""D42's browser: as nobody, in its sandbox, and what it leaves behind is read as nobody too."""

from __future__ import annotations

import http.server
import pwd
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from dlws.facts import web_page
from dlws.remote.backend import quoted
from dlws.remote.host import Host
from dlws.remote.local import open_local
from dlws.verdict import Unknown
from tests.kits.browser import PROGRAM

NOBODY = pwd.getpwnam("nobody")


@pytest.fixture(scope="module")
def control() -> Iterator[Host]:
    connection = open_local()
    yield Host(connection)
    connection.close()


@pytest.fixture
def open_path() -> Iterator[Path]:
    """A folder that everyone may enter; pytest's own are closed, and it closes them again."""
    with TemporaryDirectory() as folder:
        path = Path(folder)
        path.chmod(0o711)
        yield path


@pytest.fixture
def address() -> Iterator[str]:
    """A page whose text its script writes."""

    class Page(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(b"<html><body><script>document.write(6 * 7 + ' nodes')</script></body></html>")

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/"
        server.shutdown()


def script(folder: Path, body: str) -> str:
    """A program in the browser's place."""
    path = folder / "browser"
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return str(path)


def test_the_browser_is_nobody_without_our_environment(control: Host, open_path: Path) -> None:
    browser = script(open_path, 'echo "<html><body>$(id -u) $(id -G) $(pwd -P) $HOME $(env) $*</body></html>"')
    words = (web_page.text(control, browser, "http://x/") or "").split()
    assert words[:2] == [str(NOBODY.pw_uid), str(NOBODY.pw_gid)]
    assert words[2] == words[3]
    assert {word.partition("=")[0] for word in words if "=" in word and word[0] != "-"} <= {"PATH", "HOME", "PWD", "_"}
    assert "--no-sandbox" not in words
    assert not Path(words[2]).exists()


def test_an_operator_who_is_not_root_browses_as_himself(open_path: Path) -> None:
    browser = script(open_path, 'echo "$(id -u) $HOME $*"')
    as_nobody = ["setpriv", f"--reuid={NOBODY.pw_uid}", f"--regid={NOBODY.pw_gid}", "--clear-groups"]
    command = [*as_nobody, "sh", "-c", quoted(web_page.READ, browser, "http://x/")]
    words = subprocess.run(command, capture_output=True, text=True, check=True, timeout=30).stdout.split()
    assert words[0] == str(NOBODY.pw_uid)
    assert not Path(words[1]).exists()
    assert "--no-sandbox" not in words


def test_a_browser_gone_bad_gets_no_file_of_root_into_the_report(control: Host, open_path: Path) -> None:
    private = open_path / "id_rsa"
    private.write_bytes(web_page.PNG)
    private.chmod(0o600)
    with pytest.raises(Unknown, match=r"page\.png: Permission denied"):
        web_page.picture(control, script(open_path, f"ln -s {private} page.png"), "http://x/")


def test_a_browser_without_a_sandbox_is_unknown(control: Host, open_path: Path) -> None:
    browser = script(open_path, "echo 'No usable sandbox!' >&2; kill -TRAP $$")
    with pytest.raises(Unknown, match="No usable sandbox!"):
        web_page.text(control, browser, "http://x/")


def test_chromium_shows_a_page_in_its_sandbox(control: Host, address: str) -> None:
    assert web_page.text(control, str(PROGRAM), address) == "42 nodes"
    assert web_page.picture(control, str(PROGRAM), address).startswith(web_page.PNG)
