"""Alertmanager's and Prometheus' JSON, `dkms status` and LLDP by hccn_tool, in the forms of several versions."""

from __future__ import annotations

import pytest

from dlws.parse.host import dkms
from dlws.parse.host.dkms import ModuleBuild
from dlws.parse.network import lldp
from dlws.parse.network.lldp import Neighbour
from dlws.parse.platform import alerts
from dlws.verdict import Unparsable

ALERTS = """\
[{"annotations":{"summary":"atlas01 is not ready"},"endsAt":"2026-11-27T05:34:00.000Z","fingerprint":"7ff1e2c4",
"receivers":[{"name":"alert-email"}],"startsAt":"2026-11-27T05:30:00.000Z",
"status":{"inhibitedBy":[],"silencedBy":[],"state":"active"},"updatedAt":"2026-11-27T05:30:00.000Z",
"generatorURL":"http://localhost:9091/prometheus/graph","labels":{"alertname":"NodeNotReady","name":"atlas01"}},
{"annotations":{},"endsAt":"2026-11-27T05:34:00.000Z","fingerprint":"90aa","receivers":[{"name":"alert-email"}],
"startsAt":"2026-11-27T05:30:00.000Z","status":{"inhibitedBy":[],"mutedBy":[],"silencedBy":["9c"],"state":"suppressed"},
"updatedAt":"2026-11-27T05:30:00.000Z","labels":{"alertname":"NFSHanging","instance":"192.168.3.6:9102"}}]
"""


def test_a_silenced_alert_does_not_fire() -> None:
    assert [alert.name for alert in alerts.active(ALERTS)] == ["NodeNotReady atlas01"]


def test_an_alert_without_a_place_has_its_name_alone() -> None:
    [alert] = alerts.active('[{"status": {"state": "unprocessed"}, "labels": {"alertname": "Watchdog"}}]')
    assert alert.name == "Watchdog"


def test_no_alert_is_an_empty_list() -> None:
    assert alerts.active("[]\n") == []


@pytest.mark.parametrize(
    "text", ["", "[", "{}", '[{"labels": {}}]', ALERTS.replace("alertname", "alert"), ALERTS.replace("active", "on")]
)
def test_other_alerts_are_unknown(text: str) -> None:
    with pytest.raises(Unparsable):
        alerts.active(text)


def test_samples_are_numbers() -> None:
    text = """{"status":"success","data":{"resultType":"vector","result":[
    {"metric":{"__name__":"k8s_node_device_total","host_ip":"192.168.3.6"},"value":[1590000000.412,"8"]}]}}"""
    assert [(s.labels["host_ip"], s.value) for s in alerts.samples(text)] == [("192.168.3.6", 8.0)]


@pytest.mark.parametrize(
    "text",
    [
        '{"status":"error","errorType":"bad_data","error":"parse error"}',
        '{"status":"success","data":{"resultType":"matrix","result":[]}}',
        '{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[1]}]}}',
        "Not found",
    ],
)
def test_other_answers_are_unknown(text: str) -> None:
    with pytest.raises(Unparsable):
        alerts.samples(text)


DKMS = {
    "2.3, Ubuntu 18.04": """\
davinci_ascend, 1.0, 4.15.0-29-generic, aarch64: installed
nvidia, 390.77, 4.15.0-29-generic, x86_64: installed (WARNING! Diff between built and installed module!)
""",
    "2.8, Debian 11": """\
davinci_ascend, 1.0, 4.15.0-29-generic, aarch64: installed (original_module exists)
nvidia, 390.77: added
""",
    "3.0": """\
Deprecated feature: REMAKE_INITRD (/var/lib/dkms/davinci_ascend/1.0/source/dkms.conf)
davinci_ascend/1.0, 4.15.0-29-generic, aarch64: installed
nvidia/390.77: added
""",
}


