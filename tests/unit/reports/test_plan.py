from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import reports
from dlws.record.ledger import ActionRow
from reports import plan
from tests.kits import sample_run


def test_a_plan_names_the_exact_actions_of_each_stage_per_host(tmp_path: Path) -> None:
    text = plan.render(reports.read(sample_run.plan().write(tmp_path)))
    host = text[text.index("atlas-gpu02 (192.168.3.3, gpu-amd64, worker)") :]
    assert "  2.2   hostname_set: Name the host as the configuration names it\n" in host
    assert "        1. hostnamectl set-hostname atlas-gpu02\n" in host
    assert "        1. swapoff -a\n        2. edit /etc/fstab: comment out 1 line\n" in host


def test_a_plan_says_by_whose_word_a_host_is_known(tmp_path: Path) -> None:
    sample = sample_run.plan()
    known = "ssh-ed25519 SHA256:P3427mt, accepted unseen"
    hosts = tuple(replace(h, host_key=known if h.name == "atlas02" else "") for h in sample.run.hosts)
    text = plan.render(reports.read(replace(sample, run=replace(sample.run, hosts=hosts)).write(tmp_path)))
    assert text.count("  SSH host key: ") == 1
    assert re.search(rf"^atlas02 \(.*\)\n  SSH host key: {known}\n", text, re.MULTILINE)


def test_a_plan_begins_with_what_it_is(tmp_path: Path) -> None:
    text = plan.render(reports.read(sample_run.plan().write(tmp_path)))
    assert text.startswith("atlas: 70 actions planned on 5 hosts; nothing was changed.\n")


def test_stages_that_hold_are_counted(tmp_path: Path) -> None:
    text = plan.render(reports.read(sample_run.plan().write(tmp_path)))
    assert "  4 stages already hold\n" in text[: text.index("atlas02")]


def test_an_action_of_several_lines_is_set_in_and_made_safe(tmp_path: Path) -> None:
    sample = sample_run.plan()
    (place,) = (n for n, r in enumerate(sample.results) if r.nodeid.endswith("swap_off[atlas01]"))
    action = ActionRow(text="write /etc/x:\n+one\n+\x1b[2Jtwo")
    sample.results[place] = replace(sample.results[place], actions=(action,))
    text = plan.render(reports.read(sample.write(tmp_path)))
    assert "        1. write /etc/x:\n           +one\n           +two\n" in text
    assert "\x1b" not in text


def test_what_failed_or_could_not_be_planned_is_told(tmp_path: Path) -> None:
    text = plan.render(reports.read(sample_run.install().write(tmp_path)))
    assert "failed atlas-gpu01: docker_installed: R01 docker.service: expected active" in text
    assert "  fix: journalctl -u docker" in text
    assert "not planned on atlas-gpu01: gpu_runtime, network_manager_off" in text


def test_a_stage_that_can_only_be_judged_later_says_so(tmp_path: Path) -> None:
    sample = sample_run.plan()
    (place,) = (n for n, r in enumerate(sample.results) if r.nodeid.endswith("swap_off[atlas01]"))
    sample.results[place] = replace(sample.results[place], actions=(), message="to be judged after the planned changes")
    text = plan.render(reports.read(sample.write(tmp_path)))
    assert "  3.11  swap_off: to be judged after the planned changes\n" in text
