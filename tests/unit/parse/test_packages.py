"""dpkg-query, apt-mark, dpkg --audit, apt's locks."""

from __future__ import annotations

import pytest

from dlws.parse.host import apt_locks, apt_policy, dpkg
from dlws.parse.host.dpkg import Package
from dlws.verdict import Unparsable

# Recorded: dpkg 1.21.22, with its stderr between.
QUERY = (
    "base-files\t12.4+deb12u11\tii \n"
    "dpkg-query: no packages found matching nosuch\n"
    "sudo\t1.9.13p3-1+deb12u4\tiU \n"
    "kubelet\t1.18.0-00\thi \n"
    "broken\t1.0\tiiR\n"
    "gone\t\tun \n"
)
AUDIT = """\
The following packages have been unpacked but not yet configured.
They must be configured using dpkg --configure or the configure
menu option in dselect for them to work:
 sudo                 Provide limited super user privileges to specific users

"""
AUDIT_ZH = """\
下列软件包已被解开，但是尚未配置。
要令它们运行正常，您必须借助 dpkg --configure
或者 dselect 菜单中的配置项：
 sudo                 Provide limited super user privileges to specific users

"""


def test_only_whole_packages_are_installed():
    assert [one.name for one in dpkg.packages(QUERY) if one.is_installed] == ["base-files", "kubelet"]


def test_a_package_has_version_and_status():
    assert dpkg.packages(QUERY)[1] == Package("sudo", "1.9.13p3-1+deb12u4", "iU", reinstall=False)


def test_trailing_blanks_do_not_matter():
    assert dpkg.packages("docker.io\t18.09.7\tii") == (Package("docker.io", "18.09.7", "ii", reinstall=False),)


def test_no_package():
    assert dpkg.packages("") == ()


@pytest.mark.parametrize("text", ["sudo\t1.9", "sudo 1.9 ii", "sudo\t1.9\tzz ", "dpkg-query: error: parsing file"])
def test_half_a_package_row_is_unknown(text):
    with pytest.raises(Unparsable):
        dpkg.packages(text)


def test_held_packages():
    assert dpkg.holds("kubeadm\nkubelet\nlibc6:i386\n") == {"kubeadm", "kubelet", "libc6:i386"}
    assert dpkg.holds("") == frozenset()


def test_a_message_is_not_a_held_package():
    with pytest.raises(Unparsable):
        dpkg.holds("E: Could not open file /var/lib/dpkg/status\n")


@pytest.mark.parametrize("text", [AUDIT, AUDIT_ZH])
def test_an_audit_names_the_half_installed_in_any_language(text):
    assert dpkg.audit(text) == ("sudo",)


def test_a_sane_database_says_nothing():
    assert dpkg.audit("") == ()


def test_an_audit_cut_off_is_not_sane():
    with pytest.raises(Unparsable):
        dpkg.audit(AUDIT[:80])


# Recorded: Linux 6.18; the waiting lines transcribed from fs/locks.c of 4.15 and 5.13.
LOCKS = """\
1: FLOCK  ADVISORY  WRITE 7983 fe:00:16040543 0 EOF
2: OFDLCK ADVISORY  READ -1 00:06:3 0 EOF
3: POSIX  ADVISORY  WRITE 906 fe:00:402117 0 EOF
3: -> POSIX  ADVISORY  WRITE 955 fe:00:402117 0 EOF
3:  -> POSIX  ADVISORY  WRITE 956 fe:00:402117 0 EOF
"""
INODES = "402116 /var/lib/dpkg/lock\n402117 /var/lib/dpkg/lock-frontend\n"


def test_the_holder_is_named_and_the_waiting_are_not():
    assert apt_locks.holders(LOCKS, INODES) == {"/var/lib/dpkg/lock": (), "/var/lib/dpkg/lock-frontend": (906,)}


def test_nothing_is_locked():
    assert apt_locks.holders("", INODES)["/var/lib/dpkg/lock-frontend"] == ()


@pytest.mark.parametrize(
    ("locks", "inodes"),
    [
        (LOCKS[:40], INODES),
        (LOCKS, "402116"),
        (LOCKS, "? /var/lib/dpkg/lock"),
        ("cat: /proc/locks: No such file", INODES),
    ],
)
def test_locks_cut_off_are_unknown(locks, inodes):
    with pytest.raises(Unparsable):
        apt_locks.holders(locks, inodes)


# Recorded: apt 2.6.1.
POLICY = """\
curl:
  Installed: 7.88.1-10+deb12u14
  Candidate: 7.88.1-10+deb12u15
  Version table:
     7.88.1-10+deb12u15 500
        500 http://deb.debian.org/debian bookworm/main amd64 Packages
 *** 7.88.1-10+deb12u14 100
        100 /var/lib/dpkg/status
virtual:
  Installed: (none)
  Candidate: (none)
  Version table:
"""


def test_a_package_offers_its_candidate_and_every_version_of_its_table() -> None:
    curl, virtual = apt_policy.parse(POLICY)["curl"], apt_policy.parse(POLICY)["virtual"]
    assert curl.versions == ("7.88.1-10+deb12u15", "7.88.1-10+deb12u14")
    assert (curl.offers(""), curl.offers("7.88.1-10+deb12u14"), curl.offers("7.88")) == (True, True, False)
    assert not virtual.offers("")


def test_what_was_removed_and_not_purged_is_not_on_offer() -> None:
    kubeadm = """\
kubeadm:
  Installed: (none)
  Candidate: (none)
  Version table:
     1.18.0-00 -1
        100 /var/lib/dpkg/status
"""
    assert not apt_policy.parse(kubeadm)["kubeadm"].offers("1.18.0-00")


def test_a_pin_of_old_apts_says_nothing_of_what_is_on_offer() -> None:
    pinned = POLICY.replace("+deb12u15\n  Version", "+deb12u15\n  Package pin: 7.88.1-10+deb12u15\n  Version")
    assert apt_policy.parse(pinned) == apt_policy.parse(POLICY) != {}


def test_apt_says_nothing_of_a_package_that_it_does_not_know() -> None:
    assert apt_policy.parse("") == {}


@pytest.mark.parametrize(
    "cut", [POLICY[:30], POLICY[:75], POLICY.replace("     7", "  7"), "N: hello\n", POLICY.replace(" 500\n", "\n")]
)
def test_a_policy_that_is_not_understood_is_refused(cut: str) -> None:
    with pytest.raises(Unparsable, match="apt-cache policy"):
        apt_policy.parse(cut)


def test_a_file_belongs_to_whoever_brings_it_not_to_who_diverts_it() -> None:
    text = "diversion by dash from: /bin/sh\nlocal diversion to: /bin/sh.real\ndash, bash:amd64: /bin/sh\n"
    assert dpkg.owned(text) == {"/bin/sh"}
    assert dpkg.owned("diversion by dash from: /bin/sh\n") == frozenset()
    assert dpkg.owned("one, two, three:arm64: /x: /y\n") == {"/x: /y"}


@pytest.mark.parametrize(
    "line", ["dpkg-query: no path found matching pattern /x", "bash /bin/bash", "my diversion to: /x", "bash: /"]
)
def test_a_line_that_names_no_package_is_not_passed_over(line: str) -> None:
    with pytest.raises(Unparsable):
        dpkg.owned(line)
