"""The certificates of the control plane and the kubelets, read on the hosts; keys never leave them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from dlws.parse.kubernetes import certificates, kubeconfig
from dlws.parse.kubernetes.certificates import Certificate
from dlws.parse.text import number, unparsable
from dlws.remote.host import Host

PKI = "/etc/kubernetes/pki"
ISSUERS = {
    "apiserver": "ca",
    "apiserver-kubelet-client": "ca",
    "front-proxy-client": "front-proxy-ca",
    "apiserver-etcd-client": "etcd/ca",
    "etcd/server": "etcd/ca",
    "etcd/peer": "etcd/ca",
    "etcd/healthcheck-client": "etcd/ca",
}
"""What kubeadm makes, and whose signature each carries (kubeadm certs)."""
KUBELET_CERTIFICATE = "/var/lib/kubelet/pki/kubelet-client-current.pem"
KUBECONFIGS = ("admin", "controller-manager", "scheduler", "super-admin")
"""Those of a control plane; kubeadm makes the last one from 1.29 on."""
_CERTIFICATES_IN = (
    "grep -E '^ *(client-certificate|certificate-authority)(-data)?:' {0}; for f in"
    " $(sed -n 's/^ *\\(client-certificate\\|certificate-authority\\): *//p' {0} | tr -d '\"');"
    " do sed -n '/-BEGIN CERT/,/-END CERT/p' -- \"$f\"; done"
)
"""What a kubeconfig says of certificates, and those that it names by a path, from its own folder on."""
READ_PKI = f'set -e; date +%s; cd {PKI}; for f in *.crt etcd/*.crt; do echo "== $f"; cat "$f"; done'
READ_PUBLIC_KEYS = (
    f'set -e; cd {PKI}; for f in {" ".join(ISSUERS)}; do ssh-keygen -y -P "" -f "$f.key" | tr -d "\\n"; echo; done'
)
SIGNERS = ("ca", "front-proxy-ca", "etcd/ca", "sa")
"""The keys that sign: certificates, and the tokens of service accounts. Where the CAs are external, theirs are not
there."""
READ_SIGNERS = (
    f"set -e; cd {PKI}; for f in {' '.join(SIGNERS)}; do"
    ' if test -e $f.key; then ssh-keygen -y -P "" -f $f.key | tr -d "\\n"; else printf none; fi; echo; done; cat sa.pub'
)
READ_KUBELET = (
    f"set -e; date +%s; echo '== kubelet-client-current';"
    f" test ! -e {KUBELET_CERTIFICATE} || sed -n '/-BEGIN CERT/,/-END CERT/p' {KUBELET_CERTIFICATE};"
    f" cd /etc/kubernetes; echo '== kubelet.conf'; {_CERTIFICATES_IN.format('kubelet.conf')}"
)
READ_KUBECONFIGS = (
    f"set -e; date +%s; cd /etc/kubernetes; for c in {' '.join(KUBECONFIGS)}; do"
    f' test -e $c.conf || test $c != super-admin || continue; echo "== $c.conf";'
    f" {_CERTIFICATES_IN.format('$c.conf')}; done"
)
SERVED_AT = "timeout 10 openssl s_client -connect 127.0.0.1:%s -showcerts </dev/null | sed -n '/-BEGIN/,/-END/p'"
WEB = (
    "set -e; date +%%s; timeout 10 openssl s_client -connect 127.0.0.1:443 -servername %s -showcerts </dev/null"
    " | sed -n -e '/-BEGIN/,/-END/p' -e '/Verify return code/p'"
)


@dataclass(frozen=True, slots=True)
class CertificateSet:
    """Certificates by where they are, and the host's clock when they were read."""

    now: datetime
    by_name: Mapping[str, Certificate]

    def ending_within(self, span: timedelta) -> list[str]:
        """Those that are good for no longer than that, with their last day."""
        return [
            f"{name}: {cert.not_after:%Y-%m-%d} ({(cert.not_after - self.now).days} days)"
            for name, cert in self.by_name.items()
            if cert.not_after - self.now < span
        ]


def pki_of(host: Host) -> CertificateSet:
    """The certificates of the control plane: `apiserver`, `etcd/ca` ..."""
    return certificate_set(host.read(READ_PKI), "cat /etc/kubernetes/pki")


