"""R: Docker and the GPU runtime."""

from __future__ import annotations

from checks.npu import presence
from dlws.config.cluster import Cluster
from dlws.engine.check import Mismatch, active, check, expect, expect_that
from dlws.engine.targets import gpu_hosts, npu_hosts
from dlws.facts.ascend import INSTALL_RECORD, SHARED_DEVICE_FILES, device_files, required_npu_cards
from dlws.facts.docker import (
    DAEMON_JSON,
    changed_by_a_restart,
    daemon_settings,
    docker_of,
    image_architecture,
    keys_given_as_flags,
    log_settings,
    others_with_the_socket,
    refused_by_dockerd,
    units_that_keep_it_down,
)
from dlws.facts.files import text_of
from dlws.inventory import Node
from dlws.parse.accelerators import ascend, npu_smi, nvidia_smi
from dlws.parse.host import daemon_json
from dlws.parse.text import only_line, unparsable
from dlws.parse.versions import docker, kubernetes
from dlws.remote.host import ANY_STATUS, Host
from dlws.verdict import NotApplicable, Severity, Unparsable

ROUTES = ("docker", "nvidia-docker")
MISSING_PROGRAMS = "for p in nvidia-container-runtime nvidia-docker; do command -v $p >/dev/null || echo $p; done"
TIMED_OUT = (124, 137)  # timeout(1): ended by TERM, by KILL
NVIDIA_SMI_FAILED = (*range(2, 16), 255)  # nvidia-smi(1), RETURN VALUE
VALIDATED = {(): (18, 9), (1, 17): (19, 3), (1, 21): (20, 10)}
"""From which Kubernetes on, up to which Docker: kubeadm's preflight check SystemVerification, of 1.14 and later."""
DEAD = "docker ps -a --filter status=dead --filter status=restarting --format '{{.Names}}: {{.Status}}'"
ROTATING = ("local", "journald", "none", "syslog", "fluentd", "gelf", "awslogs", "gcplogs", "splunk", "logentries")
"""Drivers that leave no file to grow, or bound it themselves."""
LAST = slice(-300, None)
"""What a message shows of an output: its last characters."""
NPU_TROUBLE = ("dcmi", "DrvMng", "executable file not found", "exec format error")
"""In what npu-smi says of NPUs that it cannot reach, and docker of a program that cannot be run in the container."""
RUNTIME_SAYS = ("OCI runtime", "nvidia-container-cli", "nvidia-container-runtime", "Unknown runtime", "runtime name")


@check(
    "R01",
    section="3.8",
    source="kubeadm Service-Docker",
    title_zh="Docker 服务已启动并开机自启",
    fix="systemctl enable --now docker; journalctl -u docker",
)
def test_docker_is_active(host: Host) -> None:
    """The Docker service is running and starts at boot."""
    docker = host.service("docker")
    found = [docker.active_state, docker.sub_state, docker.unit_file_state or "not installed"]
    expect("Docker service", found=found, expected=["active", "running", "enabled"])


@check(
    "R19",
    section="3.8",
    source="kubeadm SystemVerification",
    severity=Severity.INFO,
    deviation="runbook 3.8 installs the distribution's docker.io, whatever its version",
    title_zh="Docker 版本经该 Kubernetes 版本验证",
    causes=[test_docker_is_active],
    fix="install a Docker version from kubeadm's list (product: 19.03.12)",
)
def test_docker_version_is_validated(cluster: Cluster, host: Host) -> None:
    """Docker's version is one that the configured Kubernetes version was validated with."""
    release = kubernetes(cluster.kubernetes_version).numbers
    newest = max(limit for since, limit in VALIDATED.items() if since <= release)
    found = docker_of(host).server_version
    expected = f"{newest[0]}.{newest[1]:02} or older"
    expect_that(docker(found).numbers[:2] <= newest, "Docker version", found=found, expected=expected)


