"""A stand-in for DLWS's job exporter: what the cards do, from the NPU info generator's files or from nvidia-smi."""

# {{.Not}} for deploy.py to render: it copies .py files as they are.

import re
import shutil
import subprocess
import time
from pathlib import Path

import standin

PORT = int(standin.option("port", "9102"))
NPU = Path("/var/log/npu/npu_smi")
FRESH = 60
QUERY = ["nvidia-smi", "--query-gpu=index,utilization.gpu,temperature.gpu", "--format=csv,noheader,nounits"]
NPU_KEYS = {"Aicore Usage Rate(%)": "huaweismi_utilization_npu", "Memory Usage Rate(%)": "huaweismi_utilization_mem",
            "Temperature(C)": "huaweismi_temperature"}


def npu_samples(folder):
    """Samples of each card whose file is fresh; the generator writes them every second."""
    lines = []
    for file in sorted(folder.glob("device[0-9]*")):
        age = time.time() - file.stat().st_mtime
        number = re.sub(r"\D", "", file.name)
        lines.append(f'huaweismi_file_age_seconds{{minor_number="{number}"}} {age:.0f}')
        if age < FRESH:
            pairs = (line.partition(":") for line in file.read_text(errors="replace").splitlines())
            found = {key.strip(): value.strip() for key, _, value in pairs}
            lines += [f'{name}{{minor_number="{number}"}} {float(found[key])}' for key, name in NPU_KEYS.items()
                      if re.fullmatch(r"[0-9.]+", found.get(key, ""))]
    return lines


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
