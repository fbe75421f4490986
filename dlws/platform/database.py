"""The platform's database (runbook 3.16.8, docs/upstream.md#database): who may sign in, and what must be in it."""

from __future__ import annotations

from typing import Final

USER: Final = "root"
PLUGIN: Final = "mysql_native_password"
"""What the platform's own, old client can sign in with."""


def name(cluster_id: str) -> str:
    """The platform's database: it is named after the cluster's id, so another id means an empty platform."""
    return f"DLWSCluster-{cluster_id}"


def grants(password: str, version: str) -> str:
    """SQL that lets root in from other hosts, for the standard input of a client; to be run again without harm.

    `version` is the server's own, `8.0.20` or `10.11.6-MariaDB`: the two word it differently. The runbook first makes
    the user without a password, and the port is open: here there is no such moment.
    """
    secret = _quoted(password)
    how = f"VIA {PLUGIN} USING PASSWORD({secret})" if "mariadb" in version.lower() else f"WITH {PLUGIN} BY {secret}"
    identified = f"'{USER}'@'%' IDENTIFIED {how}"
    statements = (
        f"CREATE USER IF NOT EXISTS {identified}",
        f"ALTER USER {identified}",
        f"GRANT ALL PRIVILEGES ON *.* TO '{USER}'@'%' WITH GRANT OPTION",
        "FLUSH PRIVILEGES",
    )
    return "".join(f"{statement};\n" for statement in statements)


def _quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
