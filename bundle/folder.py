"""The folder of a bundle: what is in it, and where.

dlws                              what the user calls
MANIFEST                          SHA-256 of every other file, as `sha256sum --check` reads it
bin/                              programs to be called by name: python3, ssh-keygen, ...; each starts one of libexec/
etc/, fonts/                      what fontconfig and OpenSSL read instead of the machine's
lib/                              the loader, shared libraries by the names they are loaded by, Python's own library
lib/python3/dist-packages/        Python's libraries of the run-time lock
libexec/                          the programs
licenses/                         each Debian package's copyright file, and the licences that these name
suite/                            the suite
"""

from __future__ import annotations

import os
import re
import sys
import tarfile
import tomllib
from collections.abc import Iterable, Iterator
from io import BytesIO
from pathlib import Path

from bundle import debian, elf, wheels
from bundle.process import BundleError, output_of
from dlws.inventory import Arch

ROOT = Path(__file__).resolve().parents[1]
FILES = Path(__file__).with_name("files")
TOOLS = (
    *("cat", "chmod", "chown", "dirname", "getent", "grep", "id", "install"),
    *("mktemp", "mv", "rm", "stat", "sync", "test"),
)
"""What the commands of stages and checks call on the control host, which may have a shell and nothing else."""
PROGRAMS = {
    "python3": "python3.11",
    **{name: name for name in ("ssh", "ssh-keygen", "fc-list", *TOOLS)},
}
"""The programs in bin/, and their files in Debian's packages: in bin/ or usr/bin/."""
PYTHON_OPTIONS = " -I -B -X utf8"
"""The machine's PYTHON variables and the user's own libraries are not read, and no byte code is written."""
LIBRARIES = "lib/python3/dist-packages"
PRODUCT = ("checks", "dlws", "fixtures", "install", "reports")
SUITE = (
    *PRODUCT,
    "docs",
    "conftest.py",
    "pytest.ini",
    "pyproject.toml",
    "requirements.lock",
    "requirements-build.lock",
    "README.md",
    "README.zh.md",
    "CHANGELOG.md",
    "SECURITY.md",
)
_LOADERS = {Arch.AMD64: "ld-linux-x86-64.so.2", Arch.ARM64: "ld-linux-aarch64.so.1"}
MASKED = {
    **{f"lib/{loader}": (b"/etc/ld.so.preload",) for loader in _LOADERS.values()},
    "lib/libc.so.6": (b"/etc/nsswitch.conf",),
    "lib/libfontconfig.so.1": (b"/usr/share/fontconfig/conf.avail",),
    "lib/libreadline.so.8": (b"/etc/inputrc",),
}
_NOWHERE = b"/nowhere"
_COMPILE = """
import pathlib, py_compile, sys
for source in sorted(pathlib.Path(sys.argv[1]).rglob("*.py")):
    try:
        py_compile.compile(source, dfile=str(source.relative_to(sys.argv[1])), doraise=True, quiet=2,
                           invalidation_mode=py_compile.PycInvalidationMode.CHECKED_HASH)
    except py_compile.PyCompileError:
        pass  # a library's template or test data, which nobody imports
"""


def check_possible() -> None:
    """BundleError where this Python, or this checkout, cannot make a bundle that others can make again."""
    if sys.version_info[:2] != wheels.PYTHON:
        raise BundleError("build with Python 3.11: the byte code of a bundle is made by the Python that builds it")
    if changed := _git("status", "--porcelain", "--", *SUITE).decode("utf-8", "backslashreplace").splitlines():
        raise BundleError(f"a bundle is of a commit: commit or remove these first: {', '.join(changed)}")


def fill(folder: Path, arch: Arch, debs: Iterable[tuple[debian.Package, Path]], libraries: Iterable[Path]) -> None:
    """Write the files of a bundle below `folder`. BundleError if it would not be complete."""
    for _, deb in debs:
        for path, content in debian.files_of(deb):
            if place := place_of(path, content, arch):
                _write(folder / place, masked(place, content))
    for wheel in libraries:
        for path, content in wheels.files_of(wheel):
            _write(folder / LIBRARIES / path, content)
    for path, content in committed().items():
        _write(folder / "suite" / path, content)
    for path, text in own_files(arch):
        _write(folder / path, text.encode())
    # The hash seed decides the order in which some constants are written.
    env = {"PATH": os.environ.get("PATH", os.defpath), "PYTHONHASHSEED": "0"}
    output_of([sys.executable, "-s", "-P", "-B", "-c", _COMPILE, str(folder)], env=env, timeout=1200)
    if missing := sorted(lacking(folder, arch)):
        raise BundleError(f"the bundle would not be complete; add Debian's packages of these: {'; '.join(missing)}")


