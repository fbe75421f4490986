"""The machine's apt mirror, read from its apt configuration, and its address for the lab's hosts."""

from __future__ import annotations

import platform
from dataclasses import dataclass

from lab.plan import APT_CACHE
from lab.process import run

FORMAT = "$(REPO_URI)|$(RELEASE)|$(COMPONENT)|$(ORIGIN)"


@dataclass(frozen=True, slots=True)
class Source:
    """One `deb` line: the archive's `uri`, a suite and its components."""

    uri: str
    suite: str
    components: tuple[str, ...]

    def line(self) -> str:
        """The sources.list line for a host, which accesses the archive through the lab's cache."""
        return f"deb {through_cache(self.uri)} {self.suite} {' '.join(self.components)}"


def through_cache(uri: str) -> str:
    """The address of `uri` through apt-cacher-ng, which writes https archives as `HTTPS///`."""
    scheme, _, rest = uri.rstrip("/").partition("://")
    return f"{APT_CACHE}/{'HTTPS///' if scheme == 'https' else ''}{rest}"


def parse_targets(text: str) -> list[Source]:
    """The sources of Debian or Ubuntu in the output of `apt-get indextargets --format FORMAT`."""
    components: dict[tuple[str, str], list[str]] = {}
    for line in text.splitlines():
        uri, suite, component, origin = line.split("|")
        if origin in ("Debian", "Ubuntu") and uri.startswith("http"):
            names = components.setdefault((uri, suite), [])
            if component not in names:
                names.append(component)
    return [Source(uri, suite, tuple(names)) for (uri, suite), names in components.items()]


def read_sources() -> list[Source]:
    """The machine's distribution archives, the base suite first; updates apt's lists if they are empty."""
    query = ("apt-get", "indextargets", "--format", FORMAT, "Created-By: Packages")
    sources = parse_targets(run(*query))
    if not sources:
        run("apt-get", "update", timeout=300)
        sources = parse_targets(run(*query))
    return sorted(sources, key=lambda source: source.suite != codename())


def codename() -> str:
    """The machine's release, which the hosts use too: `bookworm`."""
    return platform.freedesktop_os_release()["VERSION_CODENAME"]
