"""X: Kubernetes hardened as the CIS benchmark asks, and where DLWS or kubeadm themselves contradict it (DEVIATION)."""

from __future__ import annotations

from checks import firewall
from checks.kubernetes import control_plane, kube_host
from dlws.config.cluster import Cluster
from dlws.engine.check import check, expect, expect_present, expect_that
from dlws.engine.targets import master, whole_cluster
from dlws.facts.control_plane import component_flags
from dlws.facts.files import files_at
from dlws.facts.kube_host import kubelets_of
from dlws.facts.secrets import SHORTEST_SECRET
from dlws.kubernetes import objects
from dlws.kubernetes.objects import Object
from dlws.kubernetes.privileges import privileges
from dlws.parse import switches
from dlws.parse.host.modes import FileMode
from dlws.parse.kubernetes import kubelet
from dlws.parse.versions import kubernetes as release
from dlws.remote.host import Host
from dlws.remote.kubernetes import Kubernetes
from dlws.verdict import Severity, Unknown

ROOT = "root:root"
MANIFESTS, PKI, ETCD_DATA = "/etc/kubernetes/manifests", "/etc/kubernetes/pki", "/var/lib/etcd"
KUBECONFIGS = [f"/etc/kubernetes/{name}.conf" for name in ("admin", "controller-manager", "scheduler")]
KUBELET_FILES = [
    "/etc/kubernetes/kubelet.conf",
    "/etc/kubernetes/pki/ca.crt",
    kubelet.CONFIG,
    "/etc/systemd/system/kubelet.service.d/10-kubeadm.conf",
    "/lib/systemd/system/kubelet.service.d/10-kubeadm.conf",
]
ADMIN = "cluster-admin"
EVERYTHING = {"create", "delete", "get", "list", "patch", "update"}
"""The verbs of all objects (Kubernetes, Authorization Overview); `watch` and `deletecollection` are in these."""
ADMINISTRATORS = (("Group", "system:masters"), ("Group", "kubeadm:cluster-admins"))
COMPONENTS = ("kube-apiserver", "kube-controller-manager", "kube-scheduler")
AUDIT = {"audit-log-maxage": 30, "audit-log-maxbackup": 10, "audit-log-maxsize": 100}
API_SERVER_TLS = (
    "tls-cert-file",
    "tls-private-key-file",
    "client-ca-file",
    "etcd-certfile",
    "etcd-keyfile",
    "etcd-cafile",
)
ETCD_TLS = ("cert-file", "key-file", "trusted-ca-file", "peer-cert-file", "peer-key-file")
ETCD_SWITCHES = ("client-cert-auth", "peer-client-cert-auth")
INSECURE_PORT_GONE = release("v1.20.0")
EVERYWHERE, OF_THE_HOST = "0.0.0.0", ("127.0.0.1", "::1")
CURL = "curl -s -k -m 5 -o /dev/null -w '%{http_code}' "
REFUSED = 7  # curl's exit status
DEFAULTS = "runbook 3.11 runs kubeadm init with its defaults, which do not set this"


@check(
    "X01",
    section="3.11",
    source="CIS Kubernetes 1.1.1-1.1.8",
    on=master,
    severity=Severity.WARNING,
    title_zh="静态 Pod 清单文件权限正确",
    fix=f"chown root:root {MANIFESTS}/*; chmod 600 {MANIFESTS}/*",
)
def test_manifests_are_guarded(host: Host) -> None:
    """Only root can change the control plane's manifests."""
    found = [e for e in files_at(host, MANIFESTS) if e.kind == "f"]
    expect_that(found, f"files in {MANIFESTS}", found="none", expected="the control plane's manifests")
    expect("manifests open to others", found=open_to_others(found, 0o644), expected=[])


@check(
    "X02",
    section="3.11",
    source="CIS Kubernetes 1.1.11",
    on=master,
    severity=Severity.WARNING,
    title_zh="etcd 数据目录仅属主可访问",
    fix=f"chmod 700 {ETCD_DATA}",
)
def test_etcd_data_is_private(host: Host) -> None:
    """Only its owner can read etcd's data folder, which holds all secrets of the cluster."""
    found = files_at(host, ETCD_DATA, depth=0)
    expect("etcd's data folder", found=[e.path for e in found], expected=[ETCD_DATA])
    expect("folders open to others", found=open_to_others(found, 0o700), expected=[])


@check(
    "X20",
    section="3.11",
    source="CIS Kubernetes 1.1.12",
    on=master,
    severity=Severity.INFO,
    title_zh="etcd 数据目录属于 etcd 用户",
    fix="not possible with kubeadm",
    deviation="kubeadm runs etcd as root, so root owns its data",
)
def test_etcd_data_has_its_own_user(host: Host) -> None:
    """The etcd data folder belongs to a dedicated etcd user."""
    expect(f"owner of {ETCD_DATA}", found=[e.owner for e in files_at(host, ETCD_DATA, depth=0)], expected=["etcd:etcd"])


