"""How a stage is run: prove; if a check fails, change; prove again."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

from dlws.engine.arguments import ARGUMENTS
from dlws.engine.check import Check
from dlws.engine.judgement import Judgement, failed
from dlws.engine.site import Site
from dlws.engine.stage import Step
from dlws.inventory import Target
from dlws.record.answer import ApiUnreachable, LinkLost, NoHostAnswers, Unreachable
from dlws.record.ledger import ActionRow, Outcome, Proof
from dlws.remote.change import Applier, Change, ChangeFailed, Planner
from dlws.verdict import Mismatch, NotApplicable, Unknown, Verdict

SETTLE_DEADLINE = 30 * 60.0  # as long as the longest command (apt) may take


def run_stage(
    site: Site,
    step: Step,
    *,
    missing: list[Step],
    earlier: Iterable[Step],
    actions: list[ActionRow],
    on_action: Callable[[str], None],
) -> Judgement:
    """Run one stage on its target. `missing` are the steps before it that this run leaves out, `earlier` all others.

    Each action is added to `actions` as it happens, so that none is lost when this raises. Unreachable passes through
    because it is a finding about the host, not about the stage.
    """
    for before in missing:
        if failing := unmet(site, before, step.target):  # no other stage of this run reports it
            return _failed(failing.verdict, f"not begun: needs {before.label}: {failing.sentence}")
    proofs = prove(site, step.stage.proves, step.target)
    if site.context.plan and not proofs:
        return _planned("judged by a check that touches the host: not in a plan")
    if first_red(proofs) is None:
        return _held(Outcome.UNCHANGED, proofs)
    trouble = act(site, step, actions, on_action)
    if site.context.plan and actions and trouble is None:
        return _planned("planned", proofs)
    if site.context.plan and any(unmet(site, before, step.target) for before in earlier):
        later = f"more after the planned changes: {trouble}" if trouble else "to be judged after the planned changes"
        return _planned(later, proofs)
    proofs = proofs if not actions else prove(site, step.stage.proves, step.target)
    red = first_red(proofs)
    if red is None:
        return _held(Outcome.CHANGED, proofs, trouble or "")
    return _failed(red.verdict, f"{trouble}; and {red.sentence}" if trouble else red.sentence, proofs)


def _held(outcome: Outcome, proofs: tuple[Proof, ...], message: str = "") -> Judgement:
    """A stage without a red proof: PASS, or WAIVED with what was accepted where it holds by a waiver only."""
    accepted = [proof.sentence for proof in proofs if proof.verdict is Verdict.WAIVED]
    verdict = Verdict.WAIVED if accepted else Verdict.PASS
    text = "; ".join([*([message] if message else []), *accepted])
    return Judgement(verdict=verdict, outcome=outcome, message=text, proofs=proofs)


def _failed(verdict: Verdict, message: str, proofs: tuple[Proof, ...] = ()) -> Judgement:
    return Judgement(verdict=verdict, outcome=Outcome.FAILED, message=message, proofs=proofs)


def _planned(message: str, proofs: tuple[Proof, ...] = ()) -> Judgement:
    return Judgement(verdict=Verdict.NOT_RUN, outcome=Outcome.PLANNED, message=message, proofs=proofs)


def act(site: Site, step: Step, actions: list[ActionRow], on_action: Callable[[str], None]) -> str | None:
    """Carry out the stage's body. Returns what went wrong in it, or None; the proofs that follow decide the verdict.

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
            return f"{message_about(step.target, error)}; {message_about(step.target, unsettled)}"
        return message_about(step.target, error)
    except Unreachable as error:
        if step.target == master or not is_lost(site, master):
            raise
        return str(error)  # the loss of the master is a finding of its own
    except (ChangeFailed, Unknown) as error:
        return message_about(step.target, error)
    return None


def is_lost(site: Site, target: Target) -> bool:
    """Whether a host that was in use no longer answers."""
    try:
        site.host(target).read("true")
    except Unknown:
        return True
    return False


def unmet(site: Site, before: Step, target: Target) -> Proof | None:
    """The first failing proof of an earlier step, judged on that step's host; None if all hold.

    When that host is unreachable and is not `target`, the proof is UNKNOWN: its loss says nothing about the target.
    """
    try:
        return first_red(prove(site, before.stage.proves, before.target))
    except Unreachable as error:
        if before.target == target:
            raise
        return Proof(id="", name=before.stage.name, verdict=Verdict.UNKNOWN, message=str(error))


def _sender(site: Site, target: Target) -> Applier | Planner:
    supply = site.supply(target)
    if site.context.plan:
        return Planner(supply)
    return site.applier(target, supply)


