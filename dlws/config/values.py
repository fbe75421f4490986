"""Validators for individual values of config.yaml: each returns a valid value and raises a refusal for others.

They are also the first defence against shell injection: a valid name has no character that is special to a shell.
A refusal carries the message and the fix of the finding; it shows the value only if that is not a secret.
"""

from __future__ import annotations

import ipaddress
import re
from typing import Any, Final

from pydantic_core import PydanticCustomError

from dlws.config.finding import shown

_LABEL: Final = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_USER: Final = re.compile(r"[a-z_][a-z0-9_-]{0,31}")
_SYSTEM_NAMES = frozenset(
    "adm audio backup bin cdrom crontab daemon dialout dip disk docker fax floppy games gnats input irc kmem kvm list"  # noqa: SIM905
    " lp lxd mail man messagebus mysql netdev news nobody nogroup operator plugdev polkitd proxy render sasl shadow src"
    " sshd staff sudo sync sys syslog tape tty users utmp uucp uuidd video voice www-data".split()
)
"""Debian's base-passwd, what packages of a host add, and Docker's group: useradd refuses the name of a group."""
_PATH: Final = re.compile(r"(/[A-Za-z0-9_+-][A-Za-z0-9._+-]*)+")
_OPTIONS: Final = re.compile(r"[A-Za-z0-9_.=:/@+-]+(?:,[A-Za-z0-9_.=:/@+-]+)*")
_NFS_CLIENT: Final = re.compile(r"[A-Za-z0-9*?@][A-Za-z0-9*?./:-]*")
_FOLDER: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")
_MAIL: Final = re.compile(r"[A-Za-z0-9._%+-]*@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+")
_IMAGE_PATH: Final = r"[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*"
_IMAGE_HOST: Final = r"[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*(:[0-9]{1,5})?"
_REGISTRY: Final = re.compile(rf"{_IMAGE_HOST}/({_IMAGE_PATH}/)*")
_IMAGE: Final = re.compile(
    rf"({_IMAGE_HOST}/)?({_IMAGE_PATH}/)*{_IMAGE_PATH}(:[A-Za-z0-9_][A-Za-z0-9._-]{{0,127}})?"
    r"(@sha256:[0-9a-f]{64})?"
)
_PACKAGE: Final = re.compile(r"[a-z0-9][a-z0-9.+-]+(=[A-Za-z0-9.+:~-]+)?")
_VERSION: Final = re.compile(r"v[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}")
_SUFFIX: Final = re.compile(r"([-+~.][A-Za-z0-9.+~-]*)?")
_APT_SOURCE: Final = re.compile(
    r"deb (\[[A-Za-z0-9=,:/._ -]+\] )?(https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?|file:)(/[A-Za-z0-9._~/-]*)?"
    r"( [A-Za-z0-9._/-]+)+"
)
_URL: Final = re.compile(r"https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?(/[A-Za-z0-9._~/-]*)?")
_TAKEN: Final = {"control": "the machine that it runs on", "cluster": "all hosts together"}
_FINGERPRINT: Final = re.compile(r"SHA256:[A-Za-z0-9+/]{43}")
_IDS: Final = re.compile(r"[0-9]{1,10}(-[0-9]{1,10})?")


def refusal(message: str, fix: str) -> PydanticCustomError:
    """The error with which a validator refuses a value; `message` must not contain a secret."""
    return PydanticCustomError("refused", "{message}", {"message": message, "fix": fix})


def label(value: str) -> str:
    """A DNS label: the name of a host, a cluster, or a virtual cluster (RFC 1123, lower-case, 63 characters)."""
    if not _LABEL.fullmatch(value):
        raise refusal(f"{shown(value)} is no host name (RFC 1123)", "use a-z, 0-9 and inner -, at most 63 characters")
    return value


def is_label(value: str) -> bool:
    """Whether `label` accepts a value."""
    return _LABEL.fullmatch(value) is not None


