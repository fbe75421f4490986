"""A stand-in for DLWS's job exporter: what the cards do, from the NPU info generator's files or from nvidia-smi."""

# {{.Not}} for deploy.py to render: it copies .py files as they are.

import shutil
import subprocess
from pathlib import Path

import standin

PORT = int(standin.option("port", "9102"))
NPU = Path("/var/log/npu/npu_smi")
QUERY = ["nvidia-smi", "--query-gpu=index,utilization.gpu,temperature.gpu", "--format=csv,noheader,nounits"]
NPU_KEYS = {"Aicore Usage Rate(%)": "huaweismi_utilization_npu", "Memory Usage Rate(%)": "huaweismi_utilization_mem",
            "Temperature(C)": "huaweismi_temperature"}


def npu_samples(folder):
    """Samples of each NPU of the list; none of any where a line of a file is not as the real reader wants it."""
    if not shutil.which("npu-smi"):
        return []
    try:
        lines = []
        for number in numbers((folder / "device_list").read_text()):
            found = values((folder / f"device{number}").read_text())
            lines += [f'{name}{{minor_number="{number}"}} {float(found[key])}' for key, name in NPU_KEYS.items() if key in found]
        return list(dict.fromkeys(lines))
    except (OSError, ValueError) as error:
        standin.say(f"error: NPU files: {error}")
        return []


def numbers(text):
    """The first word of each line but the header; ValueError for a line that has not exactly four words."""
    found = []
    for line in text.split("\n\t")[1:]:
        npu, _, _, _ = (word for word in line.split(" ") if word not in ("", "\n"))
        found.append(npu)
    return found


def values(text):
    """What stands behind each key, the last of one name; ValueError for a line that has not exactly one colon."""
    found = {}
    for line in text.split("\n\t"):
        key, value = line.split(":")
        found[key.strip()] = value
    return found


def gpu_samples():
    if not shutil.which(QUERY[0]):
        return []
    try:
        said = subprocess.run(QUERY, capture_output=True, text=True, timeout=20, check=True).stdout
    except (OSError, subprocess.SubprocessError) as error:
        standin.say(f"error: {error}")
        return ["job_exporter_nvidia_smi_ok 0"]
    lines = ["job_exporter_nvidia_smi_ok 1"]
    for row in said.splitlines():
        number, used, heat = (cell.strip() for cell in row.split(","))
        lines += [f'nvidiasmi_utilization_gpu{{minor_number="{number}"}} {used}',
                  f'nvidiasmi_temperature{{minor_number="{number}"}} {heat}']
    return lines


def samples(request):
    lines = [*npu_samples(NPU), *gpu_samples()]
    return standin.metrics("job_exporter_up 1", *lines)


if __name__ == "__main__":
    standin.serve({"/healthz": standin.healthy, "/metrics": samples}, PORT)
