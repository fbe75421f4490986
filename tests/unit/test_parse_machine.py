"""df, SecureBoot, boot identity, modules, sysctl files."""

from __future__ import annotations

import pytest

from cluster.parse import df, secure_boot
from cluster.parse.secure_boot import SecureBoot
from cluster.verdict import Unparsable

# Recorded: coreutils 9.1, LC_ALL=C and zh_CN.UTF-8; the third transcribed from coreutils 8.28 zh_CN.
ROWS = """\
/dev/vda       270553174016 24514314240 84429979648      23% /
//nas/my share  25276510208           0 25276510208       0% /mnt/my share
"""
HEADERS = [
    "Filesystem         1-blocks        Used   Available Capacity Mounted on\n",
    "文件系统              1的块        已用        可用 容量 挂载点\n",
    "文件系统              1-块        已用        可用 容量 挂载点\n",
]


@pytest.mark.parametrize("header", HEADERS)
def test_df_is_in_bytes_in_any_language(header):
    root, share = df.parse(header + ROWS)
    assert root == df.FileSystem("/dev/vda", 270553174016, 24514314240, 84429979648, "/")
    assert (share.source, share.mountpoint) == ("//nas/my share", "/mnt/my share")


@pytest.mark.parametrize("text", ["", HEADERS[0], ROWS, HEADERS[0] + ROWS[:40], HEADERS[0].replace("1-", "1K-") + ROWS])
def test_df_without_header_or_rows_or_in_other_units_is_unknown(text):
    with pytest.raises(Unparsable):
        df.parse(text)


@pytest.mark.parametrize(
    ("text", "state"),
    [
        ("EFI variables are not supported on this system\n", SecureBoot.NO_EFI),  # recorded, mokutil 0.6.0
        ("SecureBoot enabled\n", SecureBoot.ENABLED),
        ("SecureBoot disabled\nPlatform is in Setup Mode\n", SecureBoot.DISABLED),
        ("SecureBoot enabled\nSecureBoot validation is disabled in shim\n", SecureBoot.ENABLED),
        ("This system doesn't support Secure Boot\r\n", SecureBoot.UNSUPPORTED),
    ],
)
def test_mokutil_tells_secure_boot(text, state):
    assert secure_boot.mokutil(text) is state


@pytest.mark.parametrize(
    "text", ["", "Cannot determine secure boot state.\n", "SecureBoot", "sh: 1: mokutil: not found"]
)
def test_mokutil_that_says_anything_else_is_unknown(text):
    with pytest.raises(Unparsable):
        secure_boot.mokutil(text)


@pytest.mark.parametrize(("last", "state"), [(1, SecureBoot.ENABLED), (0, SecureBoot.DISABLED)])
def test_the_efi_variable_ends_in_the_state(last, state):
    assert secure_boot.efivar(f"   6   0   0   0   {last}\n") is state


@pytest.mark.parametrize("text", ["", "6 0 0 0\n", "6 0 0 0 2\n", "1\n", "6 0 0 0 1\n0 0\n"])
def test_another_efi_variable_is_unknown(text):
    with pytest.raises(Unparsable):
        secure_boot.efivar(text)