@check(
    "R04",
    section="3.8",
    source="kubeadm container runtimes",
    severity=Severity.WARNING,
    title_zh="Docker 存储驱动为 overlay2",
    causes=[test_docker_is_active],
    fix='set "storage-driver": "overlay2" in daemon.json (images are lost); xfs: mkfs.xfs -n ftype=1',
)
def test_storage_driver_is_overlay2(host: Host) -> None:
    """Docker uses the overlay2 storage driver on a file system with d_type support (xfs: ftype=1)."""
    info = docker_of(host)
    expect("storage driver", found=info.storage_driver, expected="overlay2")
    if info.types_of_files is None:
        raise unparsable("docker info", why="no d_type")
    expect_that(info.types_of_files, f"d_type below {info.root_dir}", found="not supported", expected="supported")


@check(
    "R10",
    section="3.8",
    source="dockerd",
    severity=Severity.WARNING,
    title_zh="镜像仓库配置已生效",
    causes=[test_docker_is_active],
    fix="systemctl restart docker: daemon.json has changed since it started",
)
def test_registries_are_in_force(host: Host) -> None:
    """The running Docker uses the registry mirrors and insecure registries listed in daemon.json."""
    written, info = daemon_settings(host), docker_of(host)
    if info.mirrors is None:
        raise unparsable("docker info", why="no RegistryConfig")
    mirrors = {str(url).rstrip("/") for url in written.get("registry-mirrors") or ()}
    insecure = {daemon_json.insecure_registry(str(name)) for name in written.get("insecure-registries") or ()}
    expect("registry mirrors not in force", found=mirrors - {url.rstrip("/") for url in info.mirrors}, expected=set())
    expect("insecure registries not in force", found=insecure - {*info.insecure}, expected=set())


@check(
    "R11",
    section="3.8",
    source="node-problem-detector",
    severity=Severity.WARNING,
    title_zh="没有死亡或反复重启的容器",
    causes=[test_docker_is_active],
    fix="see docker logs <container>; remove the dead ones with docker rm -f",
)
def test_no_container_is_dead(host: Host) -> None:
    """No container is dead or keeps restarting."""
    expect("dead or restarting containers", found=host.lines(DEAD), expected=[])


@check(
    "S16",
    section="3.9",
    source="k8s logging",
    severity=Severity.WARNING,
    title_zh="容器日志自动轮转",
    deviation="runbook 3.8 and 3.9 leave Docker's default log driver, which keeps everything",
    fix='set "log-opts": {"max-size": "100m", "max-file": "3"} in daemon.json, for new containers',
)
def test_container_logs_are_bounded(host: Host) -> None:
    """Docker limits the size of container logs; otherwise one chatty container can fill the disk."""
    driver, options = log_settings(host)
    bounded = driver in ROTATING or "max-size" in options
    expect_that(bounded, "container logs", found=f"{driver} without max-size", expected="a size limit")


@check(
    "R05",
    section="3.9",
    source="k8s-device-plugin#23",
    on=gpu_hosts,
    title_zh="Docker 默认运行时为 nvidia",
    fix='set "default-runtime": "nvidia" in /etc/docker/daemon.json; systemctl restart docker',
)
def test_default_runtime_is_nvidia(host: Host) -> None:
    """Docker's default runtime is nvidia, in daemon.json and in force, so that containers get the GPUs."""
    configured = daemon_settings(host).get("default-runtime", "none")
    expect(f"default-runtime in {DAEMON_JSON}", found=configured, expected="nvidia")
    expect("default runtime in force", found=docker_of(host).default_runtime, expected="nvidia")


@check(
    "R06",
    section="3.8",
    source="GPU operator toolkit gate",
    on=gpu_hosts,
    title_zh="NVIDIA 容器运行时可用",
    fix="apt-get install nvidia-docker2",
)
def test_nvidia_runtime_answers(host: Host) -> None:
    """The NVIDIA container runtime is installed, finds the driver and is registered with Docker."""
    expect("programs missing from PATH", found=host.lines(MISSING_PROGRAMS), expected=[])
    cli = host.run_expect([0, 1], "nvidia-container-cli info")
    if cli.rc == 0 and "NVRM version" not in cli.stdout:
        raise host.unexpected(cli)
    expect_that(cli.rc == 0, "nvidia-container-cli info", found=cli.stderr.strip(), expected="the driver and the GPUs")
    runtimes = list(docker_of(host).runtimes)
    expect_that("nvidia" in runtimes, "Docker runtimes", found=runtimes, expected="nvidia among them")