def machine_name(value: str) -> str:
    """A machine key: host name and Kubernetes node name at once."""
    if value == "localhost":
        raise refusal("localhost is every host's own name", "name the machine")
    if value in _TAKEN:
        raise refusal(f"{value} is what the suite calls {_TAKEN[value]}", "give the machine another name")
    return label(value)


def fingerprint(value: str) -> str:
    """A host key's fingerprint as `ssh-keygen -l` prints it: SHA-256 in base64 without padding."""
    if not _FINGERPRINT.fullmatch(value):
        fix = "copy SHA256:... from `ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub` on its console"
        raise refusal(f"{shown(value)} is no SHA256 fingerprint of a host key", fix)
    return value


def host(value: str) -> str:
    """A host by name (one label or several) or by IPv4 address."""
    if not all(_LABEL.fullmatch(part) for part in value.split(".")) or len(value) > 253:
        raise refusal(f"{shown(value)} is no host name or address", "name a machine, a host or an IPv4 address")
    return value


def domain(value: str) -> str:
    """A DNS domain, without a dot at either end."""
    if not all(_LABEL.fullmatch(part) for part in value.split(".")) or len(value) > 190 or value[-1:].isdigit():
        raise refusal(f"{shown(value)} is no DNS domain", "write it like sigsus.cn: lower-case, no dot at either end")
    return value


def address(value: str) -> str:
    """An IPv4 address that a host can have."""
    try:
        parsed = ipaddress.IPv4Address(value)
    except ValueError:
        raise refusal(f"{shown(value)} is no IPv4 address", "write four numbers, like 192.168.3.2") from None
    if parsed.is_multicast or parsed.is_unspecified or parsed.is_link_local or parsed.packed[0] in (0, 255):
        raise refusal(f"{shown(value)} cannot be the address of a host", "write the host's own private address")
    if parsed in ipaddress.IPv4Network("127.0.0.0/16"):
        raise refusal(f"{shown(value)} is every host's own loopback", "write the host's own private address")
    return value


def is_address(value: object) -> bool:
    """Whether `address` accepts a value."""
    try:
        return isinstance(value, str) and address(value) == value
    except PydanticCustomError:
        return False


def ipv4_address(value: Any) -> ipaddress.IPv4Address:
    """An IPv4 address of a host by which the cluster is reached."""
    return ipaddress.IPv4Address(address(value if isinstance(value, str) else str(value)))


def cidr(value: str) -> str:
    """An IPv4 range. Host bits are allowed, as in upstream's own default 192.168.0.1/24."""
    try:
        if "/" not in value:
            raise ValueError
        ipaddress.IPv4Network(value, strict=False)
    except ValueError:
        raise refusal(f"{shown(value)} is no IPv4 range", "write it like 10.32.0.0/12") from None
    return value


def login_name(value: str) -> str:
    """A Unix user."""
    if not _USER.fullmatch(value):
        raise refusal(f"{shown(value)} is no Unix user name", "use a-z, 0-9, _ and -, at most 32, a letter first")
    return value


def user_name(value: str) -> str:
    """The Unix user that operates the hosts (runbook 3.6 creates it); not root, nor a name of the system's own."""
    if value == "root" or value in _SYSTEM_NAMES or value.startswith("systemd-"):
        raise refusal(f"{value} cannot be the admin user", "name a separate user, like dlwsadmin")
    return login_name(value)


def mount_point(value: str) -> str:
    """An absolute path of plain characters, neither / itself nor with a part that starts with a dot."""
    if not _PATH.fullmatch(value) or len(value) > 255:
        raise refusal(
            f"{shown(value)} is no plain absolute path", "start with /, use letters, digits, . _ + -, no / at the end"
        )
    return value


def folder(value: str) -> str:
    """A path as `mount_point` takes it, with or without a / at its end; without it."""
    return mount_point(value.removesuffix("/"))


