"""A kubelet's environment files and command line, as systemd and pflag read them; a kubeconfig cut short."""

from __future__ import annotations

import base64

import pytest

from dlws.parse.kubernetes import kubeconfig, kubelet
from dlws.verdict import Unparsable

CONFIG = "kind: KubeletConfiguration\n"
ARGS = "KUBELET_KUBEADM_ARGS={}\n"


def node_ip(flags: str, defaults: str = "") -> str:
    return kubelet.parse(CONFIG, flags, defaults).node_ip


@pytest.mark.parametrize(
    "value",
    [
        "--node-ip=10.0.0.1",
        '"--node-ip=10.0.0.1"',
        "'--node-ip=10.0.0.1'",
        "--node-ip 10.0.0.1 --v=2",
        "--v=2 --node_ip=10.0.0.1",
        "--node-ip=10.0.0.9 --node-ip=10.0.0.1",
        "--v=2 \\\n--node-ip=10.0.0.1",
        "node-ip=10.0.0.9 --node-ip=10.0.0.1",
    ],
)
def test_the_last_flag_of_a_name_counts_however_it_is_written(value: str) -> None:
    assert node_ip(f"# kubeadm\n; kubeadm\n\nA=1\n{ARGS.format(value)}") == "10.0.0.1"


@pytest.mark.parametrize("value", ["node-ip=10.0.0.9", "--v node-ip=10.0.0.9", "--max-pods=10.0.0.9"])
def test_another_word_is_no_address(value: str) -> None:
    assert node_ip(ARGS.format(value)) == ""


def test_the_defaults_follow_and_replace_what_kubeadm_wrote() -> None:
    flags = ARGS.format("--node-ip=10.0.0.1")
    assert node_ip(flags, "KUBELET_EXTRA_ARGS=--node-ip=10.0.0.2\n") == "10.0.0.2"
    assert node_ip(flags, ARGS.format("--node-ip=10.0.0.3")) == "10.0.0.3"


def started(unit: str, flags: str = "", defaults: str = "") -> kubelet.Kubelet:
    return kubelet.parse(CONFIG, ARGS.format(flags), defaults, unit)


DROP_IN = 'Environment="KUBELET_EXTRA_ARGS=--node-ip=10.0.0.1 --v=2" A=b\n'


def judged(written: str, flags: str) -> kubelet.Kubelet:
    return kubelet.parse(CONFIG + written, ARGS.format(flags))


NOTHING_SAID = judged("", "")


@pytest.mark.parametrize(
    ("name", "written", "flag", "by_file", "by_flag"),
    [
        ("lets_anybody_ask", "authentication: {anonymous: {enabled: true}}", "--anonymous-auth=false", True, False),
        ("lets_anybody_ask", "authentication: {anonymous: {enabled: false}}", "--anonymous-auth", False, True),
        (
            "authorization",
            "authorization: {mode: AlwaysAllow}",
            "--authorization-mode=Webhook",
            "AlwaysAllow",
            "Webhook",
        ),
        ("client_ca", "authentication: {x509: {clientCAFile: /a}}", "--client-ca-file=/b", "/a", "/b"),
        ("client_ca", "authentication: {x509: {clientCAFile: /a}}", "--client-ca-file=", "/a", ""),
        ("read_only_port", "readOnlyPort: 10255", "--read-only-port=10256", "10255", "10256"),
        ("gc_threshold", "imageGCHighThresholdPercent: 70", "--image-gc-high-threshold=60", "70", "60"),
    ],
)
def test_a_flag_wins_over_the_file(name: str, written: str, flag: str, by_file: object, by_flag: object) -> None:
    assert getattr(judged(written, ""), name) == by_file
    assert getattr(judged(written, flag), name) == by_flag
    assert getattr(judged("", flag), name) == by_flag


