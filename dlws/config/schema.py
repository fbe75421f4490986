"""The form of config.yaml as pydantic models: every key of the runbook's sample (3.2), and the section `suite`.

What a key means to upstream is in its docstring where that is not plain. Rules between keys are in `dlws.config.rules`.
Validation is strict: a number where text belongs is an error, not a guess.
"""

from __future__ import annotations

from enum import StrEnum
from ipaddress import IPv4Address
from typing import Annotated, Any, ClassVar, Final, Literal

from pydantic import Field
from pydantic.functional_validators import AfterValidator, PlainValidator

from dlws.config import values
from dlws.config.packages import AptLine, AptSource, AptSourceName, Packages
from dlws.config.platforms import Platform
from dlws.config.section import OpenSection, Section
from dlws.inventory import Arch, Device, Role, Vendor

Address = Annotated[str, AfterValidator(values.address)]
Cidr = Annotated[str, AfterValidator(values.cidr)]
Domain = Annotated[str, AfterValidator(values.domain)]
DriverVersion = Annotated[str, AfterValidator(values.driver_version)]
Folder = Annotated[str, AfterValidator(values.folder)]
FolderName = Annotated[str, AfterValidator(values.folder_name)]
Host = Annotated[str, AfterValidator(values.host)]
Image = Annotated[str, AfterValidator(values.image)]
ImageTag = Annotated[str, AfterValidator(values.image_tag)]
Label = Annotated[str, AfterValidator(values.label)]
LabelValue = Annotated[str, AfterValidator(values.label_value)]
MachineName = Annotated[str, AfterValidator(values.machine_name)]
Mail = Annotated[str, AfterValidator(values.mail)]
MountPoint = Annotated[str, AfterValidator(values.mount_point)]
MountOptions = Annotated[str, AfterValidator(values.mount_options)]
NfsClient = Annotated[str, AfterValidator(values.nfs_client)]
Port = Annotated[int, Field(ge=1, le=65535)]
Registry = Annotated[str, AfterValidator(values.registry)]
Secret = Annotated[str, AfterValidator(values.secret)]
QuotedPort = Annotated[int, PlainValidator(values.port)]
Text = Annotated[str, AfterValidator(values.one_line)]
UserName = Annotated[str, AfterValidator(values.user_name)]
Floor = Annotated[float, Field(gt=0)]
Count = Annotated[int, Field(ge=0, le=1024)]
KubeadmKind = Literal["InitConfiguration", "ClusterConfiguration", "KubeletConfiguration", "KubeProxyConfiguration"]


class Network(OpenSection):
    """`network`: the domain that is appended to a machine key, `<machine>.<domain>`."""

    domain: Domain
    container_network_iprange: Cidr | None = Field(None, alias="container-network-iprange")
    """Read by freeflow only; it is not the pod network."""


class UserGroup(Section):
    """One of `UserGroups`: who may sign in, and the ids they get."""

    allowed: Annotated[tuple[Mail, ...], Field(alias="Allowed", min_length=1)]
    uid: Annotated[Any, AfterValidator(values.id_range)]
    gid: Annotated[Any, AfterValidator(values.id_range)]


class Machine(Section):
    """One machine of `machines` or `scale_up`."""

    role: Role
    archtype: Arch
    type: Device
    vendor: Vendor | None = None
    private_ip: Address | None = Field(None, alias="private-ip")
    os: Literal["ubuntu"] = "ubuntu"
    series: LabelValue | None = None


class Dockers(OpenSection):
    """`dockers`: where the system images come from."""

    hub: Registry = "apulistech/"
    tag: ImageTag = "1.9"


class Microsoft(OpenSection):
    """`Authentications.Microsoft`: the application registered for sign-in."""

    tenant_id: Text = Field("", alias="TenantId")
    client_id: Text = Field("", alias="ClientId")
    client_secret: Text = Field("", alias="ClientSecret")


class Wechat(OpenSection):
    """`Authentications.Wechat`, spelled so: without it RestfulAPI/config.yaml is not rendered."""

    app_id: Text = Field("", alias="AppId")
    app_secret: Text = Field("", alias="AppSecret")


class Authentications(OpenSection):
    """`Authentications`: sign-in by Microsoft and WeChat accounts; DingTalk, from v1.5.0 on, is for templates alone."""

    microsoft: Microsoft | None = Field(None, alias="Microsoft")
    wechat: Wechat | None = Field(None, alias="Wechat")
    ding_talk: dict[str, Any] | None = Field(None, alias="DingTalk")


class OnPremise(OpenSection):
    """`onpremise_cluster`: the cluster's size, for the platform."""

    worker_node_num: Count | None = None
    gpu_count_per_node: Count | None = None
    gpu_type: Text | None = None


