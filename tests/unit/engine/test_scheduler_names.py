"""The names outside any public API that dlws/engine/scheduler.py leans on. Red here: see what a new release changed."""

from __future__ import annotations

import inspect

import pytest
import pytest_dependency
from pytest_dependency import DependencyItemStatus, DependencyManager
from xdist import dsession, plugin, remote, workermanage

from dlws.engine.scheduler import Staged
from dlws.engine.worker import Loop


def test_the_worker_has_a_channel_an_index_and_a_voice() -> None:
    assert remote.WorkerInteractor.__name__ == "WorkerInteractor"
    source = inspect.getsource(remote.WorkerInteractor)
    assert "self.channel = channel" in source
    assert "self.item_index" in source
    assert list(inspect.signature(remote.WorkerInteractor.sendevent).parameters)[:2] == ["self", "name"]


def test_the_event_and_the_command_are_called_so() -> None:
    assert '"runtest_protocol_complete", item_index=self.item_index, duration=' in " ".join(
        inspect.getsource(remote).split()
    )
    assert '"runtests"' in inspect.getsource(workermanage.WorkerController.send_runtest_some)
    assert hasattr(dsession.DSession, "worker_runtest_protocol_complete")


def test_the_workers_loop_is_a_hook_that_ours_can_come_before() -> None:
    assert hasattr(remote.WorkerInteractor, "pytest_runtestloop")
    assert Loop.pytest_runtestloop.pytest_impl["tryfirst"]  # type: ignore[attr-defined]


def test_a_further_test_of_a_dead_worker_is_reported_by_xdist() -> None:
    assert list(inspect.signature(dsession.DSession.handle_crashitem).parameters) == ["self", "nodeid", "worker"]
    assert 'register(session, "dsession")' in inspect.getsource(plugin)


def test_pytest_dependency_says_before_a_test_whether_it_would_skip_it() -> None:
    assert list(inspect.signature(pytest_dependency.pytest_runtest_setup).parameters) == ["item"]


def test_a_worker_takes_commands_and_reports_its_end() -> None:
    assert list(inspect.signature(workermanage.WorkerController.sendcommand).parameters)[:2] == ["self", "name"]
    assert isinstance(inspect.getattr_static(workermanage.WorkerController, "shutting_down"), property)
    assert callable(workermanage.parse_tx_spec_config)


def test_the_scheduler_answers_all_that_xdist_asks_of_one() -> None:
    from xdist.scheduler.protocol import Scheduling

    asked = {name for name in vars(Scheduling) if not name.startswith("_")}
    assert asked <= set(dir(Staged))


def test_pytest_dependency_keeps_phases_by_name_on_the_session() -> None:
    assert DependencyItemStatus.Phases == ("setup", "call", "teardown")
    assert set(DependencyItemStatus().results) == set(DependencyItemStatus.Phases)
    assert "results" in inspect.getsource(DependencyManager.__init__)
    assert list(inspect.signature(DependencyManager.getManager).parameters) == ["item", "scope"]


def test_xdist_asks_us_before_it_starts_workers_and_for_a_scheduler(pytestconfig: pytest.Config) -> None:
    source = inspect.getsource(workermanage.NodeManager.setup_nodes)
    assert source.index("pytest_xdist_setupnodes") < source.index("self.setup_node(spec")
    assert hasattr(pytestconfig.hook, "pytest_xdist_make_scheduler")