@check(
    "X03",
    section="3.11",
    source="CIS Kubernetes 1.1.13-1.1.21",
    on=master,
    title_zh="集群私钥与 kubeconfig 权限正确",
    fix=f"chown -R root:root {PKI}; chmod 600 {PKI}/*.key {PKI}/etcd/*.key /etc/kubernetes/*.conf",
)
def test_keys_are_private(host: Host) -> None:
    """Only root can read the control plane's keys and kubeconfigs, or change its certificates."""
    found = [e for e in files_at(host, PKI) if e.kind == "f"]
    keys = [e for e in found if e.path.endswith(".key")]
    expect_that(keys, f"keys in {PKI}", found="none", expected="the control plane's keys")
    secret = [*keys, *files_at(host, *KUBECONFIGS, depth=0)]
    expect("keys and kubeconfigs open to others", found=open_to_others(secret, 0o600), expected=[])
    expect("certificates that others can change", found=open_to_others(found, 0o644), expected=[])


@check(
    "X04",
    section="3.11",
    source="CIS Kubernetes 1.2.2-1.2.9",
    on=master,
    title_zh="API Server 认证与授权方式安全",
    causes=[control_plane.test_control_plane_pods_are_ready],
    fix="correct the flags in /etc/kubernetes/manifests/kube-apiserver.yaml",
)
def test_api_server_knows_who_asks(cluster: Cluster, kube: Kubernetes) -> None:
    """The API server uses no password or token files, and authorizes by Node and RBAC."""
    flags = running_flags(cluster, kube, "kube-apiserver")
    files = [name for name in ("basic-auth-file", "token-auth-file") if name in flags]
    expect("password and token file flags", found=files, expected=[])
    if "authorization-config" in flags:
        raise Unknown("the API server's authorizers are in a file, --authorization-config, which is not read")
    modes_ = flags.get("authorization-mode", "AlwaysAllow").split(",")
    right = {"Node", "RBAC"} <= {*modes_} and "AlwaysAllow" not in modes_
    expect_that(right, "authorization modes", found=modes_, expected="Node and RBAC, not AlwaysAllow")


@check(
    "X05",
    section="3.11",
    source="CIS Kubernetes 1.2.17-1.2.19",
    on=master,
    title_zh="API Server 没有非 TLS 端口，kubelet 只能修改自身节点",
    causes=[control_plane.test_control_plane_pods_are_ready],
    fix="correct the flags in /etc/kubernetes/manifests/kube-apiserver.yaml",
)
def test_api_server_has_no_open_door(cluster: Cluster, kube: Kubernetes) -> None:
    """The API server has no port without TLS, and lets a kubelet change only its own node."""
    flags = running_flags(cluster, kube, "kube-apiserver")
    default = "0" if release(cluster.kubernetes_version) >= INSECURE_PORT_GONE else "8080"
    expect("insecure port", found=flags.get("insecure-port", default), expected="0")
    expect("insecure address", found=flags.get("insecure-bind-address", ""), expected="")
    plugins = flags.get("enable-admission-plugins", "").split(",")
    expect_that("NodeRestriction" in plugins, "admission plugins", found=plugins, expected="NodeRestriction among them")


@check(
    "X06",
    section="3.11",
    source="CIS Kubernetes 1.2.21, 1.3.2, 1.4.1",
    on=master,
    severity=Severity.WARNING,
    title_zh="控制平面组件已关闭 profiling",
    deviation=DEFAULTS,
    causes=[control_plane.test_control_plane_pods_are_ready],
    fix="set --profiling=false in the manifests of all three components",
)
def test_profiling_is_off(cluster: Cluster, kube: Kubernetes) -> None:
    """Profiling is off in the API server, the controller manager and the scheduler."""
    on = [name for name in COMPONENTS if running_flags(cluster, kube, name).get("profiling") not in switches.OFF]
    expect("components with profiling on", found=on, expected=[])


@check(
    "X21",
    section="3.11",
    source="CIS Kubernetes 1.3.7, 1.4.2",
    on=master,
    severity=Severity.WARNING,
    title_zh="controller-manager 与 scheduler 仅监听本机",
    causes=[control_plane.test_control_plane_pods_are_ready],
    fix="set --bind-address=127.0.0.1 in their manifests",
)
def test_controllers_listen_to_the_host_alone(cluster: Cluster, kube: Kubernetes) -> None:
    """The controller manager and the scheduler listen only on 127.0.0.1."""
    found = {name: running_flags(cluster, kube, name).get("bind-address", EVERYWHERE) for name in COMPONENTS[1:]}
    wrong = [f"{name}: {address}" for name, address in found.items() if address not in OF_THE_HOST]
    expect("components that listen elsewhere", found=wrong, expected=[])


