"""Orders of driver, Ubuntu and Docker versions."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlws.parse import versions
from dlws.verdict import Unparsable


@pytest.mark.parametrize(
    "rising",
    [
        ["1.72.T1.100.B010", "1.72.T2.99.B020", "1.72.T2.100.B020", "1.72.T2.100.B100", "1.72.T105.0.B050"],
        ["1.72.T105.0.B050", "1.73.T2.0.B001", "1.75.22.0.220", "20.0.0", "21.0.4", "25.0.rc1"],
        ["20.1.rc1", "20.1.rc2", "20.1.rc10", "20.1.0", "20.1.1", "20.2.rc1", "20.2.2", "20.2.2.spc001", "20.2.3"],
        ["20.2.2.spc1", "20.2.2.SPC002"],
    ],
)
def test_ascend_versions_rise(rising):
    for older, newer in pairwise(map(versions.ascend, rising)):
        assert older < newer
        assert newer > older
        assert older != newer


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("1.72.T2.100.B020", "1.72.t2.100.b20"),
        ("20.1", "20.1.0"),
        ("20.2.2.spc001", "20.2.2.SPC1\n"),
        ("23.0.rc3", "23.0.RC3.0"),
    ],
)
def test_ascend_versions_that_are_the_same(one, other):
    assert versions.ascend(one) == versions.ascend(other)
    assert versions.ascend(one) <= versions.ascend(other)
    assert hash(versions.ascend(one)) == hash(versions.ascend(other))


@pytest.mark.parametrize("release", ["25.0.rc1", "23.0.0", "1.72.T2.100", "24.1.0"])
def test_a_build_of_an_ascend_version_follows_it(release):
    assert versions.ascend(f"{release}.b033") > versions.ascend(release)
    assert versions.ascend(f"{release}.B034") > versions.ascend(f"{release}.b033")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("1.72.T2.100.B020", "1.72.B2.100.B020"),
        ("1.72.T2.100.B020", "1.72.T2.100.20"),
        ("23.0.0.B086", "23.0.0.1"),
        ("20.2.2.spc001", "20.2.2.b001"),
        ("20.2.spc1", "20.2.2"),
        ("8.5.T7.0.B053", "25.5.0"),  # numbered apart from releases
    ],
)
def test_ascend_versions_of_different_schemes_have_no_order(one, other):
    for left, right in ((one, other), (other, one)):
        with pytest.raises(Unparsable):
            assert versions.ascend(left) < versions.ascend(right)


@pytest.mark.parametrize(
    "text", ["", "NA", "20", "1.72.T", "1..2", "1.72.100b", "V1.72", "1.72 T2", "1.٣", "1." + "9" * 5000]
)
def test_what_is_no_ascend_version_is_unknown(text):
    with pytest.raises(Unparsable):
        versions.ascend(text)


def test_a_build_for_tests_is_newer_than_all_of_the_first_numbering():
    assert versions.ascend("8.5.T7.0.B053") > versions.ascend("1.72.T2.100.B020")
    assert versions.ascend("8.5.T7") > versions.ascend("1.73.5")


def test_an_ascend_version_is_shown_as_it_was_read():
    assert str(versions.ascend(" 1.72.T2.100.B020\n")) == "1.72.T2.100.B020"


PARTS = st.tuples(st.sampled_from(["", "", "t", "b", "rc", "spc"]), st.integers(0, 120)).map(
    lambda part: f"{part[0]}{part[1]}"
)
ASCEND = st.lists(PARTS, min_size=1, max_size=4).map(lambda parts: versions.ascend(".".join(["20", *parts])))


@given(ASCEND, ASCEND)
def test_two_ascend_versions_have_one_order_or_none(one, other):
    try:
        relations = [one < other, one == other, one > other]
    except Unparsable:
        with pytest.raises(Unparsable):
            assert other < one
    else:
        assert relations.count(True) == 1


@given(ASCEND, ASCEND, ASCEND)
def test_the_order_of_ascend_versions_is_transitive(one, two, three):
    try:
        rises, far = one < two and two < three, one < three
    except Unparsable:
        return
    assert far or not rises


def test_nvidia_versions_compare_as_numbers():
    rising = ["390.116", "418.87.00", "430", "430.14", "440.33.01", "440.100", "535.104.05", "550.54.14"]
    assert all(older < newer for older, newer in pairwise(map(versions.nvidia, rising)))
    assert versions.nvidia("430") == versions.nvidia("430.00")
    assert str(versions.nvidia("418.87.00")) == "418.87.00"


@pytest.mark.parametrize("text", ["", "N/A", "[N/A]", "440.", "440.33.01-0ubuntu1", "٤٤٠", "9" * 5000])
def test_what_is_no_nvidia_version_is_unknown(text):
    with pytest.raises(Unparsable):
        versions.nvidia(text)


def test_ubuntu_point_releases():
    rising = ["16.04.7", "18.04", "18.04.1", "18.04.4", "20.04"]
    assert all(older < newer for older, newer in pairwise(map(versions.ubuntu, rising)))


def test_docker_versions():
    rising = [
        "17.03.2-ce",
        "18.06.1-ce",
        "18.09.7",
        "19.03.0-beta2",
        "19.03.0-rc1",
        "19.03.0",
        "19.03.12",
        "20.10.24+dfsg1",
    ]
    assert all(older < newer for older, newer in pairwise(map(versions.docker, rising)))
    assert versions.docker("20.10.24+dfsg1") == versions.docker("20.10.24")


@pytest.mark.parametrize("text", ["", "library-import", "19.03", "0.0.0-20200101120000-abcdef", "20.10.x"])
def test_what_is_no_docker_version_is_unknown(text):
    with pytest.raises(Unparsable):
        versions.docker(text)


def test_docker_builds_and_stages():
    rising = ["20.10.0-alpha1", "20.10.0-beta1", "20.10.0-beta2", "20.10.0-rc.1", "20.10.0"]
    assert all(older < newer for older, newer in pairwise(map(versions.docker, rising)))
    assert versions.docker("18.09.1-ee-2") == versions.docker("v18.9.1")
    with pytest.raises(Unparsable):
        versions.docker("20.10.24+")


@pytest.mark.parametrize("text", ["v1.20.2", "1.20.2-00", " v1.20.2-rc.1-dirty\n"])
def test_kubernetes_releases_and_packages(text):
    assert versions.kubernetes(text) == versions.kubernetes("1.20.2")
    assert versions.kubernetes(text) < versions.kubernetes("1.20.10")


def test_zeros_alone_are_a_version():
    assert versions.nvidia("0") == versions.nvidia("0.0")
    assert versions.ascend("0.0") == versions.ascend("0.0.0")
    assert not versions.ascend("20.1") < versions.ascend("20.1.0")


def test_builds_for_tests_are_compared_within_their_numbering() -> None:
    assert versions.ascend("8.5.T7") < versions.ascend("8.6")
    assert versions.ascend("0.0").major == 0
    with pytest.raises(Unparsable, match="no order"):
        assert versions.ascend("2.5.T7") < versions.ascend("3.5")