class Share(Section):
    """One of `mountpoints`: `server:filesharename` is mounted on `curphysicalmountpoint` of every host."""

    type: Literal["nfs"]
    server: Host
    filesharename: MountPoint
    curphysicalmountpoint: MountPoint
    mountpoints: Annotated[Any, AfterValidator(values.share_folders)] = ""
    """Empty: this is the default share, which holds `default-storage-folders`."""
    autoshare: bool = True
    """False: nothing mounts it, as in upstream's auto_share.py."""
    options: MountOptions | None = None
    vc: Label | None = None


class Jwt(OpenSection):
    """`jwt`: how the platform's tokens are signed."""

    secret_key: Text
    algorithm: Literal["HS256"] = "HS256"
    token_ttl: Annotated[int, Field(gt=0)] = 86400


class EccRule(OpenSection):
    """`repair-manager.ecc_rule`."""

    cordon_dry_run: bool = True


class Alert(OpenSection):
    """`repair-manager.alert`: the mail account that alerts are sent from."""

    smtp_url: Host | None = None
    login: Text = ""
    password: Text = ""
    sender: Text = ""
    receiver: tuple[Mail, ...] = ()


class RepairManager(OpenSection):
    """`repair-manager`: cordons hosts with memory errors."""

    cluster_name: Label | None = None
    ecc_rule: EccRule = EccRule()
    alert: Alert = Alert()


class NameResolution(StrEnum):
    """How the hosts learn each other's names (runbook section 2.4)."""

    DNS = "dns"
    """Option 1: every host has an A record."""
    HOSTS_FILE = "hosts_file"
    """Option 2: the suite keeps a block in every /etc/hosts."""


class Images(StrEnum):
    """Where DLWS's own images come from (runbook 3.16)."""

    BUILD = "build"
    """From the checkout, on the master and on one machine of every other architecture; pushed to the registry."""
    PREBUILT = "prebuilt"
    """They are in the registry already, or in `image_archives`."""


class Nfs(Section):
    """`suite.nfs`: the clients and options with which a host exports its shares (runbook 3.12)."""

    clients: Annotated[tuple[NfsClient, ...], Field(min_length=1)] = ("*",)
    options: MountOptions = "rw,insecure,no_subtree_check,async,no_root_squash"
    """The runbook's without fsid=0, which makes the share the root of NFSv4: there `server:<path>` leads nowhere."""


class DevicePlugins(Section):
    """`suite.device_plugins`: the images of runbook 3.13."""

    nvidia: Image = "nvidia/k8s-device-plugin:1.11"
    a910: Image | None = None
    """Not set: `<dockerregistry>a910-device-plugin:devel3`, as upstream."""


class Kubernetes(Section):
    """`suite.kubernetes`: how Kubernetes is installed (runbook 3.10, 3.11). Its version is `k8s-gitbranch`."""

    package_suffix: Annotated[str, AfterValidator(values.package_suffix)] = "-00"
    """What the Debian packages add to the version: kubelet=1.18.0-00."""
    apt_source: AptLine | None = None
    """A line of sources.list that has kubeadm, kubelet and kubectl; without it the host's own sources must."""
    apt_key: Text | None = None
    """The key file of that source, binary or armoured; relative to the configuration file."""
    packages_folder: Text | None = None
    """Folder with .deb files for hosts that reach no mirror; relative to the configuration file."""
    image_repository: Annotated[str, AfterValidator(values.image_repository)] | None = None
    """Where kubeadm's images come from; without it kubeadm's own default (k8s.gcr.io)."""
    cni_manifest: Text | None = None
    """The pod network to apply; relative to the configuration file. cloud.weave.works, upstream's, is gone."""
    master_as_worker: bool = False
    """The master takes jobs too (runbook 3.11, optional: `kubernetes uncordon`)."""
    cri_socket: Text | None = None
    """The container runtime's socket; needed from Kubernetes 1.24 on, where Docker is reached through cri-dockerd."""
    virtual_ip: Annotated[IPv4Address, PlainValidator(values.ipv4_address)] | None = None
    """Where keepalived or kube-vip, which the suite does not set up, holds the API server's address (C15)."""
    kubeadm: dict[KubeadmKind, dict[Text, Any]] = {}
    """More settings of kubeadm's configuration by kind; what the suite sets itself stays as it is."""


class Backups(Section):
    """`suite.backups`: folders of the master in which the site's own jobs put a backup every day."""

    etcd: MountPoint | None = None
    """Snapshots by `etcdctl snapshot save`."""
    database: MountPoint | None = None
    """Dumps by `mysqldump`, `*.sql` or `*.sql.gz`."""


