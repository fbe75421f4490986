"""The tests pytest sees: one item per check or stage and target.

Not pytest Functions: their arguments are the site's to give, a run has thousands of them, and each ends in a `Result`
that travels to the controller on its report.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from dlws.engine import proving
from dlws.engine.arguments import parameters
from dlws.engine.check import Check, check_of
from dlws.engine.site import Site
from dlws.engine.stage import Stage, Step, stage_of
from dlws.inventory import Target, Whole
from dlws.record.answer import ApiUnreachable, LoginRefused, Unreachable
from dlws.record.ledger import ActionRow, Outcome, Result, key_of
from dlws.verdict import Severity, Verdict

ACTS = {"host", "change", "on_master"}  # the arguments by which a stage works on a machine
API = "kubernetes-api"  # its name among what a run has lost


class Red(Exception):
    """Ends a test whose verdict makes the run fail; the message is the finding."""


class TargetItem(pytest.Item):
    """A check or stage on one target. `result` is there once it has run."""

    result: Result | None = None

    def __init__(self, *, function: Callable[..., None], target: Target, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.function, self.target = function, target
        self.extra_keyword_matches.add(target.name)
        self.own_markers.extend(getattr(function, "pytestmark", ()))
        self.keywords.update({mark.name: mark for mark in self.own_markers})

    @property
    def plain_name(self) -> str:
        """The function's name without `test_`."""
        return self.function.__name__.removeprefix("test_")

    @property
    def key(self) -> str:
        """What identifies the test in ledgers: `H09[atlas01]`, `swap_off[atlas01]`."""
        raise NotImplementedError

    @property
    def machine(self) -> str | None:
        """The machine that this keeps busy, which works on one test at a time; None for the whole cluster."""
        return None if isinstance(self.target, Whole) else self.target.name

    def runtest(self) -> None:
        """Judge, keep the result, and end as pytest expects of that verdict."""
        site = site_of(self.config)
        started, clock = datetime.now(UTC), time.monotonic()
        with site.judging(self.key) as references:
            try:
                told = self.judged(site)
            except Unreachable as error:
                told = self.out_of_reach(site, error)
            except ApiUnreachable as error:
                told = self.without_api(site, error)
            except Exception as error:
                told = {"verdict": Verdict.UNKNOWN, "outcome": self.failed, "message": proving.fault(error), "fix": ""}
        told |= {
            "actions": tuple(self.actions),
            "seconds": round(time.monotonic() - clock, 4),
            "evidence": tuple(dict.fromkeys(references)),
        }
        result = self.as_result(started=started.isoformat(timespec="milliseconds"), **told)
        result = self.result = redacted(result, site.fleet.transcript.redactor.text)
        if result.verdict.is_red and self.get_closest_marker("judges_api"):
            site.first_to_lose(API, self.key)
        if result.verdict.is_red or (site.context.strict and result.verdict is Verdict.WARN):
            raise Red(result.message)
        if result.verdict is Verdict.NA or (result.verdict is Verdict.NOT_RUN and result.outcome != Outcome.PLANNED):
            pytest.skip(result.message)

    def judged(self, site: Site) -> dict[str, Any]:
        """The verdict and what belongs to it, as fields of a Result."""
        raise NotImplementedError

    def out_of_reach(self, site: Site, error: Unreachable) -> dict[str, Any]:
        """One finding per host that cannot be reached; whatever else was to run there is not run."""
        host = self.target.name
        if isinstance(self.target, Whole):
            return {"verdict": Verdict.UNKNOWN, "outcome": self.failed, "message": f"cannot know: {error}"}
        if (first := site.first_to_lose(host, self.key)) != self.key:
            message = f"{host} cannot be reached"
            return {"verdict": Verdict.NOT_RUN, "outcome": self.blocked, "message": message, "follows": first}
        verdict = Verdict.FAIL if isinstance(error, LoginRefused) else Verdict.UNREACHABLE
        return {"verdict": verdict, "outcome": self.failed, "message": str(error), "fix": ""}

    def without_api(self, site: Site, error: ApiUnreachable) -> dict[str, Any]:
        """One finding for an API that cannot be asked; whatever else was to be asked of it is not run."""
        if (first := site.first_to_lose(API, self.key)) == self.key:
            return {"verdict": Verdict.UNKNOWN, "outcome": self.failed, "message": f"cannot know: {error}"}
        message = f"the Kubernetes API cannot be asked: {error}"
        return {"verdict": Verdict.NOT_RUN, "message": message, "follows": first}

    blocked: Outcome | None = None
    failed: Outcome | None = None
    actions: Sequence[ActionRow] = ()

    def as_result(self, **told: Any) -> Result:
        """A Result with what is known of this item beforehand."""
        return Result(
            nodeid=self.nodeid,
            name=self.plain_name,
            host=self.target.name,
            worker=worker_of(self.config),
            **{**self.about(), **told},
        )

    def about(self) -> dict[str, Any]:
        """The fields of a Result that are known before it runs."""
        raise NotImplementedError

    def identity(self) -> dict[str, Any]:
        """Those of them that the head of the ledger holds too: they are known where the test never runs."""
        return {name: value for name, value in self.about().items() if name in ("stage", "id", "section", "title")}

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """A finding is its message; anything else is a fault of the suite and shows its traceback."""
        return str(excinfo.value) if isinstance(excinfo.value, Red) else super().repr_failure(excinfo)

    def reportinfo(self) -> tuple[Path, int, str]:
        """Where the function stands."""
        return self.path, self.function.__code__.co_firstlineno - 1, self.name


