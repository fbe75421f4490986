"""What a check is judged, what that makes of the run, and hosts to which there is no way."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

import reports
from reports import html, junit, record
from reports.acceptance.source import Source
from tests.kits.project import Project

CHECKS = '''
from tests.kits import project

@check("P01", title_zh="好", fix="-")
def test_good(host):
    """Holds."""
    assert host.run("true").rc == 0

@check("F01", title_zh="坏", fix="mend it")
def test_bad(host):
    """Does not hold."""
    expect("colour", found=host.read("echo red"), expected="green")

@check("F02", title_zh="坏", fix="mend it")
def test_bad_by_assert(host):
    """Says so by a plain assert."""
    colour = host.read("echo red")
    assert colour == "green"

@check("F04", title_zh="坏", fix="mend it")
def test_bad_without_words(host):
    """Says nothing."""
    raise AssertionError

def made(id, name):
    @check(id, title_zh="表", fix="-", name=name, title=f"{name} holds.")
    def holds(host):
        assert host.run("true").rc == 0
    return holds

MADE = {name: made(id, name) for id, name in (("R01", "row_one"), ("R02", "row_two"))}

@check("U01", title_zh="不明", fix="install it")
def test_unknown(host):
    """Needs a tool that is missing."""
    host.read("no-such-tool --version")

@check("U02", title_zh="不明", fix="install it", severity=Severity.WARNING)
def test_unknown_though_slight(host):
    """Cannot be known, and would only be a warning."""
    raise Unknown("half an answer")

@check("N01", title_zh="无", fix="-")
def test_out_of_place(host):
    """Has nothing to be held against."""
    raise NotApplicable("no floor is configured")

@check("B01", title_zh="误", fix="repair the suite")
def test_faulty(host):
    """Has a fault of its own."""
    {}["no such key"]

@check("B02", title_zh="误", fix="repair the suite")
def test_faulty_library(host):
    """An assert of a library is no finding about the host."""
    project.eventually(lambda: False, 0)

@check("D01", title_zh="偏", fix="-", deviation="the product needs it so")
def test_deviates(host):
    """The product contradicts it."""
    expect("mode", found="0777", expected="0755")
'''
PAGE = '''
@check("F03", title_zh="坏", fix="mend it")
def test_welcomes(host):
    """Says what it should."""
    expect("page", found="Oops", expected="Welcome, found no problem")
'''
SAMPLED = '''
@check("S01", title_zh="抽", fix="-", sample=lambda cluster, target: f"{target.name} of 9 hosts")
def test_sampled(host):
    """Holds where it was looked at."""

@check("S02", title_zh="抽", fix="-", sample=lambda cluster, target: "1 of 9", deviation="the product needs it so")
def test_sampled_and_deviating(host):
    """Deviates where it was looked at."""
    expect("mode", found="0777", expected="0755")

@check("S03", title_zh="抽", fix="-", sample=lambda cluster, target: "1 of 9")
def test_sampled_and_unknown(host):
    """Cannot be looked at."""
    raise Unknown("half an answer")
'''
MILD = '''
@check("W01", title_zh="轻", fix="tidy up", severity=Severity.WARNING)
def test_slight(host):
    """A slight matter."""
    expect("dust", found="some", expected="none")
'''
WAIVED = '''
@check("W02", title_zh="免", fix="later")
def test_waived(host):
    """Accepted by somebody."""
    expect("thing", found="old", expected="new")
'''
WAIVERS = """
- {id: W02, host: a*, owner: Li Wei, reason: next week, expires: 2099-01-01}
"""
MORE_WAIVERS = """
- {id: F01, host: a1, owner: Li Wei, reason: too long ago, expires: 2020-01-01}
- {id: P01, host: a1, owner: Li Wei, reason: not needed, expires: 2099-01-01}
- {id: X99, host: a1, owner: Li Wei, reason: no such check, expires: 2099-01-01}
"""


@pytest.fixture(scope="module")
def audited(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """One host, checked for everything."""
    made = Project(tmp_path_factory.mktemp("audited"), checks=CHECKS + PAGE + SAMPLED + MILD + WAIVED, hosts=["a1"])
    made.write("waivers.yaml", WAIVERS + MORE_WAIVERS)
    assert made.run("-m", "verify").status == 1
    return made


@pytest.mark.parametrize(
    ("name", "verdict", "message"),
    [
        ("good", "PASS", ""),
        ("bad", "FAIL", "colour: expected green, found red"),
        ("bad_by_assert", "FAIL", "assert 'red' == 'green'"),
        ("bad_without_words", "FAIL", "does not hold: raise AssertionError"),
        ("row_one", "PASS", ""),
        ("row_two", "PASS", ""),
        ("slight", "WARN", "dust: expected none, found some"),
        ("unknown", "UNKNOWN", "cannot know: tool missing: no-such-tool --version"),
        ("unknown_though_slight", "UNKNOWN", "cannot know: half an answer"),
        ("out_of_place", "N/A", "no floor is configured"),
        ("faulty", "UNKNOWN", "the suite itself broke: KeyError: 'no such key' (checks/facts.py:"),
        ("faulty_library", "UNKNOWN", "the suite itself broke: AssertionError: it did not come about"),
        ("deviates", "DEVIATION", "(the product needs it so)"),
        ("waived", "WAIVED", "(waived: next week; Li Wei; until 2099-01-01)"),
        ("sampled", "PASS", "a sample: a1 of 9 hosts"),
        ("sampled_and_deviating", "DEVIATION", "found 0777 (the product needs it so; a sample: 1 of 9)"),
        ("sampled_and_unknown", "UNKNOWN", "cannot know: half an answer"),
    ],
)
def test_a_check_is_judged(audited: Project, name: str, verdict: str, message: str) -> None:
    result = audited.results[f"{name}[a1]"]
    assert result.verdict == verdict
    assert message in result.sentence


@pytest.mark.parametrize(
    ("name", "what", "found", "expected", "remark"),
    [
        ("bad", "colour", "red", "green", ""),
        ("deviates", "mode", "0777", "0755", "the product needs it so"),
        ("waived", "thing", "old", "new", "next week; Li Wei; until 2099-01-01"),
        ("welcomes", "page", "Oops", "Welcome, found no problem", ""),
    ],
)
def test_a_finding_is_data_from_the_check_to_the_record(
    audited: Project, name: str, what: str, found: str, expected: str, remark: str
) -> None:
    result = audited.results[f"{name}[a1]"]
    made = record.build(reports.read(audited.folder))["checks"]
    [recorded] = [check for check in made if check["name"] == name]
    assert (result.what, result.found, result.expected, result.remark) == (what, found, expected, remark)
    assert [recorded[key] for key in ("what", "found", "expected", "remark")] == [what, found, expected, remark]


def test_a_pass_on_a_sample_says_so_wherever_it_is_told(audited: Project) -> None:
    overview = reports.read(audited.folder)
    source = Source(overview.recorded)
    [line] = [line for line in source.lines if line.check["name"] == "sampled"]
    [case] = [case for case in "".join(junit.render(overview)).split("<testcase ") if 'name="sampled[a1]"' in case]
    assert line.found == line.check["message"] == "a sample: a1 of 9 hosts"
    assert line.check["sample"] in case
    assert "a sample: a1 of 9 hosts" in "".join(html.render(overview))


def test_a_check_made_from_a_table_goes_by_the_name_it_was_given(audited: Project) -> None:
    result = audited.results["row_two[a1]"]
    assert (result.id, result.title) == ("R02", "row_two holds.")
    assert result.nodeid.endswith("::test_row_two[a1]")


def test_a_result_has_its_checks_declaration_and_evidence(audited: Project) -> None:
    result = audited.results["bad[a1]"]
    assert (result.id, result.title, result.title_zh, result.fix) == ("F01", "Does not hold.", "坏", "mend it")
    assert result.evidence == ("a1.main.jsonl#2",)


def test_an_expired_waiver_is_a_finding_and_an_unused_one_a_warning(audited: Project) -> None:
    waivers = {r.name: (r.verdict, r.sentence) for r in audited.ledger.results if r.name.startswith("waiver")}
    assert waivers == {
        "waiver of F01 on a1": ("FAIL", "the waiver of F01 on a1 expired on 2020-01-01"),
        "waiver of P01 on a1": ("WARN", "the waiver of P01 on a1 covers no finding"),
        "waiver of X99 on a1": ("WARN", "the waiver of X99 on a1 covers no finding"),
    }


def test_a_partial_audit_says_nothing_of_waivers_it_did_not_ask_about(tmp_path: Path) -> None:
    made = Project(tmp_path, checks=MILD, hosts=["a1"])
    made.write("waivers.yaml", MORE_WAIVERS)
    assert made.run("checks/facts.py").status == 1
    assert [r.name for r in made.ledger.results if r.name.startswith("waiver")] == ["waiver of F01 on a1"]


def test_warnings_and_waivers_do_not_fail_a_run_unless_it_is_strict(tmp_path: Path) -> None:
    made = Project(tmp_path, checks=MILD + WAIVED, hosts=["a1"])
    made.write("waivers.yaml", WAIVERS)
    assert made.run("-m", "verify").status == 0
    assert made.verdicts == {"slight[a1]": "WARN", "waived[a1]": "WAIVED"}
    assert made.run("-m", "verify", "--strict").status == 1


TOGETHER = '''
@check("T01", title_zh="在", fix="look")
def test_first(host):
    """The first look."""
    host.run("true")

@check("T02", title_zh="在", fix="look")
def test_second(host):
    """The second look."""
    expect("made", found=host.run("test -e made").rc, expected=0)

@check("T03", on=whole_cluster, title_zh="在", fix="look")
def test_all(hosts):
    """All that can be reached."""
    expect("hosts", found=sorted(hosts), expected=["a1", "a4"])
'''
STAGES = '''
@stage(section="1", proves=[facts.test_first])
def test_login():
    """The host answers."""

@stage(section="2", after="login", proves=[facts.test_second])
def test_make(change):
    """Make it."""
    change.run("touch made")

@stage(section="3", on=whole_cluster, after="login[*]", proves=[facts.test_all])
def test_barrier():
    """Every host."""

@stage(section="4", on=workers, after="make[a1]", proves=[facts.test_second])
def test_join(host):
    """Needs its own host and a1."""
'''


def scattered(path: Path) -> Project:
    """a2 cannot be reached, a3 lets nobody in."""
    made = Project(path, checks=TOGETHER, stages=STAGES, hosts=["a1", "a2", "a3", "a4"])
    made.on("a2", "unreachable")
    made.on("a3", "refused")
    for host in made.hosts:
        made.on(host, "made")
    return made


def assert_one_finding(made: Project, host: str, verdict: str, message: str) -> None:
    (only,) = [result for result in made.ledger.findings if result.host == host]
    assert (only.verdict, only.sentence) == (verdict, message)
    counted = Counter(result.verdict for result in made.ledger.results if result.host == host)
    others = sum(item.host == host for item in made.ledger.run.items) - 1
    assert counted == {verdict: 1, "NOT RUN": others}
    assert {r.follows for r in made.ledger.results if r.host == host and "reached" in r.sentence} == {only.key}


@pytest.mark.parametrize("args", [["verify", "-n", "0"], ["verify", "-n", "2"]], ids=" ".join)
def test_an_audit_has_one_finding_for_a_lost_host(args: list[str], tmp_path: Path) -> None:
    made = scattered(tmp_path)
    assert made.run("-m", *args).status == 1
    assert_one_finding(made, "a2", "UNREACHABLE", "no route to host")
    assert_one_finding(made, "a3", "FAIL", "no login of root is accepted")
    assert made.verdicts["all[cluster]"] == "PASS"


COMPARED = '''
@check("T04", on=whole_cluster, title_zh="同", fix="rm /etc/machine-id")
def test_alike(hosts):
    """All hosts are alike."""
    expect("hosts", found=sorted(reachable_hosts(hosts)), expected=["a1"])
'''


def test_where_no_host_answers_nobody_is_told_to_mend_one(tmp_path: Path) -> None:
    made = Project(tmp_path, checks=f"from dlws.facts.across_hosts import reachable_hosts\n{COMPARED}", hosts=["a1"])
    made.on("a1", "unreachable")
    assert made.run("-m", "verify").status == 1
    (only,) = [result for result in made.ledger.findings if result.host == "cluster"]
    assert (only.verdict, only.message, only.fix) == ("UNKNOWN", "cannot know: no host can be reached", "")


def test_an_install_finishes_the_hosts_that_are_not_lost(tmp_path: Path) -> None:
    made = scattered(tmp_path)
    assert made.run("-m", "install", "-n", "2").status == 1
    assert_one_finding(made, "a2", "UNREACHABLE", "no route to host")
    assert_one_finding(made, "a3", "FAIL", "no login of root is accepted")
    assert {made.outcomes[f"{stage}[a4]"] for stage in ("login", "make", "join")} == {"unchanged"}
    assert made.outcomes["barrier[cluster]"] == "blocked"


def test_a_host_lost_in_mid_stage_keeps_its_actions(tmp_path: Path) -> None:
    made = Project(tmp_path, checks=TOGETHER, stages=STAGES, hosts=["a1", "a2"])
    made.on("a1", "vanish", "touch made")
    assert made.run("-m", "install", "-n", "0", "--stages", "login..make").status == 1
    assert made.verdicts["make[a1]"] == "UNREACHABLE"
    assert [action.text for action in made.results["make[a1]"].actions] == ["touch made"]
    assert made.outcomes["make[a2]"] == "changed"


CAUSES = '''
@check("C01", title_zh="因", fix="start it")
def test_it_runs(host):
    """The service runs."""
    expect("service", found="stopped", expected="running")

@check("C02", title_zh="果", fix="-", causes=[test_it_runs])
def test_it_answers(host):
    """The service answers."""
    expect("answer", found="none", expected="pong")
'''


def test_a_finding_that_another_explains_is_not_a_second_one(tmp_path):
    made = Project(tmp_path, checks=CAUSES, hosts=("a1",))
    assert made.run("-m", "verify").status == 1
    assert made.verdicts == {"it_runs[a1]": "FAIL", "it_answers[a1]": "NOT RUN"}
    told = made.results["it_answers[a1]"]
    assert told.sentence == "follows from C01 on a1: answer: expected pong, found none"
    assert told.follows == made.results["it_runs[a1]"].key


def test_a_finding_may_follow_from_one_on_the_master_alone(tmp_path):
    master_alone = CAUSES.replace('found="stopped"', 'found="stopped" if host.name == "a1" else "running"')
    for causes, others in (("elsewhere(master, test_it_runs)", "NOT RUN"), ("test_it_runs", "FAIL")):
        checks = master_alone.replace("causes=[test_it_runs]", f"causes=[{causes}]")
        made = Project(
            tmp_path / others.lower().replace(" ", "-"),
            checks=f"from dlws.engine.check import elsewhere\n{checks}",
            hosts=("a1", "a2"),
        )
        assert made.run("-m", "verify").status == 1
        assert (made.verdicts["it_answers[a1]"], made.verdicts["it_answers[a2]"]) == ("NOT RUN", others)


def test_a_warning_may_follow_from_a_finding(tmp_path):
    warns = CAUSES.replace("causes=[test_it_runs]", 'causes=[test_it_runs], severity="warning"')
    made = Project(tmp_path, checks=warns, hosts=("a1",))
    assert made.run("-m", "verify").status == 1
    assert made.verdicts == {"it_runs[a1]": "FAIL", "it_answers[a1]": "NOT RUN"}


def test_without_its_cause_in_the_run_a_finding_stays_one(tmp_path):
    made = Project(tmp_path, checks=CAUSES, hosts=("a1",))
    assert made.run("-m", "verify", "-k", "answers").status == 1
    assert made.verdicts == {"it_answers[a1]": "FAIL"}


def test_a_waived_cause_explains_nothing(tmp_path):
    made = Project(tmp_path, checks=CAUSES, hosts=("a1",))
    made.write("waivers.yaml", WAIVERS.replace("W02", "C01"))
    assert made.run("-m", "verify").status == 1
    assert made.verdicts == {"it_runs[a1]": "WAIVED", "it_answers[a1]": "FAIL"}
