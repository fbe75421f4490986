"""Each bad value gives one clear line, with its place, and repeats no secret."""

# ruff: noqa: E501 - the table has one mistake a row

from __future__ import annotations

from pathlib import Path

import pytest

from tests.kits.config_example import example, findings, write

WRONG = [
    # names and addresses
    ("cluster_name: atlas", "cluster_name: Atlas", '1:15: error: cluster_name: "Atlas" is no host name (RFC 1123)'),
    ("cluster_name: atlas", "", "1:1: error: cluster_name: required key is missing"),
    ("cluster_name: atlas", r'cluster_name: "a\nb"', r'1:15: error: cluster_name: "a\nb" is no host name (RFC 1123)'),
    ("domain: sigsus.cn", 'domain: ""', '3:11: error: network.domain: "" is no DNS domain'),
    ("domain: sigsus.cn", "domain: sigsus.cn.", '3:11: error: network.domain: "sigsus.cn." is no DNS domain'),
    ("  atlas02:", "  atlas_02:", '12:3: error: machines.atlas_02: "atlas_02" is no host name (RFC 1123)'),
    ("  atlas02:", '  "$(reboot)":', '12:3: error: machines.$(reboot): "$(reboot)" is no host name (RFC 1123)'),
    ("  atlas02:", '  "a b\'c":', '12:3: error: machines."a b\'c": "a b\'c" is no host name (RFC 1123)'),
    ("  atlas02:", r'  "a\nb":', r'12:3: error: machines."a\nb": "a\nb" is no host name (RFC 1123)'),
    ("  atlas02:", "  -atlas:", '12:3: error: machines.-atlas: "-atlas" is no host name (RFC 1123)'),
    ("  atlas02:", f"  {'a' * 64}:", f'12:3: error: machines.{"a" * 64}: "{"a" * 57}..." is no host name (RFC 1123)'),
    ("  atlas02:", "  localhost:", "12:3: error: machines.localhost: localhost is every host's own name"),
    (
        "  atlas02:",
        "  control:",
        "12:3: error: machines.control: control is what the suite calls the machine that it runs on",
    ),
    ("192.168.3.6", "192.168.3.256", '14:17: error: machines.atlas02.private-ip: "192.168.3.256" is no IPv4 address'),
    ("192.168.3.6", "192.168.03.6", '14:17: error: machines.atlas02.private-ip: "192.168.03.6" is no IPv4 address'),
    (
        "192.168.3.6",
        "127.0.1.1",
        '14:17: error: machines.atlas02.private-ip: "127.0.1.1" is every host\'s own loopback',
    ),
    (
        "192.168.3.6",
        "224.0.0.1",
        '14:17: error: machines.atlas02.private-ip: "224.0.0.1" cannot be the address of a host',
    ),
    (
        "192.168.3.6",
        "192.168.3.2",
        '14:17: error: machines.atlas02.private-ip: "192.168.3.2" is the address of atlas01 already',
    ),
    # machines
    ("role: infrastructure", "role: worker", "5:1: error: machines: no machine has the role infrastructure"),
    (
        "role: infrastructure",
        "role: infra",
        '7:11: error: machines.atlas01.role: must be infrastructure or worker, is "infra"',
    ),
    (
        "6\n    archtype: arm64",
        "6\n    archtype: arm",
        '15:15: error: machines.atlas02.archtype: must be amd64 or arm64, is "arm"',
    ),
    (
        "6\n    archtype: arm64",
        "6\n    archType: arm64",
        "15:5: error: machines.atlas02.archType: unknown key (did you mean archtype?)",
    ),
    ("6\n    archtype: arm64\n", "6\n", "12:3: error: machines.atlas02.archtype: required key is missing"),
    (
        "4\n    archtype: amd64\n    type: gpu\n    vendor: nvidia",
        "4\n    archtype: amd64\n    type: gpu",
        "18:3: error: machines.atlas-gpu01: a machine of type gpu needs its vendor",
    ),
    (
        "4\n    archtype: amd64\n    type: gpu\n    vendor: nvidia",
        "4\n    archtype: amd64\n    type: gpu\n    vendor: huawei",
        "23:13: error: machines.atlas-gpu01.vendor: type gpu goes with vendor nvidia, not huawei",
    ),
    (
        "6\n    archtype: arm64",
        "6\n    os: centos\n    archtype: arm64",
        '15:9: error: machines.atlas02.os: must be ubuntu, is "centos"',
    ),
    ("  atlas-gpu02:", "scale_up:\n  atlas01:", "25:3: error: scale_up.atlas01: also under machines in line 6"),
    (
        "  atlas02:\n    role: worker",
        "  atlas02:\n    role: infrastructure",
        "13:11: error: machines.atlas02.role: a second infrastructure machine, atlas01 is one already",
    ),
    (
        "  gpu_count_per_node: 8\n",
        "  gpu_count_per_node: 0\n",
        "24:3: error: machines.atlas-gpu02: nothing says how many devices this machine has",
    ),
    (
        "suite:\n",
        "suite:\n  devices: {atlas03: 8}\n",
        "67:13: error: suite.devices.atlas03: no such machine (did you mean",
    ),
    (
        "suite:\n",
        "suite:\n  host_keys: {atlas03: SHA256:" + "A" * 43 + "}\n",
        "67:15: error: suite.host_keys.atlas03: no such machine (did you mean",
    ),
    (
        "suite:\n",
        "suite:\n  host_keys: {atlas01: 'MD5:00:11'}\n",
        '67:24: error: suite.host_keys.atlas01: "MD5:00:11" is no SHA256 fingerprint of a host key',
    ),
    (
        "suite:\n",
        "suite:\n  host_keys: {atlas01: SHA256:" + "A" * 43 + ", atlas02: SHA256:" + "A" * 43 + "}\n",
        '67:85: error: suite.host_keys.atlas02: "SHA256:' + "A" * 43 + '" is the host key of atlas01 already',
    ),
    (
        "suite:\n",
        "suite:\n  lost_hosts: [atlas01]\n",
        '67:16: error: suite.lost_hosts[0]: "atlas01" is not under scale_down (move its machine there)',
    ),
    (
        "suite:\n",
        "suite:\n  npu_cabling: {atlas03: [a b]}\n",
        "67:17: error: suite.npu_cabling.atlas03: no such machine (did you mean",
    ),
    (
        "suite:\n",
        "suite:\n  npu_cabling: {atlas-gpu01: [a b]}\n",
        '67:17: error: suite.npu_cabling.atlas-gpu01: atlas-gpu01 is of type "gpu" and has no NPUs',
    ),
    (
        "suite:\n",
        "suite:\n  image_archives: images\n  seeds: {atlas03: ['*']}\n",
        "68:11: error: suite.seeds.atlas03: no such machine in the cluster (did you mean",
    ),
    (
        "suite:\n",
        "suite:\n  image_archives: images\n  seeds: {atlas02: [rack9-*]}\n",
        "68:21: error: suite.seeds.atlas02[0]: no machine of the cluster has this name",
    ),
    (
        "suite:\n",
        "suite:\n  image_archives: images\n  seeds: {atlas02: ['*'], atlas01: [atlas-gpu01]}\n",
        "68:37: error: suite.seeds.atlas01[0]: atlas-gpu01 is given to the seed atlas02 already",
    ),
    (
        "suite:\n",
        "suite:\n  image_archives: images\n  seeds: {atlas02: [atlas02]}\n",
        "68:21: error: suite.seeds.atlas02[0]: atlas02 is a seed, which is given its files itself",
    ),
    (
        "suite:\n",
        "suite:\n  image_archives: images\n  seed_port: 22\n",
        "68:14: error: suite.seed_port: is the port of sshd",
    ),
    (
        "  kubernetes:\n",
        "  kubernetes:\n    virtual_ip: 192.168.3.6\n",
        '69:17: error: suite.kubernetes.virtual_ip: "192.168.3.6" is the address of atlas02 itself',
    ),
    (
        "  kubernetes:\n",
        "  kubernetes:\n    virtual_ip: atlas\n",
        '69:17: error: suite.kubernetes.virtual_ip: "atlas" is no IPv4 address',
    ),
    (
        "suite:\n",
        "suite:\n  acceptance: {two_hosts: {nvidia_gpu_arm64: {image: a/b}}}\n",
        "67:28: error: suite.acceptance.two_hosts.nvidia_gpu_arm64: no machine has such accelerators (did you mean nvidia_gpu_amd64?)",
    ),
    (
        "suite:\n",
        "suite:\n  acceptance: {two_hosts: {nvidia_gpu_amd64: {all_reduce: 9.5}}}\n",
        "67:28: error: suite.acceptance.two_hosts.nvidia_gpu_amd64.image: required key is missing",
    ),
    (
        "suite:\n",
        "suite:\n  acceptance: {two_hosts: {nvidia_gpu_amd64: {image: a/b, all_reduce: 0}}}\n",
        "67:71: error: suite.acceptance.two_hosts.nvidia_gpu_amd64.all_reduce: must be greater than 0",
    ),
    (
        "suite:\n",
        "suite:\n  backups: {etcd: backups}\n",
        '67:19: error: suite.backups.etcd: "backups" is no plain absolute path',
    ),
    # users and secrets
    (
        "admin_username: dlwsadmin",
        "admin_username: root",
        "36:17: error: admin_username: root cannot be the admin user",
    ),
    *(
        (
            "admin_username: dlwsadmin",
            f"admin_username: {name}",
            f"36:17: error: admin_username: {name} cannot be the admin user",
        )
        for name in ("daemon", "www-data", "docker", "sudo", "systemd-network")
    ),
    ("admin_username: dlwsadmin", 'admin_username: "a b"', '36:17: error: admin_username: "a b" is no Unix user name'),
    (
        "admin_username: dlwsadmin",
        "admin_username: $(id)",
        '36:17: error: admin_username: "$(id)" is no Unix user name',
    ),
    ("mysql_password: invented-for-tests", "mysql_password: ", "37:16: error: mysql_password: is empty"),
    ("mysql_password: invented-for-tests", 'mysql_password: ""', "37:17: error: mysql_password: is empty"),
    (
        "mysql_password: invented-for-tests",
        "mysql_password: Password",
        "37:17: error: mysql_password: a placeholder or a password that is guessed",
    ),
    ("[admin@example.org]", "[admin]", '41:15: error: UserGroups.DLWSAdmins.Allowed[0]: "admin" is no e-mail address'),
    ("[admin@example.org]", "[]", "41:14: error: UserGroups.DLWSAdmins.Allowed: needs at least 1 entry"),
    ("  DLWSAdmins:\n", "  Admins:\n", "39:1: error: UserGroups: the group DLWSAdmins is missing"),
    (
        "WebUIadminGroups: [DLWSAdmins]",
        "WebUIadminGroups: [DLWSAdmin]",
        '44:20: error: WebUIadminGroups[0]: "DLWSAdmin" is no group (did you mean DLWSAdmins?)',
    ),
    ('uid: "20000"', "uid: 20000", "42:10: warning: UserGroups.DLWSAdmins.uid: a number, upstream wants text"),
    # storage
    (
        "server: atlas01",
        "server: altas01",
        '55:13: error: mountpoints.nfsshare1.server: "altas01" is no machine (did you mean atlas01?',
    ),
    (
        "filesharename: /mnt/local",
        "filesharename: mnt",
        '56:20: error: mountpoints.nfsshare1.filesharename: "mnt" is no plain absolute path',
    ),
    (
        "filesharename: /mnt/local",
        'filesharename: "/mnt/$(id)"',
        '56:20: error: mountpoints.nfsshare1.filesharename: "/mnt/$(id)" is no plain',
    ),
    (
        "filesharename: /mnt/local",
        'filesharename: "/mnt/a b"',
        '56:20: error: mountpoints.nfsshare1.filesharename: "/mnt/a b" is no plain',
    ),
    (
        "filesharename: /mnt/local",
        r'filesharename: "/mnt\n"',
        r'56:20: error: mountpoints.nfsshare1.filesharename: "/mnt\n" is no plain',
    ),
    (
        "filesharename: /mnt/local",
        "filesharename: /mnt/../etc",
        '56:20: error: mountpoints.nfsshare1.filesharename: "/mnt/../etc" is no plain',
    ),
    ("type: nfs", "type: glusterfs", '54:11: error: mountpoints.nfsshare1.type: must be nfs, is "glusterfs"'),
    (
        "mountpoints:\n",
        "mountpoints:\n  b: {type: nfs, server: atlas01, filesharename: /b, curphysicalmountpoint: /c}\n",
        "54:3: error: mountpoints.nfsshare1: a second default share",
    ),
    (
        "mountpoints:\n",
        "mountpoints:\n  b: {type: nfs, server: atlas01, filesharename: /b, curphysicalmountpoint: /mntdlws, mountpoints: x}\n",
        '58:28: error: mountpoints.nfsshare1.curphysicalmountpoint: "/mntdlws" is the mount point of b already',
    ),
    (
        "suite:\n",
        "default-storage-folders: [jobfiles, work]\nsuite:\n",
        "66:26: error: default-storage-folders: storage is missing",
    ),
    # ranges
    ("suite:\n", "pod_ip_range: 10.3.0.0\nsuite:\n", '66:15: error: pod_ip_range: "10.3.0.0" is no IPv4 range'),
    (
        "cn\n",
        'cn\n  container-network-iprange: "10.0.0.0/8"\n',
        "4:30: warning: network.container-network-iprange: 10.0.0.0/8 overlaps the service range",
    ),
    # values that upstream has built in
    ("suite:\n", "etcd_node_num: 3\nsuite:\n", "66:16: error: etcd_node_num: must be 1, is 3"),
    ("suite:\n", "webuiport: 3080\nsuite:\n", "66:12: error: webuiport: must be 3081, is 3080"),
    ("suite:\n", "k8sAPIport: 1443\nsuite:\n", "66:13: error: k8sAPIport: must be 6443, is 1443"),
    ("suite:\n", "useclusterfile: false\nsuite:\n", "66:17: error: useclusterfile: must be true, is false"),
    (
        "suite:\n",
        "supported_platform: [azure]\nsuite:\n",
        '66:22: error: supported_platform[0]: must be onpremise, is "azure"',
    ),
    ("suite:\n", "deploy_method: kops\nsuite:\n", '66:16: error: deploy_method: must be kubeadm, is "kops"'),
    ("suite:\n", "datasource: AzureSQL\nsuite:\n", '66:13: error: datasource: must be MySQL, is "AzureSQL"'),
    ("invented-sign-key}", "Xq7-z9, algorithm: none}", "71:38: error: jwt.algorithm: must be HS256, is"),
    (
        "suite:\n",
        "repair-manager: {cluster_name: atlass}\nsuite:\n",
        '66:32: error: repair-manager.cluster_name: "atlass" is not cluster_name "atlas"',
    ),
    ("suite:\n", "apt_mirror_url: ftp://x\nsuite:\n", '66:17: error: apt_mirror_url: "ftp://x" is no http URL'),
    ("v1.18.0", "1.18.0", '64:16: error: k8s-gitbranch: "1.18.0" is no Kubernetes version'),
    # types and keys
    ('tag: "1.9"', "tag: 1.9", "50:8: error: dockers.tag: must be text, is 1.9 (quote it)"),
    (
        "hub: apulistech/",
        "hub: apulistech",
        '49:8: error: dockers.hub: "apulistech" does not end with / (write "apulistech/"',
    ),
    ("hub: apulistech/", 'hub: "a;b/"', '49:8: error: dockers.hub: "a;b/" is no image registry'),
    ("suite:\n", "mounthomefolder: 'yes'\nsuite:\n", '66:18: error: mounthomefolder: must be true or false, is "yes"'),
    ("suite:\n", "suite:\n  ssh_prt: 22\n", "67:3: error: suite.ssh_prt: unknown key (did you mean ssh_port?)"),
    ("suite:\n", "suite:\n  colour: red\n", "67:3: error: suite.colour: unknown key (known here: "),
    (
        "suite:\n",
        "suite:\n  nfs: {options: 'rw, async'}\n",
        '67:18: error: suite.nfs.options: "rw, async" is no list of options',
    ),
    (
        "suite:\n",
        "suite:\n  nfs: {clients: ['* (rw)']}\n",
        '67:19: error: suite.nfs.clients[0]: "* (rw)" is no NFS client',
    ),
    (
        "type: nfs",
        "type: nfs\n    options: hard soft",
        '55:14: error: mountpoints.nfsshare1.options: "hard soft" is no list of options',
    ),
    (
        "suite:\n",
        "suite:\n  ssh_port: 70000\n",
        "67:13: error: suite.ssh_port: must be less than or equal to 65535, is 70000",
    ),
    ("suite:\n", "suite:\n  public_address: here\n", '67:19: error: suite.public_address: "here" is no IPv4 address'),
    (
        "suite:\n",
        "suite:\n  packages: {docker: ['a b']}\n",
        '67:23: error: suite.packages.docker[0]: "a b" is no Debian package',
    ),
    (
        "suite:\n",
        "dltsdata-atorage-mount-path: /dltsdata\nsuite:\n",
        "66:1: error: dltsdata-atorage-mount-path: unknown key (did you mean dltsdata-storage-mount-path?)",
    ),
    (
        "suite:\n",
        "our_own_template: 1\nsuite:\n",
        "66:1: warning: our_own_template: unknown key: neither the suite nor DLWorkspace's defaults have it",
    ),
    (
        "suite:\n",
        "dlworkspace: a\nsuite:\n  dlworkspace: b\n",
        "66:1: error: dlworkspace: differs from suite.dlworkspace",
    ),
    ("machines:", "machines: [a]\nmachine:", "5:11: error: machines: must be a mapping, is a list"),
]


