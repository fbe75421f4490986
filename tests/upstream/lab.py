"""`make upstream-lab CHECKOUT=DIR`: a checkout's own manifests on the lab's hosts, with the lab's images in them.

Installs, audits, installs again (nothing may change) and installs a changed value (what reads it may change, nothing
else). The images are the lab's stand-ins under upstream's names: what one of them cannot do is named by the audit.
Exit status: 0 every stage held, the audit has no finding, the second install changed nothing and the changed value
something, and every pod is ready; 1 otherwise.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from dlws.record.ledger import Outcome
from tests.lab.suite import Finished, configured, kubectl, run
from tests.upstream import site

CHANGE = ("token_ttl: 86400", "token_ttl: 43200")
"""A value that RestfulAPI's configuration has, and so the pods that mount it."""
AGAIN, CHANGED = "install again", f"install with {CHANGE[1]}"
RUNS = {"install": "install", "verify": "verify", AGAIN: "install"}
PODS = "get pods --all-namespaces --no-headers"


def main(checkout: Path) -> int:
    """Run it; prints what each run came to, and at the end what is wrong."""
    text = site.text_for(checkout.resolve())
    with configured(text) as path:
        runs = {name: told(name, run("-m", words, config=path)) for name, words in RUNS.items()}
    with configured(text.replace(*CHANGE)) as path:
        runs[CHANGED] = told(CHANGED, run("-m", "install", config=path))
    wrong = [*troubles(runs), *(f"does not run: {line}" for line in kubectl(PODS).splitlines() if not runs_well(line))]
    print("\n".join(["== wrong:", *(wrong or ["nothing"])]))
    return 1 if wrong else 0


@dataclass(frozen=True, slots=True)
class Told:
    """What a run came to: its exit status, and the keys of the stages that changed something."""

    exit_status: int
    changed: tuple[str, ...] = ()


def troubles(runs: Mapping[str, Told]) -> list[str]:
    """What is wrong with the runs: one that is not green, a change of the second install, none by a changed value."""
    red = [f"{name}: exit status {ran.exit_status}" for name, ran in runs.items() if ran.exit_status]
    again = [f"{AGAIN}: changed {name}" for name in runs[AGAIN].changed]
    return [*red, *again, *([] if runs[CHANGED].changed else [f"{CHANGED}: changed nothing"])]


def runs_well(line: str) -> bool:
    """Whether a pod of PODS has ended well, or runs with all of its containers ready."""
    _namespace, _name, ready, status, *_ = line.split()
    return status == "Completed" or (status == "Running" and len(set(ready.split("/"))) == 1)


def told(what: str, ran: Finished) -> Told:
    """Print what a run changed and found, and return what it came to."""
    results = ran.ledger.results
    changed = tuple(result.key for result in results if result.outcome is Outcome.CHANGED)
    print(f"== {what}: exit status {ran.exit_status}, {len(results)} results")
    for name in changed:
        print(f"  changed {name}")
    for result in ran.ledger.findings:
        print(f"  {result.verdict} {result.id or result.name}[{result.host}]: {result.sentence[:300]}")
    print(f"  warnings: {', '.join(sorted(ran.warned)) or 'none'}", flush=True)
    return Told(ran.exit_status, changed)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
