"""How a stage is run: prove; if something does not hold, change; prove again."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from dlws.engine.arguments import ARGUMENTS
from dlws.engine.check import Check, Mismatch
from dlws.engine.site import Site
from dlws.engine.stage import Step
from dlws.inventory import Target
from dlws.record.answer import ApiUnreachable, LinkLost, Unreachable
from dlws.record.ledger import ActionRow, Outcome, Proof
from dlws.remote.change import Applier, Change, ChangeFailed, Planner
from dlws.verdict import NotApplicable, Unknown, Verdict

SETTLE_DEADLINE = 30 * 60.0  # as long as the longest command (apt) may take


@dataclass(frozen=True, slots=True)
class Course:
    """How a stage went: what it did, the verdict, the message of what does not hold, and the proofs."""

    outcome: Outcome
    verdict: Verdict
    message: str = ""
    proofs: tuple[Proof, ...] = ()


def run_stage(
    site: Site,
    step: Step,
    *,
    missing: list[Step],
    earlier: list[Step],
    actions: list[ActionRow],
    on_action: Callable[[str], None],
) -> Course:
    """Run one stage on its target. `missing` are the steps before it that this run leaves out, `earlier` all others.

    What it does is added to `actions` at once: it is known even when this raises. Unreachable passes through: it is a
    finding about the host, not about the stage.
    """
    for before in missing:
        if lacking := unmet(site, before, step.target):  # no other stage of this run is red for it
            return Course(Outcome.FAILED, lacking.verdict, f"not begun: needs {before.label}: {lacking.message}")
    proofs = prove(site, step.stage.proves, step.target)
    if site.context.plan and not proofs:
        return Course(Outcome.PLANNED, Verdict.NOT_RUN, "judged by a check that touches the host: not in a plan")
    if first_red(proofs) is None:
        return Course(Outcome.UNCHANGED, Verdict.PASS, proofs=proofs)
    trouble = act(site, step, actions, on_action)
    if site.context.plan and actions and trouble is None:
        return Course(Outcome.PLANNED, Verdict.NOT_RUN, "planned", proofs)
    if site.context.plan and any(unmet(site, before, step.target) for before in earlier):
        later = f"more after the planned changes: {trouble}" if trouble else "to be judged after the planned changes"
        return Course(Outcome.PLANNED, Verdict.NOT_RUN, later, proofs)
    proofs = proofs if not actions else prove(site, step.stage.proves, step.target)
    red = first_red(proofs)
    if red is None:
        return Course(Outcome.CHANGED, Verdict.PASS, trouble or "", proofs)
    message = f"{trouble}; and {red.message}" if trouble else red.message
    return Course(Outcome.FAILED, red.verdict, message, proofs)


def act(site: Site, step: Step, actions: list[ActionRow], on_action: Callable[[str], None]) -> str | None:
    """Carry out the stage's body. None, or what went wrong in it: the proofs that follow have the last word.

    Each argument that changes a machine gets a `Change` on it (`fixtures/change.py`).
    """
    function, master = step.stage.function, site.cluster.master
    changes: dict[str, Change] = {}
    try:
        for name, machine in ARGUMENTS.changed_machines(site, function, step.target).items():
            changes[name] = Change(site.host(machine), _sender(site, machine), on_action, actions, site.kube)
        function(**ARGUMENTS.given(site, function, step.target, **changes))
    except LinkLost as error:
        try:
            for change in changes.values():
                change.sender.settle(SETTLE_DEADLINE)
        except Unknown as unsettled:
            return f"{error}; {unsettled}"
        return str(error)
    except Unreachable as error:
        if step.target == master or not str(error).startswith(f"{master.name}:"):
            raise
        return str(error)  # the loss of the master is a finding of its own
    except (ChangeFailed, Unknown) as error:
        return str(error)
    return None


def unmet(site: Site, before: Step, target: Target) -> Proof | None:
    """What of an earlier step does not hold, asked of its host. Another host's loss says nothing about the target."""
    try:
        return first_red(prove(site, before.stage.proves, before.target))
    except Unreachable as error:
        if before.target == target:
            raise
        return Proof(id="", name=before.stage.name, verdict=Verdict.UNKNOWN, message=str(error))


def _sender(site: Site, target: Target) -> Applier | Planner:
    if site.context.plan:
        return Planner()
    return Applier(site.host(target), lambda: site.fleet.connection(target.name))


def prove(site: Site, checks: tuple[Check, ...], target: Target) -> tuple[Proof, ...]:
    """The verdict of each check that speaks of the target. A plan leaves out those that load or touch something."""
    allowed = [check for check in checks if not (site.context.plan and check.is_active)]
    asked = [(check, check.target_for(target, site.cluster)) for check in allowed]
    return tuple(judge(site, check, subject) for check, subject in asked if subject is not None)


def judge(site: Site, check: Check, target: Target) -> Proof:
    """Run one check; its message stands alone: it names the check and says how to mend. Unreachable passes through."""
    try:
        verdict, found = verdict_of(site, check, target)
    except ApiUnreachable as error:  # a stage that has yet to make the API does not stop at its absence
        verdict, found = Verdict.UNKNOWN, f"cannot know: {error}"
    message = f"{check.id} {found}. Fix: {check.fix}" if verdict not in (Verdict.PASS, Verdict.NA) else found
    return Proof(id=check.id, name=check.name, verdict=verdict, message=message)


def verdict_of(site: Site, check: Check, target: Target) -> tuple[Verdict, str]:
    """Run one check outside pytest's protocol: the verdict, and what was found, alike for alike hosts; "" for PASS.

    Unreachable and ApiUnreachable pass through: they are findings of their own, not of every check that meets them.
    """
    try:
        check.function(**ARGUMENTS.given(site, check.function, target))
    except (Unreachable, ApiUnreachable):
        raise
    except NotApplicable as error:
        return Verdict.NA, str(error)
    except Unknown as error:
        return Verdict.UNKNOWN, f"cannot know: {str(error).removeprefix(f'{target.name}: ')}"
    except Exception as error:
        return (Verdict.FAIL, str(error)) if is_finding(error, check) else (Verdict.UNKNOWN, fault(error))
    return Verdict.PASS, ""


def is_finding(error: Exception, check: Check) -> bool:
    """Whether it says that the fact is not as it must be: a Mismatch, or an `assert` of the check's own package."""
    if not isinstance(error, AssertionError):
        return False
    package = check.function.__module__.split(".")[0]
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    return isinstance(error, Mismatch) or str(frames[-1].f_globals.get("__name__")).split(".")[0] == package


def fault(error: Exception) -> str:
    """A fault of the suite, or of a library, in one line: what it was and the last three places it came through."""
    frames = traceback.extract_tb(error.__traceback__)[-3:]
    where = " < ".join(f"{Path(f.filename).parent.name}/{Path(f.filename).name}:{f.lineno}" for f in reversed(frames))
    return f"the suite itself broke: {type(error).__name__}: {error} ({where})"


def first_red(proofs: tuple[Proof, ...]) -> Proof | None:
    """The first proof that does not hold, a known failure before an unknown."""
    red = [p for p in proofs if p.verdict.is_red]
    return min(red, key=lambda p: p.verdict is Verdict.UNKNOWN, default=None)
