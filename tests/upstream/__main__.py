"""`make upstream CHECKOUT=DIR`: the suite held against a real DLWorkspace checkout, for three clusters of four hosts.

Lints and renders each of CONFIGURATIONS with DIR in place of the stand-in, then prints every field in which the suite
does not follow DIR's own templates and defaults and that docs/platform.md does not explain. No host is asked.
Exit status: 0 none, 1 some, or DIR cannot be rendered, 2 wrong usage.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import yaml

from dlws.config.cluster import Cluster, inspect, load
from dlws.config.finding import errors
from dlws.platform import parameters, renderings, services
from dlws.platform.renderings import Platform
from dlws.record.redaction import Redactor
from lab import dlws_images
from tests.upstream import known, site, stand_in
from tests.upstream.comparison import differences
from tests.upstream.oracle import Upstream

NOT_COMPARED = (
    "files that prebuild.sh copies into an image: it is a shell script, which is not run",
    "kubeadm, mounts, hosts files and sudoers: deploy.py has no template of them; checks hold them on hosts",
)
CONFIGURATIONS = {
    "the lab's configuration, with Alertmanager": site.write,
    "the documentation's example": site.write_example,
    "that example with Alertmanager, on an amd64 master without accelerators": site.write_amd64,
}


def main(argv: list[str]) -> int:
    """Run it; `argv` is the checkout alone; `-v` before it prints the explained differences too."""
    *options, checkout = argv or [""]
    if not Path(checkout).is_dir() or not checkout or options not in ([], ["-v"]):
        print("usage: python -m tests.upstream [-v] DIR, a clone of DLWorkspace (branch V0.1.6.1)", file=sys.stderr)
        return 2
    root = Path(checkout).resolve()
    worst = 0
    for name, write in CONFIGURATIONS.items():
        print(f"==== {name}, with {checkout}")
        with TemporaryDirectory() as folder:
            worst = max(worst, _held(write(Path(folder), root), root, options))
    for text in NOT_COMPARED:
        print(f"  not compared: {text}")
    return worst


def _held(path: Path, checkout: Path, options: list[str]) -> int:
    print("== lint")
    findings = inspect(path)[1]
    for finding in findings:
        print(f"  {str(finding).removeprefix(f'{path}:')}")
    return 1 if errors(findings) else _compare(path, checkout, options)


def _compare(path: Path, checkout: Path, options: list[str]) -> int:
    cluster = load(path)
    print("== render: every service, the files of the web interface, the names of images")
    troubles = renderings.troubles(cluster)
    for trouble in troubles:
        print(f"  {trouble}")
    if troubles:
        return 1
    platform = renderings.of(cluster)
    count = sum(len(platform.manifests(service.name)) for service in services.SERVICES)
    print(f"  {len(services.SERVICES)} services, {count} objects")
    print("== compare: field by field with what the checkout's own templates and defaults say")
    written = yaml.safe_load(path.read_text(encoding="utf-8"))
    upstream = Upstream(checkout, written, site.ID)
    by_row, unknown = known.explained(differences(cluster, upstream, platform), known.rows())
    masked = Redactor([*cluster.secrets, *parameters.secrets(platform.renderer.cnf)])
    for row, explained in by_row.items():
        if row.at:
            print(f"  {len(explained):4} fields  deploy.py: {row.deploy_py}; the suite: {row.suite}")
        for difference in explained if "-v" in options else ():
            print(f"         {masked(str(difference))}")
    for difference in unknown:
        print(f"  NOT EXPLAINED  {masked(str(difference))}")
    print(f"  {sum(map(len, by_row.values()))} fields differ as docs/platform.md says, {len(unknown)} otherwise")
    _tell_what_the_lab_hides(cluster, platform)
    return 1 if unknown else 0


def _tell_what_the_lab_hides(cluster: Cluster, platform: Platform) -> None:
    print("== compare: the objects of the lab's stand-in with the checkout's; what differs no run on the lab has shown")
    settings = cluster.settings.model_copy(update={"dlworkspace": str(dlws_images.CHECKOUT)})
    found = stand_in.differences(platform, renderings.of(replace(cluster, settings=settings)))
    for difference in found:
        print(f"  {difference}")
    print(f"  {len(found)} fields")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
