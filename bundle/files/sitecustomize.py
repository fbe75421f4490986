"""Names of hosts and users come from files and DNS: glibc would load the machine's own modules for anything else."""

import ctypes

_libc = ctypes.CDLL("libc.so.6")
for _database, _services in ((b"hosts", b"files dns"), (b"passwd", b"files"), (b"group", b"files")):
    _libc.__nss_configure_lookup(_database, _services)
