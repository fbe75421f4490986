"""N: network and names."""

from __future__ import annotations

from dlws.config.cluster import Cluster, NameResolution
from dlws.engine.check import check, expect, expect_that, preflight
from dlws.engine.targets import public_control_host
from dlws.facts import cloud_init, samples
from dlws.facts.cluster_names import all_resolve
from dlws.facts.files import text_of
from dlws.facts.network import addresses_up, files_with_dnsmasq, resolver_of
from dlws.facts.pairs import ALL_PAIRS_UP_TO
from dlws.facts.reachability import resolve, silent_peers
from dlws.hostfiles import hosts_file
from dlws.inventory import Node
from dlws.remote.host import Host


@preflight
@check(
    "N01",
    section="2.1",
    source="kubespray verify-settings",
    title_zh="配置的子网 IP 在本机网卡上",
    harmful="the host at that address would be another machine than the configuration means",
    fix="correct private-ip (or the hosts file), or bring the interface up",
)
def test_private_address_is_here(node: Node, host: Host) -> None:
    """The configured private address is on an active network interface of this host."""
    here = [one.address for one in addresses_up(host)]
    expect_that(node.address in here, "addresses of active network interfaces", found=here, expected=node.address)


@check(
    "N02",
    section="2.4",
    source="runbook 2.4",
    title_zh="所有主机名解析到正确的子网 IP",
    fix="correct /etc/hosts (outside the managed block) or the DNS records",
)
def test_every_name_resolves(cluster: Cluster, host: Host) -> None:
    """Every host's short name and FQDN, including this host's own, resolve to its private address.

    The cluster's public name to the master's; or, with DNS, to suite.public_address: a site has one zone for all.
    In a large cluster one digest says so of all names; where it does not, each is asked for.
    """
    if len(cluster.nodes) > ALL_PAIRS_UP_TO and all_resolve(cluster, host):
        return
    wanted = {name: [{address}] for address, names in cluster.names_by_address.items() for name in names}
    if cluster.suite.public_address and cluster.suite.name_resolution == NameResolution.DNS:
        wanted[cluster.public_name].append({str(cluster.suite.public_address)})
    found = resolve(host, list(wanted))
    wrong = {f"{n} -> {'+'.join(sorted(found[n])) or 'nothing'}" for n in wanted if found[n] not in wanted[n]}
    expect("names that resolve incorrectly", found=wrong, expected=set())


@preflight
@check(
    "N34",
    section="2.4",
    source="cloud-init, update_etc_hosts",
    title_zh="重启后 /etc/hosts 不会被 cloud-init 覆盖",
    fix="set manage_etc_hosts: false in /etc/cloud/cloud.cfg.d and in the machine's user-data, and delete cloud-init's"
    " lines at the top of /etc/hosts; or touch /etc/cloud/cloud-init.disabled",
)
def test_hosts_file_outlives_a_boot(host: Host) -> None:
    """No boot makes /etc/hosts anew: cloud-init does where manage_etc_hosts is true, without the cluster's names."""
    is_remade = hosts_file.is_remade_at_boot(text_of(host, "/etc/hosts") or "") or cloud_init.remakes_hosts_file(host)
    found = "cloud-init" if is_remade and cloud_init.runs_at_boot(host) else "nobody"
    expect("who makes /etc/hosts anew at boot", found=found, expected="nobody")


@check(
    "N03",
    section="2.4",
    source="runbook 2.4",
    title_zh="resolv.conf 已配置短域名搜索",
    fix="add `search <domain>`, not indented, to /etc/resolvconf/resolv.conf.d/base; resolvconf -u",
)
def test_search_domain(cluster: Cluster, host: Host) -> None:
    """The cluster's domain is a search domain in resolv.conf."""
    settings = resolver_of(host)
    found = settings.search + tuple(f"not read, {line}" for line in settings.unread)
    what = "search domains in /etc/resolv.conf"
    expect_that(settings.searches(cluster.domain), what, found=found, expected=cluster.domain)


@check(
    "N05",
    section="2.4",
    source="glibc resolver",
    title_zh="resolv.conf 中 DNS 服务器数量正确",
    fix="list 1 to 3 name servers, each at the start of a line; glibc ignores any more (dos2unix removes CR)",
)
def test_name_servers(host: Host) -> None:
    """resolv.conf lists one to three name servers."""
    settings = resolver_of(host)
    found = settings.nameservers + tuple(f"not read, {line}" for line in settings.unread)
    expect_that(1 <= len(settings.nameservers) <= 3, "name servers in /etc/resolv.conf", found=found, expected="1 to 3")


@check(
    "N06",
    section="3.7",
    source="runbook 3.7",
    title_zh="主机之间可以互相 ping 通（超过 32 台时抽样）",
    sample=samples.other_hosts,
    fix="check the cabling, switch and firewall between the two hosts",
)
def test_peers_answer(peers: tuple[Node, ...], host: Host) -> None:
    """Every other running host of the cluster answers a ping from this host; of more than 32 hosts a sample.

    The sample: the master, and the hosts 1, 2, 4, 8 ... places further on in the configuration; from the master all.
    N35 tests every pair (--active).
    """
    silent = [f"{peer.name} ({peer.address})" for peer in silent_peers(host, peers)]
    expect("hosts that do not answer a ping", found=silent, expected=[])


@check(
    "N24",
    section="2.3",
    source="runbook 2.3",
    on=public_control_host,
    title_zh="公网域名 A 记录正确",
    fix="set the A record at the DNS provider",
)
def test_public_name_resolves(cluster: Cluster, control: Host) -> None:
    """The cluster's public name resolves to the configured public address."""
    found = resolve(control, [cluster.public_name])[cluster.public_name]
    expect(f"A record of {cluster.public_name}", found=found, expected={str(cluster.suite.public_address)})


@check(
    "N25",
    section="3.8",
    source="upstream prepare_ubuntu.sh",
    title_zh="NetworkManager 未启用 dnsmasq",
    fix="comment out dns=dnsmasq in the files named; restart NetworkManager",
)
def test_no_local_dnsmasq(host: Host) -> None:
    """NetworkManager does not run dnsmasq, as containers cannot use a name server on 127.0.1.1."""
    expect("files that make NetworkManager run dnsmasq", found=files_with_dnsmasq(host), expected=())


@check(
    "N26",
    section="3.8",
    source="upstream prepare_ubuntu.sh",
    title_zh="apache2 未占用 80 端口",
    fix="systemctl disable --now apache2",
)
def test_apache_is_off(host: Host) -> None:
    """apache2 does not run, now or at boot, leaving port 80 to the platform's nginx."""
    apache, off = host.service("apache2"), ("inactive", "failed")
    expect_that(apache.active_state in off, "apache2 now", found=apache.active_state, expected="inactive")
    at_boot = apache.unit_file_state
    expect_that(at_boot != "enabled", "apache2 at boot", found=at_boot, expected="not enabled")
