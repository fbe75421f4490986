"""T: the certificates of the control plane and the kubelets, read on the hosts. Keys never leave them.

Ages are by the host's own clock, which is also the one its components judge by.
"""

from __future__ import annotations

from datetime import timedelta
from ipaddress import ip_network

from checks.kubernetes import admission
from dlws.config.cluster import Cluster
from dlws.engine.check import check, expect, expect_that
from dlws.engine.targets import master
from dlws.facts import extensions
from dlws.facts.certificates import (
    ISSUERS,
    PKI,
    CertificateSet,
    key_files_of,
    kubeconfig_certificates_of,
    kubelet_certificates_of,
    pki_of,
    served_certificate,
    signing_keys_of,
    web_certificate,
)
from dlws.kubernetes.extensions import aggregated
from dlws.parse.kubernetes.certificates import Certificate, covers
from dlws.remote.host import Host
from dlws.remote.kubernetes import Kubernetes
from dlws.verdict import Severity

AUTHORITIES = ("ca", "front-proxy-ca", "etcd/ca")
SERVED = {6443: "apiserver", 2379: "etcd/server"}
WEEK, MONTH = timedelta(days=7), timedelta(days=30)
CA_LIFE = timedelta(days=2 * 365)
RSA_BITS = 2048
HASHES = ("sha256", "sha384", "sha512")

SERVICE_NAMES = ("kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local")
"""What pods call the API server by."""

RENEW = "on the master: kubeadm certs renew all (1.18, 1.19: kubeadm alpha certs renew all); restart the control plane"


@check("T01", section="3.11", source="kubeadm#581", on=master, title_zh="控制平面证书齐全且至少 7 天内有效", fix=RENEW)
def test_certificates_are_in_date(host: Host) -> None:
    """All control plane certificates are present and valid for at least 7 more days."""
    found = pki_of(host)
    expect("missing certificates", found=sorted({*ISSUERS, *AUTHORITIES} - {*found.by_name}), expected=[])
    expect("certificates expiring within 7 days", found=found.ending_within(WEEK), expected=[])


@check(
    "T02",
    section="3.11",
    source="kubeadm certs check-expiration",
    on=master,
    title_zh="kubeconfig 内嵌证书至少 7 天内有效",
    fix=RENEW,
)
def test_embedded_certificates_are_in_date(host: Host) -> None:
    """The certificates of admin.conf, controller-manager.conf, scheduler.conf and super-admin.conf last 7 more days."""
    expect(
        "certificates expiring within 7 days", found=kubeconfig_certificates_of(host).ending_within(WEEK), expected=[]
    )


@check(
    "T03",
    section="3.11",
    source="kubeadm#1784",
    title_zh="kubelet 证书至少 7 天内有效",
    fix="make kubelet.conf anew (kubeadm init phase kubeconfig kubelet), restart the kubelet, and let its client-"
    "certificate and client-key name /var/lib/kubelet/pki/kubelet-client-current.pem",
)
def test_kubelet_certificate_is_in_date(host: Host) -> None:
    """The kubelet's own certificates, which kubeadm does not list, are valid for at least 7 more days.

    It renews one, but starts with that of kubelet.conf, which may be another: embedded, and never renewed.
    """
    expect("certificates expiring within 7 days", found=kubelet_certificates_of(host).ending_within(WEEK), expected=[])


@check(
    "T10",
    section="3.11",
    source="kubeadm#581",
    on=master,
    severity=Severity.WARNING,
    title_zh="主节点上全部证书至少 30 天内有效",
    fix=RENEW,
)
def test_certificates_last_a_month(host: Host) -> None:
    """Every certificate on the master is valid for at least 30 more days."""
    ending = [
        line
        for found in (pki_of(host), kubeconfig_certificates_of(host), kubelet_certificates_of(host))
        for line in found.ending_within(MONTH)
    ]
    expect("certificates expiring within 30 days", found=ending, expected=[])


@check(
    "T04",
    section="3.11",
    source="kubeadm",
    on=master,
    title_zh="API Server 证书包含所有访问名称",
    fix="move apiserver.crt and .key away; run kubeadm init phase certs apiserver with these certSANs",
)
def test_names_in_the_servers_certificate(cluster: Cluster, host: Host) -> None:
    """The API server's certificate covers the master, the virtual IP and the service, by name and by address."""
    node, virtual_ip = cluster.master, cluster.suite.kubernetes.virtual_ip
    wanted = {*SERVICE_NAMES, node.name, node.fqdn, node.address, str(ip_network(cluster.service_range)[1])}
    wanted |= {str(virtual_ip)} if virtual_ip else set()
    there = named(pki_of(host), "apiserver").names
    expect("names missing from apiserver.crt", found=wanted - there, expected=set())