def prove(site: Site, checks: tuple[Check, ...], target: Target) -> tuple[Proof, ...]:
    """The verdict of each check that applies to the target. A plan leaves out active checks, which touch the host."""
    allowed = [check for check in checks if not (site.context.plan and check.is_active)]
    subjects = [(check, check.target_for(target, site.cluster)) for check in allowed]
    return tuple(judge(site, check, subject) for check, subject in subjects if subject is not None)


def judge(site: Site, check: Check, target: Target) -> Proof:
    """Run one check for a stage, and weigh its finding by the waivers. Unreachable passes through."""
    try:
        judgement = weighed(site, check, target, judged(site, check, target))
    except ApiUnreachable as error:  # a stage that has yet to create the API must not stop because it is missing
        judgement = unknown(error, target)
    return Proof(
        id=check.id,
        name=check.name,
        verdict=judgement.verdict,
        what=judgement.what,
        found=judgement.found,
        expected=judgement.expected,
        message=judgement.message,
        remark=judgement.remark,
        sample=judgement.sample,
        fix=_fix(check, judgement),
    )


def _fix(check: Check, judgement: Judgement) -> str:
    if judgement.verdict in (Verdict.PASS, Verdict.NA, Verdict.WAIVED):
        return ""
    return check.fix if judgement.fix is None else judgement.fix


def weighed(site: Site, check: Check, target: Target, judgement: Judgement) -> Judgement:
    """A finding that a waiver in force covers is WAIVED; it stays a FAIL where going on would do harm.

    The remark says which waiver counts, or why one that names the check does not.
    """
    if judgement.verdict is not Verdict.FAIL:
        return judgement
    if waiver := site.waivers.find(check.id, target.name):
        if check.harmful:
            return replace(judgement, remark=f"no waiver counts in a stage: {check.harmful}")
        return replace(judgement, verdict=Verdict.WAIVED, remark=str(waiver))
    if lapsed := site.waivers.lapsed(check.id, target.name):
        return replace(judgement, remark=f"its waiver expired on {lapsed.expires.isoformat()}")
    return judgement


def judged(site: Site, check: Check, target: Target) -> Judgement:
    """Run one check outside pytest's protocol: its judgement before severity and waivers, without the host's name.

    Where it has judged a sample, the judgement says so. Unreachable and ApiUnreachable pass through, because the engine
    reports each of them once instead of once per check.
    """
    judgement = _called(site, check, target)
    if judgement.verdict not in (Verdict.PASS, Verdict.FAIL):
        return judgement
    return replace(judgement, sample=check.sample(site.cluster, target))


def _called(site: Site, check: Check, target: Target) -> Judgement:
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
            return Judgement(verdict=Verdict.FAIL, message=assertion_message(error))
        return Judgement(verdict=Verdict.UNKNOWN, message=fault_message(error))
    return Judgement(verdict=Verdict.PASS)


def unknown(error: Unknown, target: Target) -> Judgement:
    """The judgement that a fact about a target could not be established.

    The check's fix is for what it finds. Where no host was asked it would be harmful advice: to remove hosts' keys.
    """
    fix = "" if isinstance(error, NoHostAnswers) else None
    return Judgement(verdict=Verdict.UNKNOWN, message=f"cannot know: {message_about(target, error)}", fix=fix)


def message_about(target: Target, error: Exception) -> str:
    """An error's message without the leading name of its target, which the result has as a field."""
    return str(error).removeprefix(f"{target.name}: ")


def is_finding(error: Exception, check: Check) -> bool:
    """Whether an error is the check's own failed `assert`, rather than one in the suite or in a library."""
    if not isinstance(error, AssertionError):
        return False
    package = check.function.__module__.split(".")[0]
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    return str(frames[-1].f_globals.get("__name__")).split(".")[0] == package


def assertion_message(error: Exception) -> str:
    """The message of an assertion; its source line where it has none, because a finding is never empty."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return str(error) or f"does not hold: {frame.line or f'{frame.filename}:{frame.lineno}'}"


def fault_message(error: Exception) -> str:
    """A fault of the suite or of a library, in one line: the error and the last three frames of its traceback."""
    frames = traceback.extract_tb(error.__traceback__)[-3:]
    where = " < ".join(f"{Path(f.filename).parent.name}/{Path(f.filename).name}:{f.lineno}" for f in reversed(frames))
    return f"the suite itself broke: {type(error).__name__}: {error} ({where})"


def first_red(proofs: tuple[Proof, ...]) -> Proof | None:
    """The first red proof, failures before UNKNOWNs; None if there is none."""
    red = [p for p in proofs if p.verdict.is_red]
    return min(red, key=lambda p: p.verdict is Verdict.UNKNOWN, default=None)