def folder_name(value: str) -> str:
    """The name of a folder on a share."""
    if not _FOLDER.fullmatch(value):
        raise refusal(f"{shown(value)} is no plain folder name", "use letters, digits, . _ and -")
    return value


def share_folders(value: Any) -> Any:
    """`mountpoints.*.mountpoints`: empty (the default share), one folder, a list of them, or a mapping from them."""
    folders = value if isinstance(value, list) else list(value) if isinstance(value, dict) else [value]
    for folder in folders:
        if not isinstance(folder, str):
            raise refusal(f"must be folder names, is {shown(folder)}", 'write "" for the default share, or names')
        if folder or isinstance(value, list | dict):
            folder_name(folder)
    return value


def mount_options(value: str) -> str:
    """Comma-separated options of a mount or an export, without blanks, which separate the fields of fstab."""
    if not _OPTIONS.fullmatch(value):
        raise refusal(f"{shown(value)} is no list of options", "separate them by commas, like rw,async")
    return value


def nfs_client(value: str) -> str:
    """A client to which a folder is exported: a host, a range, a pattern of host names, or `*` (exports(5))."""
    if not _NFS_CLIENT.fullmatch(value):
        raise refusal(f"{shown(value)} is no NFS client", 'write "*", a range like 192.168.3.0/24, or a host')
    return value


def mail(value: str) -> str:
    """An e-mail address, or `@domain` for every address of a domain."""
    if not _MAIL.fullmatch(value):
        raise refusal(f"{shown(value)} is no e-mail address", "write name@domain, or @domain for the entire domain")
    return value


def registry(value: str) -> str:
    """The literal prefix of image names, which therefore ends with a slash: `harbor.example.org:8443/dlws/`."""
    if not value.endswith("/"):
        raise refusal(f"{shown(value)} does not end with /", f"write {shown(value + '/')}: it is put before the name")
    if not _REGISTRY.fullmatch(value):
        raise refusal(
            f"{shown(value)} is no image registry", "write it like apulistech/ or harbor.example.org:8443/dlws/"
        )
    return value


def is_image_name(value: str) -> bool:
    """Whether Docker takes it as the name of an image, [registry/]path[:tag][@digest].

    The grammar is that of github.com/distribution/reference, without registries by IPv6 address.
    """
    return _IMAGE.fullmatch(value) is not None


def image(value: str) -> str:
    """A container image by name, with or without registry and tag."""
    if not is_image_name(value):
        raise refusal(f"{shown(value)} is no image name", "write it like dlws/cuda or registry:5000/dlws/cuda:1")
    return value


def image_tag(value: str) -> str:
    """The tag of an image (1.9)."""
    if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}", value):
        raise refusal(f"{shown(value)} is no tag of an image", "use letters, digits, . _ and -, without blanks")
    return value


def label_value(value: str) -> str:
    """The value of a Kubernetes label (`a910`), which a machine's series and a virtual cluster's name become."""
    if not re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?", value):
        fix = "use letters, digits and inner . _ -, at most 63 characters"
        raise refusal(f"{shown(value)} cannot be the value of a Kubernetes label", fix)
    return value


def driver_version(value: str) -> str:
    """A driver's version, numbers and words between dots: 430, 440.64, 1.72.T2.100.B020."""
    if not re.fullmatch(r"[0-9]+(\.[A-Za-z0-9]+)*", value):
        raise refusal(f"{shown(value)} is no version of a driver", "write it like 430 or 1.72.T2.100.B020")
    return value


def package(value: str) -> str:
    """A Debian package name, optionally with `=version`."""
    if not _PACKAGE.fullmatch(value):
        raise refusal(f"{shown(value)} is no Debian package", "write it like nfs-common or docker.io=20.10.21")
    return value