class TwoHosts(Section):
    """One of `suite.acceptance.two_hosts`: what two hosts of that kind reduce together with (W12)."""

    image: Image
    """An image whose python3 has torch with NCCL, or torch and torch_npu with HCCL; it should be on the hosts."""
    all_reduce: Floor | None = None
    """GB/s, the bus bandwidth of an all-reduce over all accelerators of both; not set: it must only come out right."""


class Acceptance(Section):
    """`suite.acceptance`: the promised speeds of the hardware. Each is measured with --active, on idle hosts."""

    link: Annotated[int, Field(gt=0)] | None = None
    """Nominal speed of the hosts' links, in Mb/s: iperf3 must reach 80 % of it (Q01)."""
    disk_write: Floor | None = None
    """MB/s that the disk under Docker is written with, by fio (Q02)."""
    gpu_copy: Floor | None = None
    """GB/s between a host's memory and each of its GPUs, by nvbandwidth (Q02)."""
    npu_copy: Floor | None = None
    """GB/s between a host's memory and each of its NPUs, by ascend-dmi (P25)."""
    npu_tflops: Floor | None = None
    """TFLOPS of each NPU at half precision, by ascend-dmi (P25)."""
    spread: Annotated[float, Field(gt=0, lt=100)] | None = None
    """Percent that a host may be slower than the median of its kind (Q03)."""
    soak_hours: Floor | None = None
    """Hours that every host must run without a fault (Q05)."""
    all_reduce: Floor | None = None
    """GB/s, the average bus bandwidth of an all-reduce over a host's GPUs (Q04)."""
    nccl_tests_image: Image | None = None
    """An image that has nccl-tests' all_reduce_perf in its PATH (Q04)."""
    two_hosts: dict[Text, TwoHosts] = {}
    """By kind of accelerator, the gpuType that jobs ask for: huawei_npu_arm64, nvidia_gpu_amd64 (W12)."""
    job_image: Image | None = None
    """An image with a shell, in which a job is run by the platform (W11)."""
    job_user: Text | None = None
    """The platform's user who submits that job, with access to the default virtual cluster (W11)."""


class Suite(Section):
    """The section `suite:`, read by this suite only; upstream ignores keys it does not know."""

    ssh_port: Port = 22
    public_address: Annotated[IPv4Address, PlainValidator(values.ipv4_address)] | None = None
    """The address that `<cluster_name>.<domain>` has outside. Set: public access is configured (runbook 2.3)."""
    name_resolution: NameResolution = NameResolution.HOSTS_FILE
    packages: Packages = Packages()
    apt_sources: dict[AptSourceName, AptSource] = {}
    """By name, further sources of packages; Kubernetes' is `kubernetes.apt_source`."""
    nfs: Nfs = Nfs()
    device_plugins: DevicePlugins = DevicePlugins()
    gpu_probe_image: Image = "dlws/cuda"
    """The image that `nvidia-smi` is run in (runbook 3.9)."""
    kubernetes: Kubernetes = Kubernetes()
    images: Images = Images.BUILD
    """Built here, which asks that the control host has the master's architecture (runbook 2.1); or prebuilt."""
    image_archives: Text | None = None
    """Folder with `docker save` archives; relative to the configuration file."""
    content: Text | None = None
    """Folder made by `dlws bundle fetch`, with all that the install needs; relative to the configuration file."""
    seeds: dict[MachineName, Annotated[tuple[Text, ...], Field(min_length=1)]] = {}
    """By host, the hosts, names or patterns, to which it hands what the control host sends: one copy for all."""
    seed_port: Port = 7390
    """The port at which seeds do so, while an install lasts."""
    registry_config: Text | None = None
    """Docker's config.json with the login to `dockerregistry` (runbook 3.16.1); relative to the configuration file."""
    platforms: tuple[Platform, ...] = ()
    """Releases of operating systems that the site accepts besides the runbook's (H01)."""
    required_gpu_driver: DriverVersion = "430"
    required_npu_driver: DriverVersion = "1.72.T2.100.B020"
    dlworkspace: Text | None = None
    browser: Text | None = None
    """A Chromium on the control host: the web interface is opened in it, and its picture is in the report."""
    backups: Backups = Backups()
    acceptance: Acceptance = Acceptance()
    npu_probe_image: Image | None = None
    """The image that the host's `npu-smi` is run in: any with a shell and glibc. Not set: no container is tried."""
    npu_cabling: dict[str, tuple[Text, ...]] = {}
    """By host, for each NPU in the order of their numbers the switch and its port, `switch1 100GE1/0/1`, by LLDP."""
    host_keys: dict[str, Annotated[str, AfterValidator(values.fingerprint)]] = {}
    """By host, its SSH key's fingerprint as compared on its console, `SHA256:...`: the only one that is accepted."""
    lost_hosts: tuple[MachineName, ...] = ()
    """Machines under `scale_down` that are gone for good: they leave unasked, once nothing answers there."""
    devices: dict[str, Count] = {}
    """The number of accelerators of individual hosts, if it differs from onpremise_cluster.gpu_count_per_node."""