def kubelet_certificates_of(host: Host) -> CertificateSet:
    """The kubelet's own certificates: the one that it renews, and the one of kubelet.conf, with which it starts.

    They are one file where kubelet.conf names it. Unparsable where there is neither.
    """
    stamp, _, text = host.read(READ_KUBELET).partition("\n")
    written = sections(text)
    renewed = written.pop("kubelet-client-current", "")
    found = _in_kubeconfigs(written)
    if renewed.strip():
        current = certificates.one(renewed, KUBELET_CERTIFICATE)
        others = {name: other for name, other in found.items() if other.sha256 != current.sha256}
        found = {"kubelet-client-current": current, **others}
    own = {name: certificate for name, certificate in found.items() if not certificate.is_ca}
    if not own:
        raise unparsable("kubelet.conf", why="no client certificate in it, nor in /var/lib/kubelet/pki")
    return CertificateSet(clock("kubelet", stamp), own)


def kubeconfig_certificates_of(host: Host) -> CertificateSet:
    """The certificates of the kubeconfigs of the control plane, CA and client: in them, or named by a path."""
    stamp, _, text = host.read(READ_KUBECONFIGS).partition("\n")
    return CertificateSet(clock("kubeconfigs", stamp), _in_kubeconfigs(sections(text)))


def _in_kubeconfigs(written: Mapping[str, str]) -> dict[str, Certificate]:
    """By file and subject the certificates of kubeconfigs, from what `_CERTIFICATES_IN` prints of each.

    Of two with the same subject, the one that ends first.
    """
    found: dict[str, Certificate] = {}
    for file, lines in written.items():
        for pem in kubeconfig.certificates(lines):
            for certificate in certificates.parse(pem.decode("utf-8", "replace"), file):
                name = f"{file} {certificate.subject}"
                if name not in found or certificate.not_after < found[name].not_after:
                    found[name] = certificate
    return found


def key_files_of(host: Host) -> dict[str, bytes]:
    """The public halves of the private keys beside the certificates, by the certificates' names in ISSUERS."""
    keys = host.lines(READ_PUBLIC_KEYS)
    if len(keys) != len(ISSUERS):
        raise unparsable("ssh-keygen -y", why=f"{len(keys)} of {len(ISSUERS)} keys")
    return {name: certificates.public_key(key) for name, key in zip(ISSUERS, keys, strict=True)}


def signing_keys_of(host: Host) -> dict[str, bytes]:
    """The public halves of the keys that sign, those that are there; `sa.pub` is what tokens are verified by."""
    text = host.read(READ_SIGNERS)
    keys, published = text.split("\n")[: len(SIGNERS)], "\n".join(text.split("\n")[len(SIGNERS) :])
    if len(keys) != len(SIGNERS):
        raise unparsable("ssh-keygen -y", why=f"{len(keys)} of {len(SIGNERS)} keys")
    found = {name: certificates.public_key(key) for name, key in zip(SIGNERS, keys, strict=True) if key != "none"}
    return {**found, "sa.pub": certificates.public_key_of_pem(published, "sa.pub")}


def served_certificate(host: Host, port: int) -> Certificate:
    """The certificate that a server on a port of the host serves."""
    return certificates.one(host.read(SERVED_AT, str(port)), f"openssl s_client on port {port}")


def web_certificate(host: Host, name: str) -> tuple[CertificateSet, str]:
    """The certificate on port 443 for a name, as the set `443`, and how openssl verifies it: `0 (ok)`."""
    stamp, _, text = host.read(WEB, name).partition("\n")
    source = "openssl s_client on port 443"
    served = CertificateSet(clock("web", stamp), {"443": certificates.one(text, source)})
    verified = re.search(r"Verify return code: (.+)", text)
    if verified is None:
        raise unparsable(source, why="no verify return code")
    return served, verified[1].strip()


def certificate_set(text: str, source: str) -> CertificateSet:
    """What `date +%s` and then `== FILE` and each file print. Unparsable when any of it is torn."""
    stamp, _, rest = text.partition("\n")
    files = {name.removesuffix(".crt"): body for name, body in sections(rest).items()}
    return CertificateSet(
        clock(source, stamp), {name: certificates.one(body, f"{name}.crt") for name, body in files.items()}
    )


def sections(text: str) -> dict[str, str]:
    """The texts behind the lines `== NAME`."""
    found: dict[str, str] = {}
    for part in f"\n{text}".split("\n== ")[1:]:
        name, _, body = part.partition("\n")
        found[name.strip()] = body
    return found


def clock(source: str, stamp: str) -> datetime:
    """Seconds since 1970 as a time."""
    return datetime.fromtimestamp(number(source, stamp.strip()), UTC)
