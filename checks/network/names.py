"""N: network, names and firewall."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence

from dlws.config.cluster import Cluster
from dlws.engine.check import check, expect, expect_that, preflight
from dlws.engine.targets import public_control_host
from dlws.facts.files import text_of
from dlws.facts.units import unit
from dlws.inventory import Node
from dlws.parse.host import getent
from dlws.parse.network import firewall, ip_addr, network_manager, ping, resolv_conf
from dlws.parse.text import unparsable
from dlws.remote.host import MISSING, Host
from dlws.verdict import Unknown

# Side by side: what does not answer would be waited for in turn. A line each: word, exit status, what was printed.
EACH = 'for x in {}; do {{ r=$({} "$x" 2>&1); echo $x $? $r; }} & done; wait'
GETENT = "RES_OPTIONS='timeout:2 attempts:2' getent ahostsv4"
PING = "ping -n -q -c1 -W2"
UFW = "if command -v ufw >/dev/null; then LC_ALL=C ufw status; else echo 'ufw: not found'; fi"
# -w: iptables 1.6.1 (Ubuntu 18.04) takes the xtables lock to read too, and ends with 4 where kube-proxy holds it.
INPUT = "if command -v iptables >/dev/null; then iptables -w 10 -S INPUT; else echo -P INPUT ACCEPT; fi"


@preflight
@check(
    "N01",
    section="2.1",
    source="kubespray verify-settings",
    title_zh="配置的子网 IP 在本机网卡上",
    fix="correct private-ip (or the hosts file), or bring the interface up",
)
def test_private_address_is_here(node: Node, host: Host) -> None:
    """The configured private address is on an active network interface of this host."""
    here = [a.address for a in ip_addr.parse(host.read("ip -4 -o addr show up"))]
    expect_that(node.address in here, "addresses of active network interfaces", found=here, expected=node.address)


@check(
    "N02",
    section="2.4",
    source="runbook 2.4",
    title_zh="所有主机名解析到正确的子网 IP",
    fix="correct /etc/hosts (outside the managed block) or the DNS records",
)
def test_every_name_resolves(cluster: Cluster, host: Host) -> None:
    """Every host's short name and FQDN, including this host's own, resolve to its private address."""
    wanted = {name: {address} for address, names in cluster.names_by_address.items() for name in names}
    found = resolve(host, list(wanted))
    wrong = {f"{n} -> {'+'.join(sorted(found[n])) or 'nothing'}" for n in wanted if found[n] != wanted[n]}
    expect("names that resolve incorrectly", found=wrong, expected=set())


@check(
    "N03",
    section="2.4",
    source="runbook 2.4",
    title_zh="resolv.conf 已配置短域名搜索",
    fix="add `search <domain>` to /etc/resolvconf/resolv.conf.d/base; resolvconf -u",
)
def test_search_domain(cluster: Cluster, host: Host) -> None:
    """The cluster's domain is a search domain in resolv.conf."""
    found = resolv_conf.parse(host.read("cat /etc/resolv.conf")).search
    expect_that(cluster.domain in found, "search domains in /etc/resolv.conf", found=found, expected=cluster.domain)


@check(
    "N05",
    section="2.4",
    source="glibc resolver",
    title_zh="resolv.conf 中 DNS 服务器数量正确",
    fix="list 1 to 3 name servers; glibc ignores any more",
)
def test_name_servers(host: Host) -> None:
    """resolv.conf lists one to three name servers."""
    found = resolv_conf.parse(host.read("cat /etc/resolv.conf")).nameservers
    expect_that(1 <= len(found) <= 3, "name servers in /etc/resolv.conf", found=found, expected="1 to 3")


