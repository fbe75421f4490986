"""A web page in a real browser on the control host: its text after its scripts have run, and its picture.

What a page says is foreign, and a browser is large: it runs in Chromium's own sandbox, in a folder of its own, without
our environment, and never as root: as `nobody`, or as an operator who is not root. Where the kernel grants no sandbox,
Chromium says so and the answer is UNKNOWN.
"""

from __future__ import annotations

import base64
import binascii

from dlws.parse.platform import page
from dlws.parse.text import only_line, unparsable
from dlws.remote.host import Host

LOADS = 60
"""Seconds that the browser may take."""
PNG = b"\x89PNG\r\n\x1a\n"
_BROWSE = (
    f'timeout -k 2 {LOADS} "$0" --headless=new --disable-gpu --user-data-dir=profile --no-first-run'
    " --disable-background-networking --disable-component-update --disable-sync --disable-extensions"
    " --window-size=1280,800 --virtual-time-budget=10000"
)
_UNPRIVILEGED = (
    """d=$(mktemp -d) && trap 'rm -rf "$d"' EXIT && cd "$d" && as='' && if [ "$(id -u)" = 0 ]; then chown nobody . &&"""
    """ as="setpriv --reuid $(id -u nobody) --regid $(id -g nobody) --clear-groups"; fi &&"""
    """ env -i PATH="$PATH" HOME="$d" $as sh -c '%s' %%s %%s"""
)
"""The picture is read by the browser's user too: it may be a link to a file that only root can read."""
READ = _UNPRIVILEGED % f'{_BROWSE} --dump-dom "$1"'
PHOTOGRAPH = _UNPRIVILEGED % f'{_BROWSE} --screenshot=page.png "$1" > log && base64 -w 0 page.png'


def text(control: Host, browser: str | None, address: str) -> str | None:
    """The visible text at an address; None if the browser cannot open it. `browser` is a Chromium's command."""
    return page.shown(control.read(READ, browser, address, deadline=LOADS + 10.0))


def picture(control: Host, browser: str | None, address: str) -> bytes:
    """The page at an address as PNG. Raises Unparsable for anything else."""
    encoded = control.read(PHOTOGRAPH, browser, address, deadline=LOADS + 10.0)
    try:
        found = base64.b64decode(only_line("the browser's screenshot", encoded), validate=True)
    except binascii.Error:
        raise unparsable("the browser's screenshot", encoded, "not base64") from None
    if not found.startswith(PNG):
        raise unparsable("the browser's screenshot", why="not a PNG")
    return found