def masked(place: str, content: bytes) -> bytes:
    """A library without the paths of the machine's files that it would read (MASKED). BundleError if one is not there.

    The machine's /etc/ld.so.preload and /etc/nsswitch.conf name libraries of the machine, made for another glibc;
    without the latter glibc asks files and DNS.
    """
    for path in MASKED.get(place, ()):
        if path + b"\0" not in content:
            raise BundleError(f"{place} does not name {path.decode()}, which a bundle hides from it: look what is new")
        content = content.replace(path + b"\0", _NOWHERE.ljust(len(path) + 1, b"\0"))
    return content


def place_of(path: str, content: bytes, arch: Arch) -> str:
    """The place in the bundle of a file of a Debian package; empty if it is not needed.

    A shared library is called by the name that others load it by, so that no symbolic links are needed.
    """
    name = path.rpartition("/")[2]
    if re.fullmatch(rf"(usr/)?lib/{arch.machine}-linux-gnu/[^/]+\.so[^/]*", path):
        library = _dynamic(path, content)
        return f"lib/{library.soname}" if library and library.soname else ""
    if match := re.fullmatch(r"usr/lib/(python3\.11/(?!ensurepip/|sitecustomize).+)", path):
        return f"lib/{match[1]}"
    if path.removeprefix("usr/") in {f"bin/{program}" for program in PROGRAMS.values()}:
        return f"libexec/{name}"
    if re.search(r"/(NotoSansCJK-(Regular|Bold)\.ttc|DejaVuSansMono(-Bold)?\.ttf)$", path):
        return f"fonts/{name}"
    if match := re.fullmatch(r"usr/share/doc/([^/]+)/copyright", path):
        return f"licenses/{match[1]}"
    return f"licenses/common/{name}" if path.startswith("usr/share/common-licenses/") else ""


def lacking(folder: Path, arch: Arch) -> Iterator[str]:
    """What the programs and libraries below `folder` need and would not find there: `libexec/ssh: libz.so.1`.

    BundleError for a program of another architecture.
    """
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    there = {path.name for path in files}
    for path in files:
        with path.open("rb") as file:
            found = _dynamic(str(path.relative_to(folder)), file.read()) if file.peek(4)[:4] == elf.MAGIC else None
        if found and found.machine != arch.machine:
            raise BundleError(f"{path.relative_to(folder)} is for {found.machine}, not for {arch.machine}")
        for name in found.needed if found else ():
            if name not in there:
                yield f"{path.relative_to(folder)}: {name}"


def _dynamic(path: str, content: bytes) -> elf.Dynamic | None:
    try:
        return elf.parse(content)
    except ValueError as error:
        raise BundleError(f"{path}: {error}") from error


def committed() -> dict[str, bytes]:
    """The suite's files that belong into a bundle, as the last commit has them.

    No private file gets in, and no change that somebody makes while the bundle is built, which takes minutes.
    """
    with tarfile.open(fileobj=BytesIO(_git("archive", "--format=tar", "HEAD", "--", *SUITE))) as files:
        return {file.name: files.extractfile(file).read() for file in files if file.isfile()}  # type: ignore[union-attr]


def _git(*words: str) -> bytes:
    try:
        return output_of(["git", "-C", str(ROOT), *words])
    except BundleError as error:
        raise BundleError(f"a bundle is built in a clone of the repository: {error}") from None


def version() -> str:
    """The suite's version."""
    return str(_project()["version"])


def _project() -> dict[str, object]:
    project: dict[str, object] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    return project


def own_files(arch: Arch) -> Iterator[tuple[str, str]]:
    """The files of a bundle that come from no package: scripts, settings, the suite's entry points."""
    yield "dlws", (FILES / "dlws").read_text("utf-8")
    program = (FILES / "program").read_text("utf-8").replace("@LOADER@", _LOADERS[arch])
    for name, file in PROGRAMS.items():
        options = PYTHON_OPTIONS if name == "python3" else ""
        yield f"bin/{name}", program.replace("@NAME@", name).replace("@PROGRAM@", file).replace("@OPTIONS@", options)
    for name in ("fonts.conf", "openssl.cnf"):
        yield f"etc/{name}", (FILES / name).read_text("utf-8")
    yield "lib/python3.11/sitecustomize.py", (FILES / "sitecustomize.py").read_text("utf-8")
    yield f"{LIBRARIES}/suite.pth", f"{os.path.relpath('suite', LIBRARIES)}\n"
    about = f"{LIBRARIES}/dlws_suite-{version()}.dist-info"
    yield f"{about}/METADATA", f"Metadata-Version: 2.1\nName: dlws-suite\nVersion: {version()}\n"
    yield f"{about}/entry_points.txt", entry_points()


def entry_points() -> str:
    """The suite's entry points whose code is in a bundle: not those of the lab, nor of the bundle itself."""
    groups = _project()["entry-points"]
    lines = []
    for group, points in groups.items() if isinstance(groups, dict) else ():
        kept = {name: where for name, where in points.items() if where.partition(".")[0] in PRODUCT}
        lines += [f"[{group}]", *(f"{name} = {where}" for name, where in kept.items()), ""]
    return "\n".join(lines)


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