@check("R07", section="3.9", source="dockerd", title_zh="daemon.json 格式正确", fix="correct /etc/docker/daemon.json")
def test_daemon_json_is_valid(host: Host) -> None:
    """/etc/docker/daemon.json, if present, is valid JSON without duplicate keys."""
    text = text_of(host, DAEMON_JSON) or ""
    try:
        daemon_json.parse(text)
    except Unparsable as error:  # here that is the fact, not a failure to find it out
        raise Mismatch(DAEMON_JSON, found=str(error), expected="JSON without duplicate keys") from error


@check(
    "R32",
    section="3.9",
    source="moby daemon/config",
    title_zh="Docker 重启后可启动且配置不变",
    causes=[test_docker_is_active, test_default_runtime_is_nvidia, test_daemon_json_is_valid],
    fix="correct the setting in daemon.json, take it out of there or out of the unit's ExecStart (systemctl edit"
    " docker); write what is in force into daemon.json, or drain the node, restart Docker and load its images again;"
    " systemctl unmask docker.socket",
)
def test_docker_starts_again_as_it_is(host: Host) -> None:
    """Docker's next start succeeds and changes nothing: all of daemon.json is in force, is known, and is no flag, too.

    The other way round, too: what is in force is in daemon.json or a flag, or is what Docker does by itself.
    """
    twice = sorted(daemon_settings(host).keys() & keys_given_as_flags(host))
    expect("settings that are flags of dockerd, too, which then does not start", found=twice, expected=[])
    expect("units without which Docker does not start", found=units_that_keep_it_down(host), expected=[])
    expect("what dockerd does not start with in daemon.json", found=refused_by_dockerd(host), expected=[])
    expect("what Docker's next start changes", found=changed_by_a_restart(host), expected=[])


@check(
    "R08",
    section="3.8",
    source="node-problem-detector",
    title_zh="Docker 在 10 秒内响应",
    fix="systemctl restart docker; see journalctl -u docker",
)
def test_docker_answers(host: Host) -> None:
    """The Docker daemon responds within 10 s."""
    result = host.run_expect([0, 1, *TIMED_OUT], "timeout -k 1 10 docker ps -q")
    found = "none" if result.rc in TIMED_OUT else result.stderr.strip()
    expect_that(result.rc == 0, "docker ps", found=found, expected="an answer within 10 s")


@check(
    "R09",
    section="3.9",
    source="runbook 3.9",
    on=gpu_hosts,
    title_zh="GPU 测试镜像已在主机上且架构正确",
    fix="docker pull the image, or put its archive into suite.image_archives",
)
def test_probe_image_is_present(node: Node, cluster: Cluster, host: Host) -> None:
    """The GPU test image is on the host, for the host's architecture."""
    image = cluster.suite.gpu_probe_image
    found = image_architecture(host, image) or "no such image"
    expect(f"architecture of {image}", found=found, expected=str(node.arch))


@active
@check(
    "R12",
    section="3.9",
    source="runbook 3.9",
    on=gpu_hosts,
    title_zh="容器内可见全部 GPU（两种方式）",
    fix="make nvidia the default runtime (runbook 3.9); try `docker run --rm <image> nvidia-smi`",
)
def test_container_sees_every_gpu(node: Node, cluster: Cluster, host: Host) -> None:
    """A container sees all of the host's GPUs with both `docker run` and `nvidia-docker run`."""
    for route in ROUTES:
        command = f"{route} run --rm --network none %s nvidia-smi -L"
        answer = host.run_active(
            ANY_STATUS, f"timeout -k 5 120 {command}", cluster.suite.gpu_probe_image, deadline=130.0
        )
        said = f"{answer.text.strip()} {answer.error_text.strip()}".strip()[LAST]
        if answer.rc and not is_the_containers_own(answer.rc, said):
            raise host.unexpected(answer)
        expect_that(answer.rc == 0, f"{route} run", found=said, expected="a list of GPUs")
        seen = len(nvidia_smi.listed(nvidia_smi.answer(answer.text, answer.error_text)))
        expect(f"GPUs seen through {route} run", found=seen, expected=node.device_count)


