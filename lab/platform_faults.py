"""Faults of the platform, injected into one of its hosts; registered with those of lab.faults."""

from __future__ import annotations

import json
import secrets
from pathlib import Path

import yaml

from lab import dlws_images, hosts, registry
from lab.faults import EditedFile, Memory, fault, script
from lab.image_archive import file_name
from lab.kube_faults import FAULTS, MASTER
from lab.plan import LAB, REGISTRY, LabHost
from lab.process import LabError, run, wait_for

__all__ = ["FAULTS"]

ROUTES = "/etc/nginx/conf.other/default.conf"
FQDN = "/etc/hostname-fqdn"
OTHER_ARCH = "riscv64"
"""An architecture that no machine of the lab has."""
UNIT = "dlws-npu-info.service"
DATA = "/data/prometheus/data"
WEBUI = "app=webui3"
KEY_FILE = "/usr/local/openresty/nginx/jwt-lua/resty/nginx-jwt-cookie.lua"


def kubectl(*words: str, stdin: str = "", timeout: float = 60) -> str:
    """Run kubectl on the master as administrator; returns its output. Raises LabError."""
    line = 'kubectl --kubeconfig /etc/kubernetes/admin.conf "$@"'
    return hosts.execute(MASTER, line, *words, stdin=stdin, timeout=timeout)


def pods_on(host: LabHost, label: str) -> list[dict[str, str]]:
    """Namespace, name and image of the pods with a label on a host."""
    where = f"--field-selector=spec.nodeName={host.name}"
    pods = json.loads(kubectl("get", "pods", "-A", "-l", label, where, "-o", "json"))["items"]
    return [
        {
            "namespace": pod["metadata"]["namespace"],
            "name": pod["metadata"]["name"],
            "image": pod["spec"]["containers"][0]["image"],
        }
        for pod in pods
    ]


def need_pods(host: LabHost, label: str) -> list[dict[str, str]]:
    """Like `pods_on`. Raises LabError if there are none."""
    if pods := pods_on(host, label):
        return pods
    raise LabError(f"no pod {label} on {host.name}: choose another host, or install the cluster first")


def restart(host: LabHost, label: str) -> None:
    """Delete the pods with a label on a host, so that they are recreated without the kubelet's back-off.

    A busy machine takes minutes; and a fault that breaks off here is not on record, so that nothing would heal it.
    """
    for pod in pods_on(host, label):
        words = ("-n", pod["namespace"], "delete", "pod", pod["name"], "--grace-period=1", "--ignore-not-found")
        kubectl(*words, timeout=300)


def kept_archive(image: str) -> Path:
    """The lab's archive of an image, named as on Docker Hub or as in the lab's registry."""
    return dlws_images.archives() / file_name(image.removeprefix(f"{REGISTRY}/"))


def _back_in_registry(host: LabHost, memory: Memory) -> None:
    registry.push(kept_archive(memory["image"]))


def _kept_again(host: LabHost, memory: Memory) -> None:
    """Restore the image in the registry, and on the host, which had pulled the wrong one."""
    _back_in_registry(host, memory)
    hosts.execute(host, 'docker pull -q "$1"', memory["image"], timeout=300)


@fault("image_wrong_arch", f"the registry's webui3 is for {OTHER_ARCH}, and the host has pulled it", _kept_again)
def _image_wrong_arch(host: LabHost) -> Memory:
    image = need_pods(host, WEBUI)[0]["image"]
    registry.push(kept_archive(image), for_arch=OTHER_ARCH)
    hosts.execute(host, 'docker pull -q "$1"', image, timeout=300)
    return {"image": image}


@fault("image_missing", "the registry has lost the image of webui3", _back_in_registry)
def _image_missing(host: LabHost) -> Memory:
    image = need_pods(host, WEBUI)[0]["image"]
    registry.remove(image)
    return {"image": image}


_AS_ROOT = (
    "c=$(docker ps -q --filter label=io.kubernetes.container.name=mysql); "
    "docker exec -i $c sh -c 'IFS= read -r MYSQL_PWD; export MYSQL_PWD; exec mysql --no-defaults -u root'"
)


def set_mysql_password(old: str, new: str) -> str:
    """The stdin for changing root's password: the old password, then SQL statements."""
    quoted = new.replace("\\", "\\\\").replace("'", "\\'")
    users = ("'root'@'localhost'", "'root'@'%'")
    return f"{old}\n" + "".join(f"ALTER USER IF EXISTS {user} IDENTIFIED BY '{quoted}';\n" for user in users)


def _mysql_password() -> str:
    return str(yaml.safe_load((LAB / "config.yaml").read_text())["mysql_password"])


def _undo_mysql_password(host: LabHost, memory: Memory) -> None:
    hosts.execute(host, _AS_ROOT, stdin=set_mysql_password(memory["password"], _mysql_password()))


@fault("mysql_password", "the password of MySQL's root differs from the configuration", _undo_mysql_password)
def _other_mysql_password(host: LabHost) -> Memory:
    need_pods(host, "app=mysql")
    password = secrets.token_urlsafe(18)
    hosts.execute(host, _AS_ROOT, stdin=set_mysql_password(_mysql_password(), password))
    return {"password": password}


OPEN_ACCOUNTS = {
    "mysql_open_account": ("MySQL has an account without a password", "'monitor'@'%'"),
    "mysql_anonymous": ("MySQL lets anybody in without a password", "''@'%'"),
}