@check(
    "T05",
    section="3.11",
    source="openssl verify",
    on=master,
    title_zh="证书链与私钥匹配",
    fix="restore /etc/kubernetes/pki from a backup, or recreate it with kubeadm init phase certs",
)
def test_chains_and_keys_match(host: Host) -> None:
    """Every certificate is signed by its CA and matches the private key stored beside it, and so does what signs.

    Another key of a CA shows when the next kubelet renews its certificate; another of `sa`, in the next pod's token.
    """
    found = pki_of(host)
    strangers = [n for n, ca in ISSUERS.items() if not named(found, n).is_signed_by(named(found, ca))]
    expect("certificates not signed by their CA", found=strangers, expected=[])
    keys = key_files_of(host)
    other = [name for name, key in keys.items() if key != named(found, name).public_key]
    expect("private keys that do not match their certificate", found=other, expected=[])
    signing = signing_keys_of(host)
    halves = {"sa": signing["sa.pub"], **{name: named(found, name).public_key for name in AUTHORITIES}}
    wrong = [name for name, half in halves.items() if signing.get(name, half) != half]
    expect("signing keys that do not match what is trusted", found=wrong, expected=[])


@check(
    "T06",
    section="3.11",
    source="kubeadm docs",
    on=master,
    title_zh="正在使用的证书与文件一致",
    fix="restart the component: move its manifest out of /etc/kubernetes/manifests and back",
)
def test_served_certificates_are_the_files(host: Host, kube: Kubernetes) -> None:
    """The API server and etcd serve the certificates on disk, not older ones from before a renewal."""
    kube.document("/version")  # a server that is down is C01's finding
    found = pki_of(host)
    other = []
    for port, name in SERVED.items():
        served = served_certificate(host, port)
        if served.sha256 != named(found, name).sha256:
            other.append(f"port {port}: not {name}.crt but one valid until {served.not_after:%Y-%m-%d}")
    expect("served certificates that differ from their files", found=other, expected=[])


@check(
    "T07",
    section="3.11",
    source="CIS practice",
    on=master,
    severity=Severity.WARNING,
    title_zh="证书强度与起始时间合理",
    fix="correct the clock of the host that issued them; reissue weak ones",
)
def test_certificates_are_sound(host: Host) -> None:
    """No certificate starts in the future, CAs are valid for 2 more years, and keys and hashes are strong."""
    found = pki_of(host)
    early = [name for name, cert in found.by_name.items() if cert.not_before > found.now]
    expect("certificates that start in the future", found=early, expected=[])
    short = [line for line in found.ending_within(CA_LIFE) if line.partition(":")[0] in AUTHORITIES]
    expect("CAs expiring within 2 years", found=short, expected=[])
    weak = [
        f"{name}: {cert.bits} bits, {cert.hash}"
        for name, cert in found.by_name.items()
        if cert.hash not in HASHES or (cert.is_rsa and cert.bits < RSA_BITS)
    ]
    expect("weak certificates", found=weak, expected=[])


@check(
    "T11",
    section="3.11",
    source="k8s admission webhooks",
    on=master,
    severity=Severity.WARNING,
    title_zh="webhook 与聚合 API 的证书不会很快到期",
    causes=[
        admission.test_required_webhooks_answer,
        admission.test_optional_webhooks_answer,
        admission.test_api_services_are_trusted,
    ],
    fix="renew the certificate and the caBundle together: what has installed the webhook or the API does it",
)
def test_certificates_of_extensions_last(host: Host, kube: Kubernetes) -> None:
    """No certificate of a webhook or an aggregated API, nor its caBundle, ends within 30 days or a tenth of its life.

    Once it has ended the API server hangs up, and refuses what the webhook is asked about.
    """
    asked = [*extensions.webhooks(kube), *aggregated(kube.list("apiservices"))]
    expect("certificates that run out soon", found=extensions.ending(kube, host, asked), expected=[])


@check(
    "T09",
    section="3.16",
    source="troubleshoot certificate",
    on=master,
    severity=Severity.WARNING,
    title_zh="Web 界面证书有效且与域名一致",
    fix="give nginx a certificate for the cluster's public name, with its chain, and reload it",
)
def test_web_certificate_is_good(cluster: Cluster, host: Host) -> None:
    """The web certificate on port 443, if any, is trusted, covers the public name and is valid for 30 more days."""
    if not host.socket("tcp://443").is_listening:
        return
    served, verified = web_certificate(host, cluster.public_name)
    expect("certificates expiring within 30 days", found=served.ending_within(MONTH), expected=[])
    names = served.by_name["443"].names
    expect_that(
        covers(names, cluster.public_name), "names in the certificate", found=names, expected=cluster.public_name
    )
    expect("certificate verification", found=verified, expected="0 (ok)")


def named(found: CertificateSet, name: str) -> Certificate:
    """One certificate. Mismatch when it is not there."""
    expect_that(name in found.by_name, f"{PKI}/{name}.crt", found="no file", expected="a certificate")
    return found.by_name[name]