@check(
    "X07",
    section="3.11",
    source="CIS Kubernetes 1.2.22-1.2.25",
    on=master,
    severity=Severity.WARNING,
    title_zh="API Server 审计日志已启用",
    deviation=DEFAULTS,
    causes=[control_plane.test_control_plane_pods_are_ready],
    fix="set --audit-policy-file, --audit-log-path, --audit-log-maxage=30, --audit-log-maxbackup=10 and"
    " --audit-log-maxsize=100",
)
def test_requests_are_audited(cluster: Cluster, kube: Kubernetes) -> None:
    """The API server keeps an audit log of at least 30 days and 10 files of 100 MB.

    Without a policy it logs nothing, whatever is said of its log (kubernetes.io, Auditing).
    """
    flags = running_flags(cluster, kube, "kube-apiserver")
    short = [name for name, least in AUDIT.items() if not flags.get(name, "").isdecimal() or int(flags[name]) < least]
    missing = [name for name in ("audit-policy-file", "audit-log-path") if name not in flags]
    expect("audit settings missing or too low", found=[*missing, *short], expected=[])


@check(
    "X08",
    section="3.11",
    source="CIS Kubernetes 1.2.29-1.2.32, 2.1-2.6",
    on=master,
    title_zh="API Server 与 etcd 均使用 TLS 与证书认证",
    causes=[control_plane.test_control_plane_pods_are_ready],
    fix="correct the flags in the manifests; the certificates are in /etc/kubernetes/pki",
)
def test_etcd_asks_for_certificates(cluster: Cluster, kube: Kubernetes) -> None:
    """The API server and etcd use TLS, and etcd accepts only clients with a certificate from its CA."""
    server, etcd = running_flags(cluster, kube, "kube-apiserver"), running_flags(cluster, kube, "etcd")
    expect("missing API server flags", found=[name for name in API_SERVER_TLS if not server.get(name)], expected=[])
    wrong = [name for name in ETCD_TLS if not etcd.get(name)]
    wrong += [name for name in ETCD_SWITCHES if etcd.get(name) not in switches.ON]
    expect("missing or wrong etcd flags", found=wrong, expected=[])
    own = [name for name in ("auto-tls", "peer-auto-tls") if etcd.get(name, "false") not in switches.OFF]
    expect("etcd flags for self-signed certificates", found=own, expected=[])


@check(
    "X09",
    section="3.11",
    source="CIS Kubernetes 4.1.1-4.1.10",
    severity=Severity.WARNING,
    title_zh="kubelet 文件权限正确",
    fix="chown root:root the named files; chmod 600 kubelet.conf and 644 the others",
)
def test_kubelet_files_are_guarded(host: Host) -> None:
    """Only root can change the kubelet's files."""
    found = files_at(host, *KUBELET_FILES, depth=0)
    expect_that(found, "kubelet files", found="none", expected="its configuration and credentials")
    expect("files open to others", found=open_to_others(list(found), 0o644), expected=[])


@check(
    "X10",
    section="3.11",
    source="CIS Kubernetes 4.2.1-4.2.4",
    title_zh="kubelet 拒绝匿名访问",
    causes=[kube_host.test_kubelet_is_healthy, firewall.test_firewall_is_off],
    fix=f"set anonymous off, mode Webhook, clientCAFile and readOnlyPort 0 in {kubelet.CONFIG}; restart kubelet",
)
def test_kubelet_answers_nobody_unknown(host: Host) -> None:
    """The kubelet rejects anonymous access, both by its configuration and in its answers.

    A file that says nothing of it means no access, and Webhook; the defaults of flags alone are others
    (pkg/kubelet/apis/config/v1beta1/defaults.go).
    """
    for when, found in kubelets_of(host).items():
        expect(f"anonymous access {when}", found=found.lets_anybody_ask, expected=False)
        expect(f"authorization mode {when}", found=found.authorization, expected="Webhook")
        expect_that(found.client_ca, f"clientCAFile {when}", found="none", expected="the cluster's CA")
        expect(f"read-only port {when}", found=found.read_only_port, expected="0")
    expect("anonymous request to port 10250", found=host.read(CURL + "https://127.0.0.1:10250/pods"), expected="401")
    plain = host.run_expect([0, REFUSED], CURL + "http://127.0.0.1:10255/pods")
    expect_that(plain.rc == REFUSED, "connection to port 10255", found=f"status {plain.stdout}", expected="refused")


@check(
    "X11",
    section="3.11",
    source="CIS Kubernetes 4.2.11",
    severity=Severity.WARNING,
    title_zh="kubelet 证书自动轮换",
    fix=f"set rotateCertificates: true in {kubelet.CONFIG}; restart kubelet",
)
def test_kubelet_renews_its_certificate(host: Host) -> None:
    """The kubelet renews its certificate automatically."""
    for when, found in kubelets_of(host).items():
        expect(f"rotateCertificates {when}", found=found.rotates_certificates, expected=True)