def package_suffix(value: str) -> str:
    """The end of a Debian package's version after the upstream version: `-00`, `-1.1`; may be empty."""
    if not _SUFFIX.fullmatch(value):
        raise refusal(f"{shown(value)} is no end of a package version", "write it like -00 or -1.1")
    return value


def apt_source(value: str) -> str:
    """One line of sources.list."""
    if not _APT_SOURCE.fullmatch(value):
        raise refusal(f"{shown(value)} is no line of sources.list", "write it like deb http://mirror/apt k8s main")
    return value


def apt_source_name(value: str) -> str:
    """The name of an apt source, from which its files on hosts are named."""
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,30}", value):
        raise refusal(f"{shown(value)} is no name of an apt source", "write it like docker or nvidia-docker")
    if value == "kubernetes":
        raise refusal("the source of the Kubernetes packages has keys of its own", "set suite.kubernetes.apt_source")
    return value


def image_repository(value: str) -> str:
    """The registry and path that kubeadm puts before an image name; without a slash at its end."""
    if not _REGISTRY.fullmatch(value + "/"):
        fix = "write it like registry.aliyuncs.com/google_containers, no / at the end"
        raise refusal(f"{shown(value)} is no image repository", fix)
    return value


def kubernetes_version(value: str) -> str:
    """A Kubernetes version in the form of kubeadm's --kubernetes-version, from 1.16 to 1.30: `v1.18.0`.

    Before 1.16 the API server takes no server-side apply, with which the plugins and the platform are installed
    (kubernetes/enhancements#555: beta, and on, from 1.16).
    """
    if not _VERSION.fullmatch(value):
        raise refusal(f"{shown(value)} is no Kubernetes version", "write it like v1.18.0")
    if not 16 <= int(value.split(".")[1]) <= 30 or not value.startswith("v1."):
        raise refusal(f"{value}: the suite installs Kubernetes 1.16 to 1.30", "write it like v1.18.0")
    return value


def apt_mirror(value: str) -> str:
    r"""A package mirror's URL; `/` may be escaped for sed (`http:\/\/...`), as upstream's set_mirror requires."""
    if not _URL.fullmatch(value.replace("\\/", "/")):
        raise refusal(f"{shown(value)} is no http URL", "write it like http:\\/\\/mirrors.aliyun.com")
    return value


def id_range(value: Any) -> Any:
    """A uid or gid, or `low-high`; a bare number is accepted, and lint warns about it."""
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**32:
        return value
    if not isinstance(value, str) or not _IDS.fullmatch(value):
        raise refusal(f"{shown(value)} is no id or range of ids", 'write it like "20001" or "20001-29999"')
    low, _, high = value.partition("-")
    if high and int(low) > int(high):
        raise refusal(f"the range {shown(value)} is empty", "write the smaller id first")
    return value


def port(value: Any) -> int:
    """A port, as a number or in quotes, because upstream's own defaults have both."""
    digits = str(value)
    if isinstance(value, bool) or not re.fullmatch("[0-9]{1,5}", digits) or not 0 < int(digits) < 65536:
        raise refusal(f"{shown(value)} is no port", "write a number from 1 to 65535")
    return int(digits)


def regular_expression(value: str) -> str:
    """A pattern (`data-disk`)."""
    try:
        re.compile(value)
    except (re.error, OverflowError, RecursionError):
        raise refusal(f"{shown(value)} is no pattern", "write it like /dev/[sh]d[^a]") from None
    return one_line(value)


def one_line(value: str) -> str:
    """Text without line breaks or other control characters."""
    if not value.isprintable():
        raise refusal("holds a line break or another control character", "write it on one line")
    return value


def secret(value: str) -> str:
    """A password without quotes, because upstream's templates do not escape them. Never shown in a message."""
    if not value:
        raise refusal("is empty", "choose a password")
    if set(value) & {'"', "'", "\\"} or not value.isprintable():
        raise refusal(
            "holds a quote, a backslash or a control character, which upstream's templates break on",
            "choose a password without them",
        )
    return value
