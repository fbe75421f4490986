"""R: Docker and the GPU runtime."""

from __future__ import annotations

from cluster.config import Cluster
from cluster.inventory import Node
from cluster.parse import daemon_json, docker_info, nvidia_smi, systemd
from cluster.verdict import Severity
from fixtures.check import active, check, expect, expect_that
from fixtures.targets import gpu_hosts
from remote.host import Host

DAEMON_JSON = "/etc/docker/daemon.json"
READ_DAEMON_JSON = f"test ! -e {DAEMON_JSON} || cat {DAEMON_JSON}"
ROUTES = ("docker", "nvidia-docker")


@check("R01", section="3.8", source="kubeadm Service-Docker", title_zh="docker 服务已启动并开机自启",
       fix="systemctl enable --now docker; journalctl -u docker")  # fmt: skip
def test_docker_is_active(host: Host) -> None:
    """The docker service runs and starts at boot."""
    unit = systemd.show(host.read("systemctl show docker -p ActiveState -p SubState -p UnitFileState --no-pager"))
    found = [unit["ActiveState"], unit["SubState"], unit["UnitFileState"]]
    expect("docker service", found=found, expected=["active", "running", "enabled"])


@check("R05", section="3.9", source="k8s-device-plugin#23", on=gpu_hosts, title_zh="docker 默认运行时为 nvidia",
       fix='set "default-runtime": "nvidia" in /etc/docker/daemon.json; systemctl restart docker')  # fmt: skip
def test_default_runtime_is_nvidia(host: Host) -> None:
    """Containers get the GPUs without asking: the default runtime is nvidia, in the file and in force."""
    configured = daemon_json.parse(host.read(READ_DAEMON_JSON)).get("default-runtime", "none")
    expect(f"default-runtime in {DAEMON_JSON}", found=configured, expected="nvidia")
    expect("default runtime in force", found=docker_of(host).default_runtime, expected="nvidia")


@check("R06", section="3.8", source="GPU operator toolkit gate", on=gpu_hosts, title_zh="nvidia 容器运行时可用",
       fix="apt-get install nvidia-docker2")  # fmt: skip
def test_nvidia_runtime_answers(host: Host) -> None:
    """The NVIDIA container runtime is installed, sees the driver, and docker knows it."""
    expect_that(host.run("command -v nvidia-container-runtime nvidia-docker").rc == 0, "nvidia container runtime",
                found="not installed", expected="nvidia-container-runtime and nvidia-docker in PATH")  # fmt: skip
    host.read("nvidia-container-cli info")
    expect_that(
        "nvidia" in docker_of(host).runtimes, "docker runtimes", found=docker_of(host).runtimes, expected="nvidia"
    )


@check("R07", section="3.9", source="dockerd", title_zh="daemon.json 格式正确", fix="correct /etc/docker/daemon.json")
def test_daemon_json_is_valid(host: Host) -> None:
    """/etc/docker/daemon.json, where there is one, is JSON without duplicate keys."""
    daemon_json.parse(host.read(READ_DAEMON_JSON))


@check("R08", section="3.8", source="node-problem-detector", title_zh="docker 在 10 秒内响应",
       fix="systemctl restart docker; look at journalctl -u docker")  # fmt: skip
def test_docker_answers(host: Host) -> None:
    """The daemon answers within 10 s."""
    result = host.run("timeout -k 1 10 docker ps -q")
    expect_that(
        result.rc == 0, "docker ps", found=result.stderr.strip() or f"exit {result.rc}", expected="an answer in 10 s"
    )


@check("R09", section="3.9", source="runbook 3.9", on=gpu_hosts, title_zh="GPU 测试镜像存在且架构正确",
       fix="docker pull the image, or put its archive into suite.image_archives")  # fmt: skip
def test_probe_image_is_present(node: Node, cluster: Cluster, host: Host) -> None:
    """The image that the GPU test runs is on the host, for its architecture."""
    image = cluster.suite.gpu_probe_image
    result = host.run("docker image inspect -f '{{.Architecture}}' %s", image)
    expect(f"architecture of {image}", found=result.stdout.strip() or result.stderr.strip(), expected=str(node.arch))


@active
@check("R12", section="3.9", source="runbook 3.9", on=gpu_hosts, title_zh="容器内可见全部 GPU（两种方式）",
       fix="make nvidia the default runtime (runbook 3.9); look at `docker run --rm <image> nvidia-smi`")  # fmt: skip
def test_container_sees_every_gpu(node: Node, cluster: Cluster, host: Host) -> None:
    """`docker run` and `nvidia-docker run` both give a container all the host's GPUs."""
    for route in ROUTES:
        result = host.run(
            f"timeout -k 5 120 {route} run --rm --network none %s nvidia-smi -L", cluster.suite.gpu_probe_image
        )
        expect_that(
            result.rc == 0, f"{route} run", found=result.stderr.strip()[-300:], expected="nvidia-smi -L to answer"
        )
        expect(
            f"GPUs seen through {route} run", found=len(nvidia_smi.listed(result.stdout)), expected=node.device_count
        )


@check("R14", section="3.8", source="CIS Docker 3.15", severity=Severity.WARNING, title_zh="docker.sock 权限正确",
       fix="chown root:docker /var/run/docker.sock; chmod 660 /var/run/docker.sock")  # fmt: skip
def test_docker_socket_is_guarded(host: Host) -> None:
    """Only root and the group docker may talk to the daemon."""
    expect(
        "docker.sock", found=host.read("stat -L -c '%a %U:%G' /var/run/docker.sock").strip(), expected="660 root:docker"
    )


def docker_of(host: Host) -> docker_info.DockerInfo:
    """What the host's docker says about itself."""
    return docker_info.parse(host.read("docker info -f '{{json .}}'"))
