"""pytest's items: one per check or stage and target.

Not pytest Functions, because their arguments come from the site, a run has thousands of them, and each ends in a
`Result` that travels to the controller on its report.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import pytest

from dlws.config.cluster import Cluster
from dlws.engine import proving, shards
from dlws.engine.arguments import parameters
from dlws.engine.check import Check, check_of, one_or_many
from dlws.engine.judgement import TEXTS, Course, Declared, Judgement, clipped, result_of
from dlws.engine.options import CHECK_COMMANDS
from dlws.engine.site import Site
from dlws.engine.stage import Stage, Step, stage_of
from dlws.inventory import Node, Target, Whole
from dlws.record.answer import ApiUnreachable, HeldByAnotherRun, LoginRefused, Unreachable
from dlws.record.ledger import LATER, ActionRow, ItemRow, Outcome, Proof, Result, key_of
from dlws.verdict import Severity, Verdict

ACTS = {"host", "change", "on_master"}  # the arguments by which a stage works on a machine
T = TypeVar("T", Proof, Result)
API = "kubernetes-api"  # its name among the hosts that a run has lost


class Red(Exception):
    """Ends a test whose verdict makes the run fail; the message is the finding."""


@cache
def _words(name: str) -> set[str]:
    """What -k finds the tests of a host by beside their names: one set for all of them, which nobody changes."""
    return {name}


@cache
def _marks(function: Callable[..., None]) -> dict[str, Any]:
    """The marks of a check by name: one dictionary for all of its tests, which nobody changes."""
    return {mark.name: mark for mark in getattr(function, "pytestmark", ())}


class TargetItem(pytest.Item):
    """A check or stage on one target. `result` is set once it has run."""

    result: Result | None = None
    judging: Future[Result] | None = None
    """The judging that a worker has begun in a thread, and that has ended when the test runs; None where it is now."""

    def __init__(self, *, function: Callable[..., None], target: Target, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.function, self.target = function, target
        self.extra_keyword_matches = _words(target.name)
        self.own_markers.extend(getattr(function, "pytestmark", ()))
        self.keywords.update({mark.name: mark for mark in self.own_markers})

    @property
    def plain_name(self) -> str:
        """The name of the check or stage: `swap_is_off`."""
        raise NotImplementedError

    @property
    def key(self) -> str:
        """The identity of the test in ledgers: `H09[atlas01]`, `swap_off[atlas01]`."""
        raise NotImplementedError

    @property
    def machine(self) -> str | None:
        """The machine that the test occupies; a machine runs one test at a time. None for the whole cluster."""
        return None if isinstance(self.target, Whole) else self.target.name

    def runtest(self) -> None:
        """Judge, keep the result, and pass, fail or skip accordingly."""
        site = site_of(self.config)
        result = self.result = self.judging.result() if self.judging else self.judge()
        if (result.verdict.is_red or result.follows) and self.get_closest_marker("judges_api"):
            site.first_to_lose(API, result.follows or self.key)
        if result.verdict.is_red or (site.context.strict and result.verdict is Verdict.WARN):
            raise Red(result.sentence)
        if result.verdict is Verdict.NA or (result.verdict is Verdict.NOT_RUN and result.outcome not in LATER):
            pytest.skip(result.sentence)

    def judge(self) -> Result:
        """The result of the test. All of its waits are here; what else pytest does for a test takes no time."""
        site = site_of(self.config)
        started, clock = datetime.now(UTC), time.monotonic()
        with site.judging(self.key) as references:
            judgement = self._judgement(site)
        course = Course(
            worker=worker_of(self.config),
            started=started.isoformat(timespec="milliseconds"),
            seconds=round(time.monotonic() - clock, 4),
            actions=self.actions,
            evidence=references,
        )
        return recorded(result_of(self.declared, judgement, course), site.fleet.transcript.redactor.text)

    def _judgement(self, site: Site) -> Judgement:
        try:
            return self.judged(site)
        except Unreachable as error:
            return self.out_of_reach(site, error)
        except ApiUnreachable as error:
            return self.without_api(site, error)
        except Exception as error:
            message = proving.fault_message(error)
            return Judgement(verdict=Verdict.UNKNOWN, outcome=self.failed, message=message, fix="")

    def judged(self, site: Site) -> Judgement:
        """The verdict and its reason. Raises Unreachable and ApiUnreachable, which `runtest` turns into findings."""
        raise NotImplementedError

    def out_of_reach(self, site: Site, error: Unreachable) -> Judgement:
        """A finding for the first test on a host that cannot be reached; NOT RUN for every other test there."""
        host = self.target.name
        if isinstance(self.target, Whole):
            return replace(proving.unknown(error, self.target), outcome=self.failed)
        if (first := site.first_to_lose(host, self.key)) != self.key:
            message = f"{host} cannot be reached"
            return Judgement(verdict=Verdict.NOT_RUN, outcome=self.blocked, message=message, follows=first)
        verdict = Verdict.FAIL if isinstance(error, LoginRefused | HeldByAnotherRun) else Verdict.UNREACHABLE
        message = proving.message_about(self.target, error)
        return Judgement(verdict=verdict, outcome=self.failed, message=message, fix="")

    def without_api(self, site: Site, error: ApiUnreachable) -> Judgement:
        """A finding for the first test that the Kubernetes API does not answer; NOT RUN for every other one."""
        if (first := site.first_to_lose(API, self.key)) == self.key:
            return replace(proving.unknown(error, self.target), outcome=self.failed)
        message = f"the Kubernetes API cannot be asked: {error}"
        return Judgement(verdict=Verdict.NOT_RUN, message=message, follows=first)

    blocked: Outcome | None = None
    failed: Outcome | None = None
    actions: Sequence[ActionRow] = ()

    @property
    def declared(self) -> Declared:
        """The facts about the test that are known before it runs."""
        raise NotImplementedError

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """A finding shows its message; anything else is a fault of the suite and shows its traceback."""
        return str(excinfo.value) if isinstance(excinfo.value, Red) else super().repr_failure(excinfo)

    @property
    def location(self) -> tuple[str, int, str]:
        """The location of the function, its file relative to the root folder. pytest would keep it with each test."""
        path, line, name = self.reportinfo()
        return self.session._node_location_to_relpath(path), line, name

    def reportinfo(self) -> tuple[Path, int, str]:
        """The location of the function."""
        return self.path, self.function.__code__.co_firstlineno - 1, self.name


class CheckItem(TargetItem):
    """A check on one target."""

    spec: Check

    def __init__(self, *, spec: Check, **kwargs: Any) -> None:
        super().__init__(function=spec.function, **kwargs)
        self.spec = spec
        self.keywords = _marks(spec.function)  # pytest's own refer to the test, which then outlives its run

    def add_marker(self, marker: str | pytest.MarkDecorator, append: bool = True) -> None:
        """See pytest. This test has keywords of its own from now on."""
        self.keywords = dict(self.keywords)
        super().add_marker(marker, append)

    @property
    def plain_name(self) -> str:
        """See `TargetItem.plain_name`."""
        return self.spec.name

    @property
    def key(self) -> str:
        """See `TargetItem.key`."""
        return key_of(self.spec.id, self.target.name)

    def judged(self, site: Site) -> Judgement:
        """The check's verdict; NOT RUN where another finding of this run explains it.

        A warning is explained, too: with `--strict` it fails the run like the finding that caused it.
        """
        judgement = self.weighed(site)
        may_follow = judgement.verdict.is_red or judgement.verdict is Verdict.WARN
        if may_follow and (cause := next(self._red_causes(site), None)):
            lead = f"follows from {cause.spec.id} on {cause.target.name}"
            message = f"{lead}: {judgement.message}" if judgement.message else lead
            return replace(judgement, verdict=Verdict.NOT_RUN, message=message, follows=cause.key)
        return judgement

    def weighed(self, site: Site) -> Judgement:
        """The check's verdict, weighed by its severity, its deviation and the waivers; the first one of the run."""
        if self.key not in causes_of(self.session, site.cluster):
            return self._weighed(site)
        return site.first_judgement.of(self.key, lambda: self._weighed(site))

    def _weighed(self, site: Site) -> Judgement:
        missed = site.fleet.missed
        try:
            judgement = proving.judged(site, self.spec, self.target)
        except Unreachable:
            if site.fleet.missed == missed:
                raise
        if site.fleet.missed > missed:
            return Judgement(verdict=Verdict.NOT_RUN, outcome=Outcome.GATHERED, message=shards.LATER)
        if judgement.verdict is not Verdict.FAIL:
            return judgement
        if self.spec.deviation:
            return replace(judgement, verdict=Verdict.DEVIATION, remark=self.spec.deviation)
        if waiver := site.waivers.find(self.spec.id, self.target.name):
            return replace(judgement, verdict=Verdict.WAIVED, remark=str(waiver))
        return judgement if self.spec.severity is Severity.BLOCKER else replace(judgement, verdict=Verdict.WARN)

    def _red_causes(self, site: Site) -> Iterator[CheckItem]:
        """The checks of this run that are red and explain this one's finding."""
        run = causes_of(self.session, site.cluster) if self.spec.causes else {}
        for cause in (run[key] for key in self.explaining(site.cluster) if key in run):
            try:
                red = cause.weighed(site).verdict.is_red
            except Unreachable:
                red = True
            if red:
                yield cause

    def explaining(self, cluster: Cluster) -> Iterator[str]:
        """The keys of the checks that would explain this one's finding."""
        return (key_of(c.id, t.name) for c in self.spec.causes for t in c.explains(self.target, cluster))

    @property
    def declared(self) -> Declared:
        """From the check's declaration."""
        spec = self.spec
        item = ItemRow(
            nodeid=self.nodeid,
            name=self.plain_name,
            host=self.target.name,
            id=spec.id,
            section=spec.section,
            title=spec.title,
        )
        return Declared(item=item, severity=spec.severity, title_zh=spec.title_zh, source=spec.source, fix=spec.fix)


