"""What jobs need besides their own pods."""

from __future__ import annotations

import base64
import hashlib
import json

import pytest

from dlws.platform import job_objects
from dlws.platform.job_objects import CONFIGURED, DOCKER_HUB, MARK, NoCredentials

KEY = b"invented key of a cluster"
SECRET = "invented-token"
HUB = json.dumps({"auths": {DOCKER_HUB: {"auth": SECRET}}, "credHelpers": {}, "HttpHeaders": {"User-Agent": "x"}})


def test_jobs_may_list_make_and_remove_config_maps() -> None:
    account, role, binding = job_objects.account()
    assert (account["kind"], account["metadata"]) == ("ServiceAccount", {"name": "job", "namespace": "default"})
    (rule,) = role["rules"]
    assert (rule["resources"], set(rule["verbs"])) == (["configmaps"], {"get", "list", "delete", "create"})
    assert binding["roleRef"]["name"] == role["metadata"]["name"] == "configmap-admin"
    assert binding["subjects"] == [{"kind": "ServiceAccount", "name": "job", "namespace": "default"}]


def test_the_pull_secret_holds_the_logins_and_nothing_else() -> None:
    secret = job_objects.pull_secret(HUB, KEY)
    assert (secret["metadata"]["name"], secret["type"]) == ("regcred", "kubernetes.io/dockerconfigjson")
    held = json.loads(base64.b64decode(secret["data"][".dockerconfigjson"]))
    assert held == {"auths": {DOCKER_HUB: {"auth": SECRET}}}


def test_a_public_registry_needs_no_login() -> None:
    assert job_objects.logins("") == '{"auths":{}}'


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("not JSON " + SECRET, "not JSON"),
        ("[]", "not understood"),
        ('{"auths": [1]}', "not understood"),
        (json.dumps({"auths": {DOCKER_HUB: {}}, "credsStore": "x"}), "is in a credential store"),
    ],
)
def test_a_docker_configuration_without_a_usable_login_is_refused(text: str, why: str) -> None:
    with pytest.raises(NoCredentials, match=why) as caught:
        job_objects.pull_secret(text, KEY)
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    ("registry", "key"),
    [
        ("apulistech/", DOCKER_HUB),
        ("docker.io/apulistech/", DOCKER_HUB),
        ("harbor.sigsus.cn:8443/dlws/", "harbor.sigsus.cn:8443"),
        ("localhost/x/", "localhost"),
        ("registry:5000/", "registry:5000"),
    ],
)
def test_a_login_is_kept_under_the_name_docker_has_for_the_registry(registry: str, key: str) -> None:
    found = json.loads(job_objects.login(registry, "dlws", SECRET))
    assert found == {"auths": {key: {"auth": base64.b64encode(b"dlws:invented-token").decode()}}}


def test_a_secret_is_recognised_without_its_values() -> None:
    config = job_objects.login("harbor.example.org/dlws/", "dlws", "invented-password")
    secret = job_objects.pull_secret(config, KEY)
    hidden = {**secret, "data": {".dockerconfigjson": "***"}}
    assert job_objects.login_in(hidden, config, KEY) == CONFIGURED
    assert job_objects.login_in(hidden, "", KEY) == job_objects.login_in(hidden, config, b"x") == "another login"
    assert job_objects.login_in({**hidden, "metadata": {"name": "regcred"}}, config, KEY) == "a login of another origin"
    assert job_objects.login_in({**hidden, "type": "Opaque"}, config, KEY) == "no login"


def test_nobody_can_try_passwords_on_the_mark() -> None:
    config = job_objects.login("harbor.example.org/dlws/", "dlws", "summer2026")
    marked = job_objects.pull_secret(config, KEY)["metadata"]["annotations"][MARK]
    assert marked != hashlib.sha256(f"regcred\0{job_objects.logins(config)}".encode()).hexdigest()[:32]
    assert marked != job_objects.mark(config, b"another cluster's key")


def test_a_mark_of_an_earlier_release_needs_no_change() -> None:
    marked = hashlib.sha256(f"regcred\0{job_objects.logins(HUB)}".encode()).hexdigest()[:32]
    secret = {"type": job_objects.TYPE, "metadata": {"annotations": {MARK: marked}}}
    assert job_objects.login_in(secret, HUB, KEY) == CONFIGURED


def test_what_must_be_redacted_of_a_login_is_its_token_and_its_password() -> None:
    config = job_objects.login("harbor.example.org/dlws/", "dlws", "invented-password")
    token = json.loads(config)["auths"]["harbor.example.org"]["auth"]
    assert set(job_objects.secrets_in(config)) == {token, "invented-password"}
    assert job_objects.secrets_in("no JSON") == ()
