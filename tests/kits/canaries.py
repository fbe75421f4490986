"""A canary for every secret of the configuration, and where each could sing: what a run writes, in any spelling.

The secrets are those of the schema, so that a key that is added to it has a canary at once.
"""

from __future__ import annotations

import base64
import json
import re
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from dlws.config.schema import Configuration
from dlws.config.section import Section
from dlws.config.validation import is_secret, section_in
from dlws.platform import job_objects

WORD = "Kanarie{:02d}x"
"""The plain beginning of each canary; every one has its number."""
REST = "&<5;%41 é>ende7"
FOR_TEMPLATES = {"basic_auth", "sqlserver-password", "smtp", "storage_account_key"}


def schema_secrets(model: type[Section] = Configuration, above: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The path of every key of the schema that holds a secret."""
    for name, field in model.model_fields.items():
        path = (*above, field.alias or name)
        below = section_in(field.annotation)
        if below is not None:
            yield from schema_secrets(below, path)
        elif is_secret(path) and field.annotation is not bool:
            yield path


class Canaries:
    """The canaries of one project: its configuration, its registry login, the password of the first login."""

    def __init__(self) -> None:
        self.values: list[str] = []

    def new(self) -> str:
        """Another canary."""
        self.values.append(WORD.format(len(self.values)) + REST)
        return self.values[-1]

    def in_configuration(self, plain: Mapping[str, Any]) -> dict[str, Any]:
        """The configuration with a canary for every secret of the schema, and for some that only templates know."""
        document = json.loads(json.dumps(plain))
        for *sections, key in schema_secrets():
            within = document
            for section in sections:
                within = within.setdefault(section, {})
            within[key] = self.new()
        return document | {key: self.new() for key in sorted(FOR_TEMPLATES - {"smtp"})} | {"smtp": {"pwd": self.new()}}

    def docker_config(self) -> str:
        """Docker's config.json with a login."""
        return job_objects.login("harbor.example.org/dlws/", "dlws", self.new())


def heard(text: bytes) -> list[str]:
    """The spellings in which canaries are in a text: looked for by their plain word, by no code of the suite."""
    word = WORD.partition("{")[0]
    bare = text.translate(None, b"\r\n\\ ")
    found = {
        "plain": word.encode() in bare,
        "hexadecimal": word.encode().hex().encode() in re.sub(rb"0x|[\s,:]", b"", text.lower()),
        "decimal": b",".join(b"%d" % byte for byte in word.encode()) in re.sub(rb"[\s,]+", b",", text),
        "UTF-16": word.encode("utf-16-le") in text,
    }
    forms = {
        "\\x": "\\x{:02x}",
        "octal": "\\{:03o}",
        "%": "%{:02x}",
        "&#": "&#{};",
        "&#x": "&#x{:x};",
        "\\u": "\\u{:04x}",
    }
    for name, form in forms.items():
        found[name] = "".join(form.format(ord(c)) for c in word).encode() in text.lower()
    for encoding in ("utf-8", "utf-16-le", "utf-16-be"):
        for before in range(3):
            coded = base64.b64encode(bytes(before) + word.encode(encoding))
            found[f"base64 of {encoding}"] = found.get(f"base64 of {encoding}", False) or coded[4:-4] in bare
    for before in range(5):
        coded = base64.b32encode(bytes(before) + word.encode()).rstrip(b"=")
        found["base32"] = found.get("base32", False) or coded[(before * 8 + 4) // 5 : -1] in bare
    return [name for name, there in found.items() if there]


def contents(path: Path) -> Iterator[bytes]:
    """What is in a file; of a document that is a zip file, what is in it, and its text without the tags in between.

    A PDF is made of the very page that is acceptance.html, and so is not read.
    """
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            for name in archive.namelist():
                data = archive.read(name)
                yield from (data, re.sub(rb"<[^>]*>", b"", data))
    else:
        yield path.read_bytes()
