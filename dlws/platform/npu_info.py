"""The source of the exporters' data about Ascend NPUs: upstream's scripts/npu/npu_info_gen.py as a systemd unit.

Upstream runs a Python 2 loop from a temporary folder on every host. It does not survive a reboot, runs twice if started
twice, and crashes on a chip's name with a blank in it; so does the reader in job-exporter's image, npu_by_file.py
(docs/upstream.md#npu-information). The files have upstream's names and what that reader takes: of the list each chip's
line, in four words; of a device each key once, where the value has no colon in it.
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
chips='BEGIN {{ print "\\tNPU ID Chip ID Chip Logic ID Chip Name" }}
NF > 3 && $1 $2 $3 ~ /^[0-9]+$/ {{
  name = $4
  for (i = 5; i <= NF; i++) name = name $i
  print "\\t" $1, $2, $3, name
  n++
}}
END {{ exit !n }}'
values='NF == 2 {{
  sub(/^[ \\t]+/, "")
  key = $1
  sub(/[ \\t]+$/, "", key)
  if (!seen[key]++) {{ print "\\t" $0; n++ }}
}}
END {{ exit !n }}'
put() {{
  f=$1
  form=$2
  shift 2
  timeout 20 "$@" >"$d/.$f.said" || return 0
  if awk -F "$separator" "$form" "$d/.$f.said" >"$d/.$f.new"; then mv -f "$d/.$f.new" "$d/$f"; fi
}}
while :; do
  separator=' '
  put device_list "$chips" npu-smi info -m
  separator=:
  for id in $(awk '$1 ~ /^[0-9]+$/ {{ print $1 }}' "$d/device_list" | sort -un); do
    put "device$id" "$values" npu-smi info -t common -i "$id"
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