@active
@check(
    "R13",
    section="3.9",
    source="ascend-docker-runtime",
    on=npu_hosts,
    title_zh="容器内可见全部 NPU",
    causes=[presence.test_npu_tools_work, presence.test_npu_device_files],
    fix="try the command in the evidence by hand; P05 judges device files, P13 the driver's folder",
)
def test_container_sees_every_npu(cluster: Cluster, host: Host) -> None:
    """A container that is given the NPU device files and the driver sees all of the host's NPUs."""
    image = cluster.suite.npu_probe_image
    if image is None:
        raise NotApplicable("suite.npu_probe_image is not set, so there is no image to run npu-smi in")
    driver = ascend.install_info(host.read("cat %s", INSTALL_RECORD)).get("Driver_Install_Path_Param", "")
    if not driver:
        raise unparsable(INSTALL_RECORD, why="no Driver_Install_Path_Param")
    tool = only_line("command -v npu-smi", host.read("command -v npu-smi"))
    devices = [f"--device {path}" for path in (*sorted(device_files(host)), *SHARED_DEVICE_FILES)]
    libraries = ":".join(f"{driver}/driver/lib64{part}" for part in ("", "/common", "/driver"))
    command = (
        f"timeout -k 5 120 docker run --rm --network none {' '.join(devices)} -v %s:%s:ro -v %s:/usr/bin/npu-smi:ro"
        " -e %s %s npu-smi info -l"
    )
    paths = (f"{driver}/driver", f"{driver}/driver", tool)
    answer = host.run_active(ANY_STATUS, command, *paths, f"LD_LIBRARY_PATH={libraries}", image, deadline=130.0)
    said = f"{answer.text.strip()} {answer.error_text.strip()}".strip()[LAST]
    if answer.rc and not any(words in said for words in NPU_TROUBLE):
        raise host.unexpected(answer)
    expect_that(answer.rc == 0, "npu-smi in a container", found=said, expected="a list of NPUs")
    there = sum(required_npu_cards(host).values())
    expect("NPUs seen in a container", found=sum(npu_smi.cards(answer.text).values()), expected=there)


@check(
    "R14",
    section="3.8",
    source="CIS Docker 3.15",
    severity=Severity.WARNING,
    title_zh="仅 root 与 docker 组可访问 Docker（docker.sock 与 TCP）",
    causes=[test_docker_is_active],
    fix="chown root:docker /var/run/docker.sock; chmod 660 /var/run/docker.sock; setfacl -b it; take -H tcp:// out of"
    " the unit, or add --tlsverify",
)
def test_docker_socket_is_guarded(host: Host) -> None:
    """Only root and the docker group can access Docker: by its socket, and by TCP with a certificate alone."""
    socket = host.file("/var/run/docker.sock")
    found = f"{socket.mode:o} {socket.user}:{socket.group}" if socket.exists else "no socket"
    expect("mode and owner of docker.sock", found=found, expected="660 root:docker")
    if socket.exists:
        expect("access control list of docker.sock", found=others_with_the_socket(host), expected=[])
    expect("addresses at which Docker obeys anybody", found=docker_of(host).open_to, expected=[])


def is_the_containers_own(rc: int, said: str) -> bool:
    """Whether a failure of `docker run` speaks of the container and its GPUs, not of docker: daemon, image, time.

    docker exits 125 when it could not start anything, 126 and 127 when the program could not be run in the container
    (so does a shell that finds no docker): then what the runtime says stands in stderr. nvidia-smi says in words what
    ails it, on stdout, and exits with numbers of NVML that its manual does not have: 18, a driver of another version.
    """
    words = (*RUNTIME_SAYS, "Failed to initialize NVML: ")
    return rc in NVIDIA_SMI_FAILED or any(each in said for each in words)