def _open_account(name: str, words: str, account: str) -> None:
    """Declare the fault that the database has an account."""

    def undo(host: LabHost, memory: Memory) -> None:
        hosts.execute(host, _AS_ROOT, stdin=f"{_mysql_password()}\nDROP USER IF EXISTS {account};\n")

    def do(host: LabHost) -> Memory:
        need_pods(host, "app=mysql")
        hosts.execute(host, _AS_ROOT, stdin=f"{_mysql_password()}\nCREATE USER {account};\n")
        return {}

    fault(name, f"{words}: {account}", undo)(do)


for _name, _told in OPEN_ACCOUNTS.items():
    _open_account(_name, *_told)


_ROUTES = EditedFile(ROUTES)


def _undo_nginx_config(host: LabHost, memory: Memory) -> None:
    _ROUTES.put_back(host, memory)
    restart(host, "app=nginx")


@fault(
    "nginx_config", f"{ROUTES} has a line that nginx does not understand, and nginx was restarted", _undo_nginx_config
)
def _nginx_config(host: LabHost) -> Memory:
    need_pods(host, "app=nginx")
    _ROUTES.edit(host, f"echo 'locaton /new {{' >> {ROUTES}")
    restart(host, "app=nginx")
    return {}


def _undo_prometheus_crashes(host: LabHost, memory: Memory) -> None:
    hosts.execute(host, f"rm {DATA}/wal && mv {DATA}/.wal.before {DATA}/wal")
    restart(host, "app=prometheus")


@fault("service_crashes", "Prometheus' data is damaged, and it exits at start", _undo_prometheus_crashes)
def _prometheus_crashes(host: LabHost) -> Memory:
    need_pods(host, "app=prometheus")
    hosts.execute(host, f"mv {DATA}/wal {DATA}/.wal.before && touch {DATA}/wal")
    restart(host, "app=prometheus")
    return {}


_APACHE = """
mkdir -p /run/lab-apache && ln -sf "$(command -v python3)" /run/lab-apache/apache2
systemd-run --quiet --unit=apache2 --collect -p Restart=always -p RestartSec=100ms -p StartLimitIntervalSec=0 \\
    -p WorkingDirectory=/run/lab-apache /run/lab-apache/apache2 -m http.server 80
"""


def _undo_port_taken(host: LabHost, memory: Memory) -> None:
    hosts.execute(host, "systemctl stop apache2; rm -rf /run/lab-apache")
    restart(host, "app=nginx")


@fault("port_taken", "apache2 has taken port 80 before nginx", _undo_port_taken)
def _port_taken(host: LabHost) -> Memory:
    hosts.execute(host, _APACHE)
    restart(host, "app=nginx")
    holder = "ss -Hltnp 'sport = :80' | grep -c apache2 || true"
    wait_for("apache2 to have port 80", lambda: hosts.execute(host, holder).strip() != "0", 60)
    return {}


@fault("npu_info_dead", "the generator of NPU information has stopped", script(f"systemctl start {UNIT}"))
def _npu_info_dead(host: LabHost) -> Memory:
    hosts.execute(host, f"systemctl is-active --quiet {UNIT} && systemctl stop {UNIT}")
    return {}


_NODE_EXPORTER = ("PREROUTING", "-i", "eth0", "-p", "tcp", "--dport", "9100", "-j", "DROP")


def _raw_table(host: LabHost, verb: str) -> None:
    run("nsenter", "--target", str(hosts.init_pid(host)), "--net", "iptables", "-w", "-t", "raw", verb, *_NODE_EXPORTER)


def _undo_target_down(host: LabHost, memory: Memory) -> None:
    if hosts.execute(host, "iptables -t raw -S PREROUTING | grep -c 'dport 9100' || true").strip() != "0":
        _raw_table(host, "-D")


@fault("target_down", "the node exporter's port can only be reached from the host itself", _undo_target_down)
def _target_down(host: LabHost) -> Memory:
    if host is MASTER:
        raise LabError(f"Prometheus runs on {host.name} and would still get through: break a worker")
    need_pods(host, "app=node-exporter")
    _raw_table(host, "-I")
    return {}


_OTHER_KEY = (
    "c=$(docker ps -q --filter label=io.kubernetes.container.name=openresty); "
    f'docker exec -i $c sh -c \'IFS= read -r k; sed -i "s/^local secret = .*/local secret = \\"$k\\"/" {KEY_FILE}; '
    "nginx -s reload'"
)


def _undo_jwt_key(host: LabHost, memory: Memory) -> None:
    restart(host, "app=openresty")  # its image has the right key


@fault("jwt_key", "openresty verifies tokens with a different key than they are signed with", _undo_jwt_key)
def _jwt_key(host: LabHost) -> Memory:
    need_pods(host, "app=openresty")
    hosts.execute(host, _OTHER_KEY, stdin=f"{secrets.token_hex(12)}\n")
    return {}


def _undo_fqdn_folder(host: LabHost, memory: Memory) -> None:
    hosts.execute(host, f'rmdir {FQDN} && echo "$1" > {FQDN}', memory["fqdn"])
    restart(host, "app=nginx")


@fault(
    "fqdn_folder",
    f"{FQDN} is a directory, as Docker creates it for a missing file, and nginx was restarted",
    _undo_fqdn_folder,
)
def _fqdn_folder(host: LabHost) -> Memory:
    need_pods(host, "app=nginx")
    fqdn = hosts.execute(host, f"cat {FQDN}").strip()
    hosts.execute(host, f"rm {FQDN} && mkdir {FQDN}")
    restart(host, "app=nginx")
    return {"fqdn": fqdn}