@check(
    "N06",
    section="3.7",
    source="runbook 3.7",
    title_zh="主机之间可以互相 ping 通",
    fix="check the cabling, switch and firewall between the two hosts",
)
def test_peers_answer(peers: tuple[Node, ...], host: Host) -> None:
    """Every other running host of the cluster answers a ping from this host."""
    answers = each(host, PING, [peer.address for peer in peers])
    silent = [f"{p.name} ({p.address})" for p in peers if ping.parse(answers[p.address][1]).received == 0]
    expect("hosts that do not answer a ping", found=silent, expected=[])


@preflight
@check(
    "N07",
    section="2.1",
    source="runbook 2.1, kubeadm Firewalld",
    title_zh="防火墙已关闭",
    fix="ufw disable; systemctl disable --now firewalld; iptables -P INPUT ACCEPT, -D INPUT <rule>",
)
def test_firewall_is_off(host: Host) -> None:
    """No firewall filters incoming traffic (ufw, firewalld, or a policy or catch-all rule of the INPUT chain)."""
    on = ["ufw"] if firewall.ufw_status(host.read(UFW)) is firewall.Ufw.ACTIVE else []
    on += ["firewalld"] if unit(host, "firewalld", "ActiveState") not in (["inactive"], ["failed"]) else []
    chain = firewall.iptables_chain(host.read(INPUT))
    on += [f"INPUT chain policy {chain.policy}"] if chain.policy != "ACCEPT" else []
    on += [f"INPUT chain rule {chain.closing_rule}"] if chain.closing_rule else []
    expect("active firewalls", found=on, expected=[])


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
    fix="comment out dns=dnsmasq in /etc/NetworkManager/NetworkManager.conf; restart NetworkManager",
)
def test_no_local_dnsmasq(host: Host) -> None:
    """NetworkManager does not run dnsmasq, as containers cannot use a name server on 127.0.1.1."""
    text = text_of(host, "/etc/NetworkManager/NetworkManager.conf") or ""
    expect("dnsmasq lines in NetworkManager.conf", found=network_manager.dnsmasq_lines(text), expected=())


@check(
    "N26",
    section="3.8",
    source="upstream prepare_ubuntu.sh",
    title_zh="apache2 未占用 80 端口",
    fix="systemctl disable --now apache2",
)
def test_apache_is_off(host: Host) -> None:
    """apache2 does not run, now or at boot, leaving port 80 to the platform's nginx."""
    active, at_boot = unit(host, "apache2", "ActiveState", "UnitFileState")
    expect_that(active in ("inactive", "failed"), "apache2 now", found=active, expected="inactive")
    expect_that(at_boot != "enabled", "apache2 at boot", found=at_boot, expected="not enabled")


def resolve(host: Host, names: list[str]) -> dict[str, frozenset[str]]:
    """The IPv4 addresses that each name has on a host; none for a name it does not know."""
    return {name: _addresses(name, *answer) for name, answer in each(host, GETENT, names).items()}


def _addresses(name: str, rc: int, text: str) -> frozenset[str]:
    found = getent.addresses(name, text) if rc in (0, 2) else frozenset()  # 2: not found
    if bool(found) is not (rc == 0):
        raise unparsable(f"{getent.SOURCE} {name}", f"{rc} {text}")
    return found


def each(host: Host, command: str, words: Sequence[str]) -> dict[str, tuple[int, str]]:
    """Run a command once for each word, side by side: its exit status, and what it printed on one line.

    Raises Unknown when there is no such command, Unparsable when the answer for a word is missing.
    """
    found = {}
    script = EACH.format(" ".join(map(shlex.quote, words)), command)
    for line in host.lines(script) if words else []:
        row = re.fullmatch(r"(\S+) ([0-9]{1,3})(?: (.*))?", line)
        if row is None:
            raise unparsable(command, line)
        if int(row[2]) in MISSING:
            raise Unknown(f"{host.name}: tool missing: {row[3]}")
        found[row[1]] = int(row[2]), row[3] or ""
    for word in words:
        if word not in found:
            raise unparsable(command, why=f"no answer for {word}")
    return found
