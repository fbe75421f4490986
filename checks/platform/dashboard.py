"""D42: what a person sees who opens the web interface, in a real browser on the control host."""

from __future__ import annotations

import base64
import binascii

from checks.platform import endpoints
from checks.platform.services import RUNS
from dlws.config.cluster import Cluster
from dlws.engine.check import check, expect_that
from dlws.engine.targets import browsing_control_host
from dlws.parse.platform import page
from dlws.parse.text import only_line, unparsable
from dlws.platform.services import by_name
from dlws.remote.host import Host

LOADS = 60
"""Seconds that the browser may take."""
BROWSE = (
    """d=$(mktemp -d) && trap 'rm -rf "$d"' EXIT && cd "$d" && export HOME="$d" && """
    f"timeout -k 2 {LOADS} %s --headless=new --no-sandbox --disable-gpu --user-data-dir=profile --no-first-run"
    " --disable-background-networking --disable-component-update --disable-sync --disable-extensions"
    " --window-size=1280,800 --virtual-time-budget=10000"
)
READ = f"{BROWSE} --dump-dom %s"
PHOTOGRAPH = f"{BROWSE} --screenshot=page.png %s > log && base64 -w 0 page.png"
PNG = b"\x89PNG\r\n\x1a\n"


@check(
    "D42",
    section="3.16",
    source="product checklist",
    on=browsing_control_host,
    title_zh="浏览器中可打开 Web 界面",
    fix=f"open the address in a browser and look at its console; see D01 and {by_name('webui3').id}",
    causes=[RUNS["nginx"], RUNS["webui3"], endpoints.test_routes_answer],
)
def test_dashboard_shows(cluster: Cluster, control: Host) -> None:
    """The web interface loads in a browser; a screenshot is in the report."""
    address = f"http://{cluster.master.address}/"
    words = page.shown(control.read(READ, cluster.suite.browser, address, deadline=LOADS + 10.0))
    expect_that(words is not None, address, found="a page that the browser cannot open", expected="the web interface")
    expect_that(words, f"text on {address}", found="none (its scripts do not run)", expected="some")
    picture(control.read(PHOTOGRAPH, cluster.suite.browser, address, deadline=LOADS + 10.0))


def picture(encoded: str) -> bytes:
    """A PNG picture from its base64 text. Raises Unparsable for anything else."""
    try:
        found = base64.b64decode(only_line("the browser's screenshot", encoded), validate=True)
    except binascii.Error:
        raise unparsable("the browser's screenshot", encoded, "not base64") from None
    if not found.startswith(PNG):
        raise unparsable("the browser's screenshot", why="not a PNG")
    return found