@check(
    "X22",
    section="3.11",
    source="CIS Kubernetes 4.2.6",
    severity=Severity.WARNING,
    title_zh="kubelet 保护内核默认参数",
    deviation=DEFAULTS,
    fix=f"set protectKernelDefaults: true in {kubelet.CONFIG}, and the kernel settings it requires",
)
def test_kubelet_leaves_the_kernel_alone(host: Host) -> None:
    """The kubelet refuses to start rather than change kernel settings."""
    for when, found in kubelets_of(host).items():
        expect(f"protectKernelDefaults {when}", found=found.protects_kernel, expected=True)


@check(
    "X12",
    section="3.11",
    source="CIS Kubernetes 5.1.1",
    on=whole_cluster,
    severity=Severity.WARNING,
    title_zh="cluster-admin 及同等权限的角色仅授予集群管理员组",
    fix="kubectl delete clusterrolebinding <name>, or bind a role with fewer privileges",
)
def test_few_are_cluster_admin(kube: Kubernetes) -> None:
    """Only the administrators' group and service accounts in kube-system are cluster-admin, by whatever role's name."""
    bound, like_it = (
        kube.list("clusterrolebindings"),
        {objects.name_of(r) for r in kube.list("clusterroles") if may_all(r)},
    )
    expect_that(
        any(b["roleRef"]["name"] == ADMIN for b in bound),
        "cluster-admin bindings",
        found="none",
        expected="the administrators' binding",
    )
    bindings = [b for b in bound if b["roleRef"]["name"] in like_it]
    others = [
        f"{binding['metadata']['name']}: {subject['kind']} {subject['name']}"
        for binding in bindings
        for subject in objects.subjects(binding)
        if (subject["kind"], subject["name"]) not in ADMINISTRATORS
        and (subject["kind"], subject.get("namespace")) != ("ServiceAccount", "kube-system")
    ]
    expect("unexpected cluster-admin subjects", found=others, expected=[])


@check(
    "X26",
    section="3.11",
    source="CIS Kubernetes 5.2",
    on=whole_cluster,
    severity=Severity.INFO,
    title_zh="kube-system 之外没有特权 Pod",
    deviation="DLWS's own services and distributed jobs run this way; the named pods need sign-off",
    fix="kubectl describe each named pod; remove the privileges of pods that are not DLWS's own",
)
def test_few_pods_are_privileged(kube: Kubernetes) -> None:
    """No pod outside kube-system is privileged, uses the host network or mounts Docker's socket."""
    pods = [pod for pod in kube.list("pods") if pod["metadata"].get("namespace") != "kube-system"]
    found = {objects.name_of(pod): privileges(pod) for pod in pods if not objects.is_finished(pod)}
    expect("pods with host access", found=[f"{name}: {', '.join(p)}" for name, p in found.items() if p], expected=[])


@check(
    "X25",
    section="3.11",
    source="kubeadm",
    on=whole_cluster,
    title_zh="ConfigMap 中没有 config.yaml 的密码与密钥",
    fix="move it to a Secret (a Secret of its name has it already: delete the ConfigMap); change it in config.yaml, as"
    " anyone may have read it",
)
def test_no_secret_in_a_configmap(cluster: Cluster, kube: Kubernetes) -> None:
    """No ConfigMap contains a secret from config.yaml."""
    long = [secret for secret in cluster.secrets if len(secret) >= SHORTEST_SECRET]
    telling = [
        f"{thing['metadata'].get('namespace')}/{thing['metadata']['name']} {key}"
        for thing in kube.list("configmaps")
        for key, text in objects.texts_of(thing)
        if any(secret in text for secret in long)
    ]
    expect("ConfigMaps that contain a secret", found=telling, expected=[])


def may_all(role: Object) -> bool:
    """Whether a role may do everything with every object, by `*` or by all that there is to do, in one rule or more."""
    wide = [r for r in role.get("rules") or () if all("*" in (r.get(key) or ()) for key in ("apiGroups", "resources"))]
    verbs = {verb for rule in wide for verb in rule.get("verbs") or ()}
    return "*" in verbs or verbs >= EVERYTHING


def running_flags(cluster: Cluster, kube: Kubernetes, component: str) -> dict[str, str]:
    """The flags that a component runs with. Mismatch where it has no pod."""
    flags = component_flags(cluster, kube, component)
    return expect_present(flags, f"pods of {component} on {cluster.master.name}")


def open_to_others(found: list[FileMode], mode: int) -> list[str]:
    """Those that allow more than the mode, or are not root's."""
    return [str(e) for e in found if e.owner != ROOT or e.allows_more_than(mode)]