@pytest.mark.parametrize(("old", "new", "line"), WRONG, ids=[line.split(" (")[0][:70] for *_, line in WRONG])
def test_a_bad_value_gives_one_clear_line(tmp_path: Path, old: str, new: str, line: str) -> None:
    path = write(tmp_path, (old, new))
    assert f"{path}:{line}" in "\n".join(map(str, findings(path)))


WITH_CONSEQUENCES = {"5:11", "24:3", "5:1", "39:1", "25:3", "13:11"}
"""Places of the mistakes that make something else wrong too."""


@pytest.mark.parametrize(
    ("old", "new", "line"), [wrong for wrong in WRONG if wrong[2].split(": ")[0] not in WITH_CONSEQUENCES]
)
def test_a_bad_value_gives_no_other_line(tmp_path: Path, old: str, new: str, line: str) -> None:
    (finding,) = findings(write(tmp_path, (old, new)))
    assert line in str(finding)


def test_python_spellings_of_the_sample_are_fine(tmp_path: Path) -> None:
    text = "mounthomefolder : True\nenable_custom_registry_secrets: True\nkubepresleep: 1\n"
    assert findings(write(tmp_path, ("suite:\n", text + "suite:\n"))) == []


def test_every_finding_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(
        example().replace("atlas02:", '"a\\nb\\u2028c":').replace("dlwsadmin", '"x\\r\\ny"'), encoding="utf-8"
    )
    found = findings(path)
    assert len(found) >= 2
    assert all(len(str(finding).splitlines()) == 1 for finding in found)
