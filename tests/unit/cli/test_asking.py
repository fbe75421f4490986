"""A question at the terminal that is not answered."""

from __future__ import annotations

import click
import pytest

from dlws.record.asking import asking


def test_who_interrupts_a_question_is_told_no_fix(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(prompt: str) -> str:
        raise KeyboardInterrupt

    monkeypatch.setattr("click.termui.visible_prompt_func", interrupted)
    with pytest.raises(click.Abort), asking("Name", "add --name"):
        click.prompt("Name")
