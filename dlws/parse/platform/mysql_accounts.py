"""The accounts of MySQL and MariaDB, as `ACCOUNTS` of dlws.platform.database asks for them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from dlws.parse.text import lines, unparsable

SOURCE: Final = "mysql.user"
BY_PASSWORD: Final = ("", "mysql_native_password", "mysql_old_password", "caching_sha2_password", "sha256_password")
"""Plugins that take no password where none is set; "" is the first of them. Others (auth_socket, unix_socket, LDAP,
ed25519) have another proof of who it is, or refuse."""
_LOCAL: Final = re.compile(r"localhost|127\.\S*|::1")
_FORM: Final = re.compile(r"account ([0-9A-F]*) ([0-9A-F]*) (\S*) (empty|set) ([YN]) ([YN]{6})")


@dataclass(frozen=True, slots=True)
class Account:
    """One account, `'root'@'%'`. `powers` are those of its privileges on everything that make it an administrator's."""

    user: str
    host: str
    plugin: str
    has_password: bool
    is_locked: bool
    powers: tuple[str, ...]

    def __str__(self) -> str:
        return f"'{self.user}'@'{self.host}'"

    @property
    def is_of_network(self) -> bool:
        """Whether it may sign in from elsewhere than the server's own container."""
        return not _LOCAL.fullmatch(self.host)

    @property
    def is_open(self) -> bool:
        """Whether it signs in with an empty password."""
        return self.plugin in BY_PASSWORD and not self.has_password and not self.is_locked


POWERS: Final[Mapping[str, str]] = {
    "Super_priv": "SUPER",
    "Create_user_priv": "CREATE USER",
    "Grant_priv": "GRANT OPTION",
    "global_grants": "ROLE_ADMIN or SET_USER_ID",
    "Insert_priv, Update_priv": "INSERT or UPDATE of mysql.*",
    "role_edges, roles_mapping": "a role with these",
}
"""By column of mysql.user, the privileges with which an account gives itself every other: those of global_grants are
MySQL 8's dynamic ones, those to INSERT may be for the schema mysql, or one of its tables, alone. A role gives its own
to whoever it is granted to."""


def parse(text: str) -> tuple[Account, ...]:
    """The accounts. Unparsable when there is none."""
    found = []
    for line in lines(SOURCE, text):
        row = _FORM.fullmatch(line.strip())
        if row is None:
            raise unparsable(SOURCE, line)
        powers = tuple(word for word, has in zip(POWERS.values(), row[6], strict=True) if has == "Y")
        user, host = _text(row[1]), _text(row[2])
        found.append(Account(user, host, row[3].strip('"'), row[4] == "set", row[5] == "Y", powers))
    if not found:
        raise unparsable(SOURCE, why="no account, not even root")
    return tuple(found)


def _text(digits: str) -> str:
    try:
        return bytes.fromhex(digits).decode()
    except ValueError:
        raise unparsable(SOURCE, digits) from None