KUBERNETES_VERSION: Final = "v1.18.0"  # runbook 3.2, and upstream's install_kubeadm.sh of V0.1.6.1


class Configuration(OpenSection):
    """All of config.yaml."""

    for_templates: ClassVar[frozenset[str]] = frozenset({"alert-manager"})  # that they are set is all we ask of these

    cluster_name: Label
    network: Network
    etcd_node_num: Literal[1] = 1
    mounthomefolder: bool = True
    kubepresleep: Annotated[int, Field(ge=0)] = 1
    user_groups: dict[Text, UserGroup] = Field(alias="UserGroups")
    admin_groups: tuple[Text, ...] = Field((), alias="WebUIadminGroups")
    authorized_groups: tuple[Text, ...] = Field((), alias="WebUIauthorizedGroups")
    register_groups: tuple[Text, ...] = Field((), alias="WebUIregisterGroups")
    datasource: Literal["MySQL"] = "MySQL"
    mysql_password: Secret
    mysql_port: QuotedPort | None = None
    """The port of the platform's database; upstream's params.py has it as text. Not set: the checkout's default."""
    mysql_data_path: Folder | None = None
    webuiport: Literal[3081] = 3081
    useclusterfile: Literal[True] = True
    machines: Annotated[dict[MachineName, Machine], Field(min_length=1)]
    scale_up: dict[MachineName, Machine] = {}
    scale_down: dict[MachineName, Machine] = {}
    admin_username: UserName
    dockerregistry: Registry = "apulistech/"
    dockers: Dockers = Dockers()
    custom_mounts: tuple[Any, ...] = ()
    deploymounts: tuple[Any, ...] = ()
    infiniband_mounts: tuple[Any, ...] = ()
    data_disk: Annotated[str, AfterValidator(values.regular_expression)] = Field("/dev/[sh]d[^a]", alias="data-disk")
    data_folder_access_point: Text = Field("", alias="dataFolderAccessPoint")
    virtual_cluster: LabelValue = Field("platform", alias="defalt_virtual_cluster_name")
    """Upstream's own spelling."""
    storage_folders: tuple[FolderName, ...] = Field(("jobfiles", "storage", "work"), alias="default-storage-folders")
    discoverserver: Address | None = None
    dns_server: dict[Text, Address] = {}
    authentications: Authentications | None = Field(None, alias="Authentications")
    supported_platform: Annotated[tuple[Literal["onpremise"], ...], Field(min_length=1, max_length=1)] = ("onpremise",)
    onpremise_cluster: OnPremise = OnPremise()
    mountpoints: dict[Label, Share] = {}
    jwt: Jwt | None = None
    alert_manager: dict[str, Any] | None = Field(None, alias="alert-manager")
    """What upstream's templates of Alertmanager read; it is installed where `configured` is set."""
    kubelabels: dict[str, Any] | None = None
    """By node label, its target; overrides the suite's own table (`dlws.kubernetes.labels`)."""
    extranet_protocol: Literal["http", "https"] | None = None
    """How users reach the web interface; upstream's default is https."""
    extranet_port: Port | None = None
    """The port of the web interface for users, if it is not the protocol's default."""
    api_port: Literal[6443] = Field(6443, alias="k8sAPIport")
    kubernetes_version: Annotated[str, AfterValidator(values.kubernetes_version)] = Field(
        KUBERNETES_VERSION, alias="k8s-gitbranch"
    )
    deploy_method: Literal["kubeadm"] = "kubeadm"
    repair_manager: RepairManager = Field(RepairManager(), alias="repair-manager")
    apt_mirror_url: Annotated[str, AfterValidator(values.apt_mirror)] | None = None
    enable_custom_registry_secrets: bool = False
    service_cluster_ip_range: Cidr = "10.3.0.0/16"
    pod_ip_range: Cidr = "10.2.0.0/16"
    storage_mount_path: MountPoint = Field("/dlwsdata", alias="storage-mount-path")
    vc_mount_path: MountPoint = Field("/dltsdata", alias="dltsdata-storage-mount-path")
    physical_mount_path: MountPoint = Field("/mntdlws", alias="physical-mount-path")
    label_data_path: Folder | None = Field(None, alias="data_platform_path")
    """A folder that the job manager mounts where the master is amd64 (services/jobmanager2/jobmanager2.yaml)."""
    dlworkspace: Text | None = None
    suite: Suite = Suite()

    @property
    def has_alertmanager(self) -> bool:
        """Whether the platform is installed with Alertmanager."""
        return bool((self.alert_manager or {}).get("configured"))