class StageItem(TargetItem):
    """A stage on one target. `step` is its place in the graph, set when collection is complete."""

    spec: Stage
    step: Step
    missing: list[Step]
    earlier: Iterator[Step]
    """Looked for only where it is asked, once: each of all would be most of the run's stages."""
    blocked = Outcome.BLOCKED
    failed = Outcome.FAILED

    def __init__(self, *, spec: Stage, **kwargs: Any) -> None:
        super().__init__(function=spec.function, **kwargs)
        self.spec = spec

    @property
    def plain_name(self) -> str:
        """See `TargetItem.plain_name`."""
        return self.spec.name

    @property
    def key(self) -> str:
        """See `TargetItem.key`."""
        return key_of(self.spec.name, self.target.name)

    @property
    def machine(self) -> str | None:
        """See `TargetItem.machine`. None, too, for a stage that acts through the master alone.

        Such a stage mostly waits, and several of them may wait at the same time.
        """
        return None if ACTS & set(parameters(self.function)) == {"on_master"} else super().machine

    def judged(self, site: Site) -> Judgement:
        """Run the stage; its judgement."""
        self.actions = actions = list[ActionRow]()
        return proving.run_stage(
            site,
            self.step,
            missing=self.missing,
            earlier=self.earlier,
            actions=actions,
            on_action=lambda text: site.say(self.step.label, site.fleet.transcript.redactor.text(text)),
        )

    @property
    def declared(self) -> Declared:
        """From the stage's declaration."""
        return Declared(
            item=ItemRow(
                nodeid=self.nodeid,
                name=self.plain_name,
                host=self.target.name,
                stage=True,
                section=self.spec.section,
                title=self.spec.title,
                after=self.step.after,
            )
        )


