"""Evidence of an older suite answers today's questions, as far as it goes."""

from __future__ import annotations

from dataclasses import replace

from checks.host import health
from dlws.parse.host import dpkg
from dlws.record.answer import Answer
from dlws.remote import respelt
from dlws.remote.modules import FILE_FORM

STAT = f"stat -L -c '{FILE_FORM}' /etc/x"


def known(**more: tuple[str, int]) -> dict[str, Answer]:
    return {command: Answer(command, rc, out.encode(), b"", 0.0) for command, (out, rc) in more.items()}


def derived(command: str, older: dict[str, tuple[str, int]]) -> tuple[str, int | None, list[str]] | None:
    found = respelt.answer_to(command, known(**older))
    return (found[0].text, found[0].rc, found[1]) if found else None


def test_properties_of_a_unit_are_put_together() -> None:
    older = {
        "systemctl show kubelet -p UnitFileState --no-pager": ("UnitFileState=enabled\n", 0),
        "systemctl show kubelet -p ActiveState -p SubState --no-pager": ("ActiveState=active\nSubState=running\n", 0),
        "systemctl show docker -p ActiveState --no-pager": ("ActiveState=failed\n", 0),
    }
    asked = "systemctl show kubelet -p LoadState -p ActiveState -p SubState -p UnitFileState --no-pager"
    assert derived(asked, older) == (
        "UnitFileState=enabled\nActiveState=active\nSubState=running\n",
        0,
        list(older)[:2],
    )


def test_the_status_of_a_file_is_read_back_from_any_form() -> None:
    older = {"stat -L -c '%a %U:%G' /etc/x": ("660 root:docker\n", 0), "stat -L -c %F /etc/x": ("directory\n", 0)}
    found = derived(STAT, older)
    assert found == ("mode=660\tuser=root\tgroup=docker\ttype=directory\n", 0, list(older))


def test_a_file_that_was_missing_is_missing() -> None:
    assert derived(STAT, {"stat -L -c %a /etc/x": ("", 1)}) == ("", 1, ["stat -L -c %a /etc/x"])


def test_a_file_with_two_modes_is_unknown() -> None:
    older = {"stat -L -c %a /etc/x": ("755\n", 0), "stat -L -c '%a %U' /etc/x": ("777 root\n", 0)}
    assert derived(STAT, older) == ("mode=755\tmode=777\tuser=root\n", 0, list(older))


def test_a_file_that_was_missing_once_is_not_answered() -> None:
    assert derived(STAT, {"stat -L -c %a /etc/x": ("", 1), "stat -L -c %U /etc/x": ("root\n", 0)}) is None


def test_npus_of_an_older_listing_get_the_only_id_that_it_knew() -> None:
    older = {"lspci -D -d 19e5:d801": ("0000:c1:00.0 Processing accelerators: Huawei. Device d801 (rev 20)\n", 0)}
    found = derived("lspci -Dnn -d 19e5::1200", older)
    assert found == ("0000:c1:00.0 Processing accelerators [1200]: Huawei. [19e5:d801] (rev 20)\n", 0, list(older))
    assert derived("lspci -D -vv -d 19e5::1200", {"lspci -D -vv -d 19e5:d801": ("x\n", 0)}) is not None


def test_a_kernel_log_of_xids_alone_answers_for_them() -> None:
    start = "log=$(journalctl) && printf '%s\\n' \"$log\" | "
    older = {f"{start}sed -n '1p; /NVRM: Xid/p'": ("[    0.000000] x\n", 0)}
    assert derived(f"{start}sed -n '1p; /NVRM: Xid/p; /SXid (/p'", older) == ("[    0.000000] x\n", 0, list(older))
    assert derived("sed -n '1p; /x/p'", older) is None


def test_a_day_of_the_kernel_with_the_networks_of_pods_answers_for_one_without() -> None:
    asked, older = "journalctl | LC_ALL=C grep -avE 'veth' || test $? = 1", {"journalctl": ("one\n==\ntwo\n", 0)}
    assert derived(asked, older) == ("one\n==\ntwo\n", 0, ["journalctl"])
    assert derived("journalctl | grep y", older) is None
    before = health.NEWS.replace(" SYSLOG_IDENTIFIER=kernel", "").partition(" | ")[0]
    assert derived(health.NEWS, {before: ("one\n==\n", 0)}) == ("one\n==\n", 0, [before])


def test_modules_that_were_not_asked_for_were_not_loaded() -> None:
    asked = "for m in {}; do test -d /sys/module/$m || echo $m; done"
    older = {asked.format("drv_a drv_b"): ("drv_b\n", 0)}
    assert derived(asked.format("as_c drv_a drv_b"), older) == ("as_c\ndrv_b\n", 0, list(older))
    assert derived(asked.format("drv_a"), older) is None


def test_what_is_made_of_a_cut_answer_is_cut() -> None:
    older = known(**{"stat -L -c %a /etc/x": ("644\n", 0), "stat -L -c %U /etc/x": ("root\n", 0)})
    older["stat -L -c %U /etc/x"] = replace(older["stat -L -c %U /etc/x"], truncated=True)
    answer = respelt.answer_to(STAT, older)
    assert answer
    assert answer[0].truncated


def test_an_error_of_dpkg_stays_one() -> None:
    older = {f"{dpkg.QUERY}kubeadm kubelet": ("kubeadm\t1.20.2-00\tii \n", 2)}
    found = derived(f"{dpkg.QUERY}kubeadm", older)
    assert found
    assert found[1] == 2


def test_one_package_is_found_among_several() -> None:
    several = f"{dpkg.QUERY}kubeadm kubelet"
    older = {several: ("kubeadm\t1.20.2-00\tii \n", 1)}
    assert derived(f"{dpkg.QUERY}kubeadm", older) == ("kubeadm\t1.20.2-00\tii \n", 0, [several])
    assert derived(f"{dpkg.QUERY}kubelet", older) == ("", 1, [several])


def test_what_was_asked_in_no_words_is_not_answered() -> None:
    assert derived(STAT, {"stat -L -c %a /etc/y": ("644\n", 0), "cat /etc/x": ("x", 0)}) is None
    assert derived("uname -m", {"uname -a": ("Linux", 0)}) is None