@pytest.mark.parametrize("version", DKMS)
def test_dkms_status(version: str) -> None:
    first, second = dkms.status(DKMS[version])
    assert first == ModuleBuild("davinci_ascend", "1.0", "4.15.0-29-generic", "installed")
    assert (second.module, second.version) == ("nvidia", "390.77")


def test_dkms_without_modules() -> None:
    assert dkms.status("") == ()


GONE = "Error! Could not locate dkms.conf file.\nFile: /var/lib/dkms/{}/390.48/source/dkms.conf does not exist.\n"


def test_a_module_whose_sources_are_gone_is_broken_and_hides_no_other() -> None:
    ours = "davinci_ascend/1.0, 5.10.0-216.0.0.115.oe2203sp4.aarch64, aarch64: installed\n"
    for text in (ours + GONE.format("nvidia"), GONE.format("nvidia") + ours):
        assert {(b.module, b.state) for b in dkms.status(text)} == {
            ("davinci_ascend", "installed"),
            ("nvidia", "broken"),
        }
    with pytest.raises(Unparsable):
        dkms.status(GONE.format("nvidia") + "Error! Could not locate dkms.conf file.\n" + ours)


def test_a_module_linked_from_another_kernel_is_installed_weakly() -> None:
    (build,) = dkms.status("nvidia/550.54, 5.14.0-70.el9, x86_64: installed-weak from 5.14.0-1.el9\n")
    assert (build.kernel, build.state) == ("5.14.0-70.el9", "installed-weak")


@pytest.mark.parametrize("text", ["Error! Could not locate dkms.conf file.\n", "davinci_ascend/1.0, 4.15\n"])
def test_what_dkms_complains_of_is_no_module(text: str) -> None:
    with pytest.raises(Unparsable):
        dkms.status(text)


LLDP = """\
Chassis ID TLV
\tMAC: 44:31:92:6b:5e:fc
Port ID TLV
\tIfname: GigabitEthernet2/0/13
Time to Live TLV
\t120
Port Description TLV
\tQUARANTINE
System Name TLV
\tLAB_Rack01
System Description TLV
\tHP Comware Platform Software, Software Version 7.1.045, Release 2311P06
\tHP 5900AF-48G-4XG-2QSFP+ Switch
System Capabilities TLV
\tSystem capabilities:  Bridge, Router
\tEnabled capabilities: Bridge, Router
Management Address TLV
\tIPv4: 172.16.0.1
\tIfindex: 975
Port VLAN ID TLV
\tPVID: 5
End of LLDPDU TLV
"""


def test_a_neighbour_is_a_switch_and_its_port() -> None:
    assert lldp.neighbour(LLDP) == Neighbour("LAB_Rack01", "GigabitEthernet2/0/13")


def test_a_port_may_be_named_otherwise() -> None:
    found = lldp.neighbour(LLDP.replace("Ifname: GigabitEthernet2/0/13", "Local: 13"))
    assert found == Neighbour("LAB_Rack01", "13")


def test_a_value_may_go_on_over_lines_that_are_not_indented() -> None:
    system = "System Description TLV\n\tVersatile Routing Platform Software\n"
    text = LLDP.replace(
        "End of LLDPDU TLV", f"{system}VRP (R) software, Version 8.211\n\nHuarong DX511\nEnd of LLDPDU TLV"
    )
    assert lldp.neighbour(text) == lldp.neighbour(LLDP)
    for name in ("\tLAB_Rack01\nhccn_tool is busy\n", "LAB_Rack01\n"):
        with pytest.raises(Unparsable):
            lldp.neighbour(LLDP.replace("\tLAB_Rack01\n", name))


def test_nothing_heard_is_no_neighbour() -> None:
    assert lldp.neighbour("\n") is None


@pytest.mark.parametrize(
    "text", ["cmd is not supported\n", LLDP.replace("\tLAB_Rack01\n", ""), LLDP.replace("Ifname: ", ""), LLDP[:60]]
)
def test_half_a_neighbour_is_unknown(text: str) -> None:
    with pytest.raises(Unparsable):
        lldp.neighbour(text)