def collected(collector: pytest.Module, value: Any, cluster: Cluster) -> Iterator[TargetItem]:
    """The items of a module-level value: one for each check or stage that this module declares, on each target."""
    for function in one_or_many(value):
        if getattr(function, "__module__", "") != collector.obj.__name__:
            continue  # not a function, or imported from the module that declares it
        if stage := stage_of(function):
            for target in stage.targets(cluster):
                yield StageItem.from_parent(collector, name=_item_name(stage, target), spec=stage, target=target)
        elif (check := check_of(function)) and any(mark.name in CHECK_COMMANDS for mark in function.pytestmark):
            for target in check.on(cluster):
                yield CheckItem.from_parent(collector, name=_item_name(check, target), spec=check, target=target)


def hosts_of(items: Sequence[pytest.Item]) -> list[str]:
    """The names of the machines of the cluster that tests are on, in their order."""
    targets = (item.target for item in items if isinstance(item, TargetItem))
    return list(dict.fromkeys(target.name for target in targets if isinstance(target, Node)))


def _item_name(spec: Check | Stage, target: Target) -> str:
    return f"test_{spec.name}[{target.name}]"


def recorded(result: Result, redact: Callable[[str], str]) -> Result:
    """The result with every secret masked, and then what is too long cut, in the texts that come from hosts.

    Names and titles come from the source.
    """

    def row(said: T) -> T:
        texts: dict[str, Any] = {name: clipped(redact(text)) for name in TEXTS if (text := getattr(said, name))}
        return replace(said, **texts) if texts else said

    if not (result.proofs or result.actions):
        return row(result)
    return replace(
        row(result),
        proofs=tuple(row(proof) for proof in result.proofs),
        actions=tuple(replace(action, text=clipped(redact(action.text))) for action in result.actions),
    )


CAUSES = pytest.StashKey[Mapping[str, "CheckItem"]]()


def causes_of(session: pytest.Session, cluster: Cluster) -> Mapping[str, CheckItem]:
    """The checks of this run that may explain the finding of another one, by key."""
    if CAUSES not in session.stash:
        checks = [item for item in session.items if isinstance(item, CheckItem)]
        explaining = {key for item in checks for key in item.explaining(cluster)}
        session.stash[CAUSES] = {key: item for item in checks if (key := item.key) in explaining}
    return session.stash[CAUSES]


SITE = pytest.StashKey[Callable[[], Site]]()
ALL_CHECKS = pytest.StashKey[Mapping[str, Sequence[str]] | None]()
"""Every check by its id with the names of its hosts, whether or not this run includes them; None when only some files
were collected."""


def site_of(config: pytest.Config) -> Site:
    """The site of this process."""
    return config.stash[SITE]()


def is_worker(config: pytest.Config) -> bool:
    """Whether this process is one of the workers of a run, which has a controller."""
    return hasattr(config, "workerinput")


def worker_of(config: pytest.Config) -> str:
    """`gw0` and so on; `main` in a run of one process."""
    return str(getattr(config, "workerinput", {}).get("workerid", "main"))
