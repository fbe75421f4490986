"""`make upstream-lab CHECKOUT=DIR`: a checkout's own manifests on the lab's hosts, with the lab's images in them.

Installs, audits, installs again (nothing may change) and installs a changed value (what reads it may change, nothing
else). The images are the lab's stand-ins under upstream's names: what one of them cannot do is named by the audit.
Exit status: 0 every stage held and the second run changed nothing, 1 otherwise.
"""

from __future__ import annotations

import sys
from pathlib import Path

from dlws.record.ledger import Outcome
from tests.lab.suite import Finished, configured, kubectl, run
from tests.upstream import site

CHANGE = ("token_ttl: 86400", "token_ttl: 43200")
"""A value that RestfulAPI's configuration has, and so the pods that mount it."""
PODS = "get pods --all-namespaces --no-headers"


def main(checkout: Path) -> int:
    """Run it; prints what each run came to."""
    text = site.text_for(checkout.resolve())
    with configured(text) as path:
        first = told("install", run("-m", "install", config=path))
        told("verify", run("-m", "verify", config=path))
        second = told("install again", run("-m", "install", config=path))
    with configured(text.replace(*CHANGE)) as path:
        told(f"install with {CHANGE[1]}", run("-m", "install", config=path))
    idle = [line for line in kubectl(PODS).splitlines() if not {"Running", "Completed"} & set(line.split())]
    print("\n".join(["== pods that do not run:", *idle]))
    return 1 if changed(second) or first.exit_status or idle else 0


def told(what: str, ran: Finished) -> Finished:
    """Print what a run changed and found, and return it."""
    print(f"== {what}: exit status {ran.exit_status}, {len(ran.ledger.results)} results")
    for name in changed(ran):
        print(f"  changed {name}")
    for result in ran.ledger.findings:
        print(f"  {result.verdict} {result.id or result.name}[{result.host}]: {result.sentence[:300]}")
    print(f"  warnings: {', '.join(sorted(ran.warned)) or 'none'}", flush=True)
    return ran


def changed(ran: Finished) -> list[str]:
    """The stages that changed something."""
    return [result.key for result in ran.ledger.results if result.outcome is Outcome.CHANGED]


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
