"""The source of the exporters' data about Ascend NPUs: upstream's scripts/npu/npu_info_gen.py as a systemd unit.

Upstream runs a Python 2 loop from a temporary folder on every host. It does not survive a reboot, runs twice if started
twice, and crashes on a chip's name with a blank in it (docs/upstream.md#npu-information). The files are the same,
because job-exporter mounts their folder.
"""

from __future__ import annotations

from typing import Final

FOLDER: Final = "/var/log/npu/npu_smi"
UNIT: Final = "dlws-npu-info.service"
UNIT_FILE: Final = f"/etc/systemd/system/{UNIT}"
SCRIPT_FILE: Final = "/usr/local/sbin/dlws-npu-info"
UPSTREAM: Final = "npu_info_gen[.]py"
"""A pattern for pgrep that finds upstream's generator, which would write the same files."""
SCRIPT: Final = f"""\
#!/bin/sh
# Written by the DLWS suite: what npu-smi says, for job-exporter. A file is replaced whole, and only by an answer.
d={FOLDER}
mkdir -p "$d"
put() {{
  f=$1
  shift
  if timeout 20 "$@" >"$d/.$f.new"; then mv -f "$d/.$f.new" "$d/$f"; fi
}}
while :; do
  put device_list npu-smi info -m
  for id in $(awk '$1 ~ /^[0-9]+$/ {{ print $1 }}' "$d/device_list" | sort -un); do
    put "device$id" npu-smi info -t common -i "$id"
  done
  sleep 1
done
"""
UNIT_TEXT: Final = f"""\
[Unit]
Description=What npu-smi says, for DLWS's job-exporter

[Service]
ExecStart={SCRIPT_FILE}
Environment=PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
Restart=always
RestartSec=5

[Install]
WantedBy=multi-user.target
"""
