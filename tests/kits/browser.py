"""Headless Chromium, controlled by the DevTools protocol: the actions of a user on a page, and what is then visible."""

from __future__ import annotations

import base64
import json
import os
import pwd
import shutil
import subprocess
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Any

from websocket import create_connection

PROGRAM = next(filter(None, map(shutil.which, ("chromium", "google-chrome"))), None)
DEADLINE = 60.0  # seconds for the browser to start, and for each answer
_KEYS = {"Escape": 27, "Enter": 13, "ArrowLeft": 37, "ArrowUp": 38, "ArrowRight": 39, "ArrowDown": 40}


class Browser:
    """One browser with one tab. `requests` are the URLs it requested, `errors` the exceptions of its scripts."""

    def __init__(self) -> None:
        assert PROGRAM, "no Chromium: apt-get install chromium"
        self._folder = Path(tempfile.mkdtemp(prefix="browser-"))
        profile = self._folder / "profile"
        self._process = subprocess.Popen(
            [
                *_unprivileged(self._folder),
                PROGRAM,
                "--headless=new",
                "--disable-gpu",
                "--disable-dev-shm-usage",
                "--no-first-run",
                "--disable-background-networking",
                "--hide-scrollbars",
                "--window-size=1440,900",
                "--remote-debugging-port=0",
                f"--user-data-dir={profile}",
                "about:blank",
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={"PATH": os.environ["PATH"], "HOME": str(self._folder)},
        )
        self.requests: list[str] = []
        self.errors: list[str] = []
        self._number, self._loads = 0, 0
        try:
            self._socket = create_connection(self._address(profile), timeout=DEADLINE, suppress_origin=True)
            for domain in ("Page", "Runtime", "Network"):
                self.ask(f"{domain}.enable")
        except BaseException:
            self.close()
            raise

    def _address(self, profile: Path) -> str:
        """The tab's socket, once the browser has written its port to a file."""
        until = time.monotonic() + DEADLINE
        while time.monotonic() < until and self._process.poll() is None:
            try:
                port = (profile / "DevToolsActivePort").read_text().splitlines()[0]
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/json/list", timeout=DEADLINE) as answer:
                    return next(str(tab["webSocketDebuggerUrl"]) for tab in json.load(answer) if tab["type"] == "page")
            except (OSError, IndexError, StopIteration):
                time.sleep(0.05)
        raise TimeoutError(f"{PROGRAM} did not open its DevTools within {DEADLINE:.0f} s")

    def ask(self, method: str, **parameters: Any) -> dict[str, Any]:
        """The answer to a protocol command; events received meanwhile are noted."""
        self._number += 1
        self._socket.send(json.dumps({"id": self._number, "method": method, "params": parameters}))
        while True:
            message = json.loads(self._socket.recv())
            self._note(message)
            if message.get("id") == self._number:
                assert "error" not in message, f"{method}: {message['error']}"
                return dict(message["result"])

    def _note(self, message: dict[str, Any]) -> None:
        if message.get("method") == "Network.requestWillBeSent":
            self.requests.append(message["params"]["request"]["url"])
        if message.get("method") == "Page.loadEventFired":
            self._loads += 1
        if message.get("method") == "Runtime.exceptionThrown":
            self.errors.append(message["params"]["exceptionDetails"]["exception"].get("description", "?"))

    def open(self, file: Path, anchor: str = "") -> float:
        """Load a page from a copy that the browser may read, with the pages beside it that it links to.

        Returns the seconds until it is drawn.
        """
        shown = Path(tempfile.mkdtemp(dir=self._folder))
        shown.chmod(0o755)
        for page in file.parent.parent.glob(f"*/{file.name}"):
            (shown / page.parent.name).mkdir()
            shutil.copyfile(page, shown / page.parent.name / page.name)
        began = time.monotonic()
        for address in ("about:blank", (shown / file.parent.name / file.name).as_uri() + anchor):
            loads = self._loads
            self.ask("Page.navigate", url=address)
            self._wait_for_load(loads)
        self.run("new Promise((done) => requestAnimationFrame(() => setTimeout(done)))")
        return time.monotonic() - began

    def follow(self, selector: str) -> None:
        """Click on a link to another page and wait until it is loaded."""
        loads = self._loads
        self.click(selector)
        self._wait_for_load(loads)

    def _wait_for_load(self, loads: int) -> None:
        """Wait until more than `loads` pages have been loaded; the socket's deadline limits the wait."""
        until = time.monotonic() + DEADLINE
        while self._loads == loads:
            assert time.monotonic() < until, f"no page was loaded within {DEADLINE:.0f} s"
            self._note(json.loads(self._socket.recv()))

    def run(self, script: str) -> Any:
        """The value of an expression in the page; promises are awaited."""
        answer = self.ask("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def text(self, selector: str) -> str:
        """The visible text of the first such element; empty if there is none or it is hidden."""
        return str(self.run(f"document.querySelector({json.dumps(selector)})?.innerText ?? ''"))

    def count(self, selector: str) -> int:
        """The number of such elements that are visible."""
        shown = "(e) => e.checkVisibility()"
        return int(self.run(f"[...document.querySelectorAll({json.dumps(selector)})].filter({shown}).length"))

    def click(self, selector: str) -> None:
        """Click in the middle of the first such element that is visible."""
        middle = """(selector) => {
            const element = [...document.querySelectorAll(selector)].find((e) => e.checkVisibility());
            if (!element) return null;
            element.scrollIntoView({block: "center", inline: "center", behavior: "instant"});
            const box = element.getBoundingClientRect();
            return [box.x + box.width / 2, box.y + box.height / 2];
        }"""
        place, before = self.run(f"({middle})({json.dumps(selector)})"), None
        until = time.monotonic() + DEADLINE
        while place != before and time.monotonic() < until:  # panels that open or close move it for a moment
            time.sleep(0.1)
            before, place = place, self.run(f"({middle})({json.dumps(selector)})")
        assert place, f"nothing to click: {selector}"
        assert place == before, f"{selector} did not come to rest within {DEADLINE:.0f} s"
        for kind in ("mousePressed", "mouseReleased"):
            self.ask("Input.dispatchMouseEvent", type=kind, x=place[0], y=place[1], button="left", clickCount=1)

    def type(self, words: str) -> None:
        """Type text into the focused element."""
        self.ask("Input.insertText", text=words)

    def press(self, key: str) -> None:
        """Press a key."""
        event = {"key": key, "windowsVirtualKeyCode": _KEYS.get(key) or ord(key.upper())}
        if key not in _KEYS:
            event["text"] = key
        self.ask("Input.dispatchKeyEvent", type="keyDown", **event)
        self.ask("Input.dispatchKeyEvent", type="keyUp", **event)

    def prefer(self, scheme: str) -> None:
        """Set the system's colour scheme: `light` or `dark`."""
        self.ask("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])

    def screenshot(self) -> bytes:
        """The visible page as PNG."""
        return base64.b64decode(self.ask("Page.captureScreenshot", format="png")["data"])

    def printed(self) -> bytes:
        """The printed page as PDF."""
        return base64.b64decode(self.ask("Page.printToPDF", printBackground=True, preferCSSPageSize=True)["data"])

    def close(self) -> None:
        """End the browser that this object started."""
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(10)
        shutil.rmtree(self._folder, ignore_errors=True)


def _unprivileged(folder: Path) -> list[str]:
    """The start of a command that runs as nobody, who then owns the folder: as root, Chromium has no sandbox."""
    if os.getuid() != 0:
        return []
    nobody = pwd.getpwnam("nobody")
    os.chown(folder, nobody.pw_uid, nobody.pw_gid)
    return ["setpriv", f"--reuid={nobody.pw_uid}", f"--regid={nobody.pw_gid}", "--clear-groups"]