def test_where_neither_says_it_the_defaults_of_a_file_count() -> None:
    assert (NOTHING_SAID.lets_anybody_ask, NOTHING_SAID.authorization, NOTHING_SAID.client_ca) == (False, "Webhook", "")
    assert (NOTHING_SAID.read_only_port, NOTHING_SAID.gc_threshold) == ("0", "85")


def test_the_file_is_the_one_that_is_read() -> None:
    assert judged("", f"--config={kubelet.CONFIG}") == NOTHING_SAID
    with pytest.raises(Unparsable, match=f"it reads another file than {kubelet.CONFIG}"):
        judged("", "--config=/etc/kubelet.yaml")


@pytest.mark.parametrize(
    "written", ["authentication: yes, please", "authorization: [Webhook]", "authentication: {x509: 1}"]
)
def test_a_section_is_a_mapping(written: str) -> None:
    with pytest.raises(Unparsable, match="is no mapping"):
        judged(written, "")


def test_a_drop_in_s_variable_counts_unless_a_file_has_it_too() -> None:
    assert started(DROP_IN + kubelet.START).node_ip == "10.0.0.1"
    assert started(DROP_IN + kubelet.START, defaults="KUBELET_EXTRA_ARGS=--node-ip=10.0.0.2").node_ip == "10.0.0.2"
    assert started(f"{DROP_IN}Environment=\n{kubelet.START}").node_ip == ""
    assert started(f"{DROP_IN}Environment=KUBELET_EXTRA_ARGS=--node-ip=10.0.0.3\n{kubelet.START}").node_ip == "10.0.0.3"


def test_the_last_command_line_starts_it_with_its_own_words() -> None:
    own = "ExecStart=/usr/bin/kubelet --resolv-conf /a $KUBELET_EXTRA_ARGS\n"
    assert started(f"{kubelet.START}\nExecStart=\n{own}", "--node-ip=10.0.0.9", "KUBELET_EXTRA_ARGS=--v=2") == (
        kubelet.Kubelet("cgroupfs", "/a", "")
    )


def test_a_variable_in_braces_is_one_word() -> None:
    command = "ExecStart=--node-ip=10.0.0.9 --node-ip ${IP} ${KUBELET_NONE} $KUBELET_NONE --v=2"
    found = started(f"Environment='IP=10.0.0.1 --node-ip=10.0.0.2'\n{command}")
    assert found.node_ip == "10.0.0.1 --node-ip=10.0.0.2"
    found = started("ExecStart=/usr/bin/kubelet --node-ip $ --resolv-conf ${}")
    assert (found.node_ip, found.resolv_conf) == ("$", "${}")
    assert started("Environment=IP=10.0.0\nExecStart=/usr/bin/kubelet --node-ip $IP.1").node_ip == "$IP.1"


@pytest.mark.parametrize(
    ("flag", "resolv_conf"),
    [
        ("--resolv-conf=${WHERE}", "/run/a"),
        ("--resolv-conf=/etc${WHERE}/${WHERE}b", "/etc/run/a//run/ab"),
        ("--resolv-conf=$WHERE", "$WHERE"),
        ("--resolv-conf=/a$${WHERE}", "/a${WHERE}"),
        ("--resolv-conf=/a${KUBELET_NONE}", "/a"),
    ],
)
def test_a_variable_in_braces_may_be_a_part_of_a_word(flag: str, resolv_conf: str) -> None:
    found = started(f"Environment=WHERE=/run/a\nExecStart=/usr/bin/kubelet {flag}")
    assert found.resolv_conf == resolv_conf  # systemd.service(5), COMMAND LINES


@pytest.mark.parametrize("word", ["$OTHER", "${OTHER}", "--cgroup-driver=${OTHER}"])
def test_a_variable_of_a_file_that_nobody_reads_is_unknown(word: str) -> None:
    with pytest.raises(Unparsable, match=r"kubelet\.service: no value of the variable: 'OTHER'"):
        started(f"ExecStart=/usr/bin/kubelet {word}")


