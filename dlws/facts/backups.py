"""Backups in a folder of a host: the newest, and whether it is intact."""

from __future__ import annotations

LIST = "date +%%s && find %s -maxdepth 1 -type f -mmin +5 -name %s -printf '%%T@ %%f\\n'"
"""The host's clock, then each file and when it was written. One of the last five minutes may not be finished yet."""
SOUND = "sound"
SNAPSHOT = """
import hashlib, struct, sys
digest, kept, size = hashlib.sha256(), b"", 0
with open(sys.argv[1], "rb") as file:
    head = file.read(24)
    file.seek(0)
    for block in iter(lambda: file.read(1 << 20), b""):
        size += len(block)
        kept += block
        digest.update(kept[:-32])
        kept = kept[-32:]
if len(head) < 24 or struct.unpack("<II", head[16:]) != (0xED0CDAED, 2):
    print("no database of etcd")
elif size % 512 != 32:
    print("no snapshot but a copy, without a digest")
else:
    print("sound" if digest.digest() == kept else "damaged: its digest is another")
""".strip()
"""What `etcdctl snapshot restore` looks at: a bbolt file (magic and version in its first page), then its SHA-256."""
DUMP = """
import gzip, sys, zlib
last = b""
try:
    with (gzip.open if sys.argv[1].endswith(".gz") else open)(sys.argv[1], "rb") as file:
        for line in file:
            last = line.strip() or last
    print("sound" if last.startswith(b"-- Dump completed") else "cut off: its last line is not mysqldump's")
except (EOFError, zlib.error):
    print("cut off within gzip")
""".strip()
READ_DEADLINE = 240.0
"""Seconds to read a backup of some GB once."""
