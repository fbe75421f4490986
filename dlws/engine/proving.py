"""How a stage is run: prove; if something does not hold, change; prove again."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from pathlib import Path

from dlws.engine.arguments import ARGUMENTS
from dlws.engine.check import Check
from dlws.engine.judgement import Judgement, failed
from dlws.engine.site import Site
from dlws.engine.stage import Step
from dlws.inventory import Target
from dlws.record.answer import ApiUnreachable, LinkLost, Unreachable
from dlws.record.ledger import ActionRow, Outcome, Proof
from dlws.remote.change import Applier, Change, ChangeFailed, Planner
from dlws.verdict import Mismatch, NotApplicable, Unknown, Verdict

SETTLE_DEADLINE = 30 * 60.0  # as long as the longest command (apt) may take


def run_stage(
    site: Site,
    step: Step,
    *,
    missing: list[Step],
    earlier: list[Step],
    actions: list[ActionRow],
    on_action: Callable[[str], None],
) -> Judgement:
    """Run one stage on its target. `missing` are the steps before it that this run leaves out, `earlier` all others.

    What it does is added to `actions` at once: it is known even when this raises. Unreachable passes through: it is a
    finding about the host, not about the stage.
    """
    for before in missing:
        if lacking := unmet(site, before, step.target):  # no other stage of this run is red for it
            return _failed(lacking.verdict, f"not begun: needs {before.label}: {lacking.sentence}")
    proofs = prove(site, step.stage.proves, step.target)
    if site.context.plan and not proofs:
        return _planned("judged by a check that touches the host: not in a plan")
    if first_red(proofs) is None:
        return Judgement(verdict=Verdict.PASS, outcome=Outcome.UNCHANGED, proofs=proofs)
    trouble = act(site, step, actions, on_action)
    if site.context.plan and actions and trouble is None:
        return _planned("planned", proofs)
    if site.context.plan and any(unmet(site, before, step.target) for before in earlier):
        later = f"more after the planned changes: {trouble}" if trouble else "to be judged after the planned changes"
        return _planned(later, proofs)
    proofs = proofs if not actions else prove(site, step.stage.proves, step.target)
    red = first_red(proofs)
    if red is None:
        return Judgement(verdict=Verdict.PASS, outcome=Outcome.CHANGED, message=trouble or "", proofs=proofs)
    return _failed(red.verdict, f"{trouble}; and {red.sentence}" if trouble else red.sentence, proofs)


def _failed(verdict: Verdict, message: str, proofs: tuple[Proof, ...] = ()) -> Judgement:
    return Judgement(verdict=verdict, outcome=Outcome.FAILED, message=message, proofs=proofs)


def _planned(message: str, proofs: tuple[Proof, ...] = ()) -> Judgement:
    return Judgement(verdict=Verdict.NOT_RUN, outcome=Outcome.PLANNED, message=message, proofs=proofs)


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
            return f"{said(error, step.target)}; {said(unsettled, step.target)}"
        return said(error, step.target)
    except Unreachable as error:
        if step.target == master or not is_lost(site, master):
            raise
        return str(error)  # the loss of the master is a finding of its own
    except (ChangeFailed, Unknown) as error:
        return said(error, step.target)
    return None


def is_lost(site: Site, target: Target) -> bool:
    """Whether a host that was in use does not answer any more."""
    try:
        site.host(target).read("true")
    except Unknown:
        return True
    return False


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
    """Run one check for a stage. Unreachable passes through."""
    try:
        told = judged(site, check, target)
    except ApiUnreachable as error:  # a stage that has yet to make the API does not stop at its absence
        told = unknown(error, target)
    return Proof(
        id=check.id,
        name=check.name,
        verdict=told.verdict,
        what=told.what,
        found=told.found,
        expected=told.expected,
        message=told.message,
        fix="" if told.verdict in (Verdict.PASS, Verdict.NA) else check.fix,
    )


def judged(site: Site, check: Check, target: Target) -> Judgement:
    """Run one check outside pytest's protocol, as it is before severity and waivers; alike for alike hosts.

    Unreachable and ApiUnreachable pass through: they are findings of their own, not of every check that meets them.
    """
    try:
        check.function(**ARGUMENTS.given(site, check.function, target))
    except (Unreachable, ApiUnreachable):
        raise
    except NotApplicable as error:
        return Judgement(verdict=Verdict.NA, message=str(error))
    except Unknown as error:
        return unknown(error, target)
    except Mismatch as error:
        return failed(error)
    except Exception as error:
        if is_finding(error, check):
            return Judgement(verdict=Verdict.FAIL, message=finding(error))
        return Judgement(verdict=Verdict.UNKNOWN, message=fault(error))
    return Judgement(verdict=Verdict.PASS)


def unknown(error: Unknown, target: Target) -> Judgement:
    """The judgement that something could not be known of a target."""
    return Judgement(verdict=Verdict.UNKNOWN, message=f"cannot know: {said(error, target)}")


def said(error: Exception, target: Target) -> str:
    """What an error says of its own target. Errors name their host, as they may reach people elsewhere too."""
    return str(error).removeprefix(f"{target.name}: ")


def is_finding(error: Exception, check: Check) -> bool:
    """Whether it says that the fact is not as it must be: an `assert` of the check's own package."""
    if not isinstance(error, AssertionError):
        return False
    package = check.function.__module__.split(".")[0]
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    return str(frames[-1].f_globals.get("__name__")).split(".")[0] == package


def finding(error: Exception) -> str:
    """What an assertion says. One without words is told by its line: a finding is never empty."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return str(error) or f"does not hold: {frame.line or f'{frame.filename}:{frame.lineno}'}"


def fault(error: Exception) -> str:
    """A fault of the suite, or of a library, in one line: what it was and the last three places it came through."""
    frames = traceback.extract_tb(error.__traceback__)[-3:]
    where = " < ".join(f"{Path(f.filename).parent.name}/{Path(f.filename).name}:{f.lineno}" for f in reversed(frames))
    return f"the suite itself broke: {type(error).__name__}: {error} ({where})"


def first_red(proofs: tuple[Proof, ...]) -> Proof | None:
    """The first proof that does not hold, a known failure before an unknown."""
    red = [p for p in proofs if p.verdict.is_red]
    return min(red, key=lambda p: p.verdict is Verdict.UNKNOWN, default=None)