class CheckItem(TargetItem):
    """A check on one target."""

    spec: Check

    def __init__(self, *, spec: Check, **kwargs: Any) -> None:
        super().__init__(function=spec.function, **kwargs)
        self.spec = spec

    @property
    def key(self) -> str:
        """See `TargetItem.key`."""
        return key_of(self.spec.id, self.target.name)

    def judged(self, site: Site) -> dict[str, Any]:
        """The check's verdict; NOT RUN where another finding of this run explains it."""
        verdict, message = self.weighed(site)
        if verdict.is_red and (cause := next(self._red_causes(site), None)):
            message = f"follows from {cause.spec.id} on {cause.target.name}: {message}"
            return {"verdict": Verdict.NOT_RUN, "message": message, "follows": cause.key}
        return {"verdict": verdict, "message": message}

    def weighed(self, site: Site) -> tuple[Verdict, str]:
        """The check's verdict, weighed by its severity, its deviation and the waivers, and the message."""
        verdict, message = proving.verdict_of(site, self.spec, self.target)
        if verdict is not Verdict.FAIL:
            return verdict, message
        if self.spec.deviation:
            return Verdict.DEVIATION, f"{message} ({self.spec.deviation})"
        if waiver := site.waivers.find(self.spec.id, self.target.name):
            return Verdict.WAIVED, f"{message} (waived: {waiver})"
        return Verdict.FAIL if self.spec.severity is Severity.BLOCKER else Verdict.WARN, message

    def _red_causes(self, site: Site) -> Iterator[CheckItem]:
        """The checks of this run that are red and explain this one's finding."""
        explaining = {(c.id, t) for c in self.spec.causes for t in c.explains(self.target, site.cluster)}
        for item in self.session.items if explaining else ():
            if isinstance(item, CheckItem) and (item.spec.id, item.target) in explaining:
                try:
                    red = item.weighed(site)[0].is_red
                except Unreachable:
                    red = True
                if red:
                    yield item

    def about(self) -> dict[str, Any]:
        """From the check's declaration."""
        spec = self.spec
        return {
            "stage": False,
            "id": spec.id,
            "section": spec.section,
            "severity": spec.severity,
            "title": spec.title,
            "title_zh": spec.title_zh,
            "source": spec.source,
            "fix": spec.fix,
        }


class StageItem(TargetItem):
    """A stage on one target. `step` is its place in the graph, set when collection is complete."""

    spec: Stage
    step: Step
    missing: list[Step]
    earlier: list[Step]
    blocked = Outcome.BLOCKED
    failed = Outcome.FAILED

    def __init__(self, *, spec: Stage, **kwargs: Any) -> None:
        super().__init__(function=spec.function, **kwargs)
        self.spec = spec

    @property
    def key(self) -> str:
        """See `TargetItem.key`."""
        return key_of(self.spec.name, self.target.name)

    @property
    def machine(self) -> str | None:
        """None, too, for what the master does for a host: mostly it waits, and several such stages may."""
        return None if ACTS & set(parameters(self.function)) == {"on_master"} else super().machine

    def judged(self, site: Site) -> dict[str, Any]:
        """How the stage went."""
        self.actions = actions = list[ActionRow]()
        course = proving.run_stage(
            site,
            self.step,
            missing=self.missing,
            earlier=self.earlier,
            actions=actions,
            on_action=lambda text: site.say(self.step.label, site.fleet.transcript.redactor.text(text)),
        )
        return {name: getattr(course, name) for name in course.__slots__}

    def about(self) -> dict[str, Any]:
        """From the stage's declaration."""
        return {"stage": True, "section": self.spec.section, "title": self.spec.title}


def collected(collector: pytest.Module, name: str, function: Any, site_cluster: Any) -> Iterator[TargetItem]:
    """The items of one function: a check or stage on each of its targets."""
    if stage := stage_of(function):
        for target in stage.targets(site_cluster):
            yield StageItem.from_parent(collector, name=f"{name}[{target.name}]", spec=stage, target=target)
    elif (check := check_of(function)) and any(mark.name == "verify" for mark in function.pytestmark):
        for target in check.on(site_cluster):
            yield CheckItem.from_parent(collector, name=f"{name}[{target.name}]", spec=check, target=target)


def redacted(result: Result, redact: Callable[[str], str]) -> Result:
    """The result with every secret masked in what was said at run time. Names and titles are the source's own."""
    return replace(
        result,
        message=redact(result.message),
        proofs=tuple(replace(proof, message=redact(proof.message)) for proof in result.proofs),
        actions=tuple(replace(action, text=redact(action.text)) for action in result.actions),
    )


SITE = pytest.StashKey[Callable[[], Site]]()


def site_of(config: pytest.Config) -> Site:
    """The site of this process."""
    return config.stash[SITE]()


def worker_of(config: pytest.Config) -> str:
    """`gw0` and so on; `main` in a run of one process."""
    return str(getattr(config, "workerinput", {}).get("workerid", "main"))