@pytest.mark.parametrize(
    ("config", "flags", "servers", "domain"),
    [
        ("", "", (), ""),
        ("clusterDNS: [10.3.0.10, 10.3.0.11]\nclusterDomain: a\n", "", ("10.3.0.10", "10.3.0.11"), "a"),
        ("clusterDNS: null\nclusterDomain: null\n", "--cluster-dns=10.3.0.10", ("10.3.0.10",), ""),
        ("clusterDNS: [10.3.0.9]\nclusterDomain: a\n", "--cluster-dns=1.1.1.1,9.9.9.9", ("1.1.1.1", "9.9.9.9"), "a"),
        ("clusterDNS: [10.3.0.9]\nclusterDomain: a\n", "--cluster-domain=b", ("10.3.0.9",), "b"),
    ],
)
def test_what_pods_ask_for_names(config: str, flags: str, servers: tuple[str, ...], domain: str) -> None:
    found = kubelet.parse(CONFIG + config, ARGS.format(flags))
    assert (found.cluster_dns, found.cluster_domain) == (servers, domain)


def test_an_empty_flag_leaves_pods_without_name_servers() -> None:
    assert started(kubelet.START, "--resolv-conf=").resolv_conf == ""


@pytest.mark.parametrize("unit", ["", "ExecStart=\n", DROP_IN, "ExecStart='a\n", f"{kubelet.START}\n[Service]\n"])
def test_a_unit_that_starts_nothing_is_unknown(unit: str) -> None:
    with pytest.raises(Unparsable, match=r"kubelet\.service"):
        started(unit)


@pytest.mark.parametrize("value", ['"--node-ip=10.0.0.1', "'--v=2\"", '"', "--node-ip='10.0.0.1"])
def test_an_open_quote_is_unknown(value: str) -> None:
    with pytest.raises(Unparsable):
        node_ip(ARGS.format(value))


def test_a_value_keeps_a_quote_at_its_end() -> None:
    assert kubelet._environment("x", "A=it''\nB=''\n") == {"A": "it''", "B": ""}


def test_blanks_may_stand_around_the_sign_of_equality() -> None:
    assert kubelet._environment("x", 'A = "b"\n') == {"A": "b"}  # systemd's env-file.c


def test_a_kubelet_runs_by_the_words_behind_its_name() -> None:
    line = "/usr/bin/kubelet\n--node-ip=10.0.0.1\n--resolv-conf\n/run/resolv.conf\n"
    assert kubelet.running(CONFIG, line) == kubelet.Kubelet("cgroupfs", "/run/resolv.conf", "10.0.0.1")


PEM = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"


def test_a_kubeconfigs_certificates_are_in_it_or_in_files() -> None:
    inline = f"    client-certificate-data: {base64.b64encode(b'own').decode()}\n"
    path = "    certificate-authority: /etc/kubernetes/pki/ca.crt\n"
    assert kubeconfig.certificates(inline) == (b"own",)
    assert kubeconfig.certificates(path + PEM) == (PEM.strip().encode(),)
    for text in (
        "",
        "users: []\n",
        path,
        path + path + PEM,
        "    client-certificate-data: A===\n",
        inline[:-2] + "!\n",
    ):
        with pytest.raises(Unparsable):
            kubeconfig.certificates(text)


@pytest.mark.parametrize(
    ("written", "flag", "is_on"),
    [
        ("true", "", True),
        ("false", "", False),
        ("true", "={off}", False),
        ("false", "=true", True),
    ],
)
@pytest.mark.parametrize("off", ["false", "0"])
def test_a_switch_is_its_flag_or_else_what_the_file_says(written: str, flag: str, off: str, is_on: bool) -> None:
    file = f"{CONFIG}rotateCertificates: {written}\nprotectKernelDefaults: {written}\n"
    words = f"--rotate-certificates{flag} --protect-kernel-defaults{flag}".format(off=off) if flag else ""
    found = kubelet.parse(file, ARGS.format(words))
    assert (found.rotates_certificates, found.protects_kernel) == (is_on, is_on)
