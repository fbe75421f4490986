"""D: the platform's database (runbook 3.16.8): whether it runs; who is let in, from this host and from the others."""

from __future__ import annotations

from checks.platform.service_check import expect_service, service_check
from dlws.config.cluster import Cluster
from dlws.engine.check import Mismatch, check, expect
from dlws.engine.targets import platform_hosts, platform_master
from dlws.facts import database as mysql
from dlws.facts import rendered
from dlws.parse.platform import mysql_accounts
from dlws.parse.platform.mysql_accounts import Account
from dlws.parse.text import unparsable
from dlws.platform import database, services
from dlws.remote.host import Host
from dlws.remote.kubernetes import Kubernetes
from dlws.remote.notes import Notes
from dlws.verdict import Severity, Unknown

MYSQL = services.by_name("mysql")
ACCOUNTS = (
    "SELECT CONCAT('version=', VERSION());"
    " SELECT CONCAT('plugin=', plugin) FROM mysql.user WHERE user = 'root' AND host = '%';\n"
)


@service_check(MYSQL)
def test_mysql_runs(cluster: Cluster, kube: Kubernetes, notes: Notes) -> None:
    """MySQL's objects are as configured and its pod runs."""
    expect_service(MYSQL, cluster, kube, notes)


@check(
    "D03",
    section="3.16",
    source="runbook 3.16.8",
    on=platform_master,
    title_zh="MySQL 接受配置的 root 密码",
    fix="-m install --stages mysql_root; if the password was changed in config.yaml, change it in MySQL first:"
    " MySQL keeps the one it was first started with",
    causes=[test_mysql_runs],
)
def test_root_signs_in(cluster: Cluster, host: Host, notes: Notes) -> None:
    """MySQL root can log in over the network with the configured password and the legacy authentication plugin."""
    running = mysql.containers(host)
    expect("MySQL containers", found=len(running), expected=1)
    port = rendered.ask(notes, "MySQL's port", cluster, lambda p: str(p.renderer.cnf["mysql_port"]))
    answer = mysql.ask(host, running[0], cluster, ACCOUNTS, "-h", cluster.master.address, "-P", port)
    if answer.rc:
        raise Mismatch(
            f"MySQL root login at {cluster.master.address}:{port}", found=mysql.complaint(answer), expected="success"
        )
    told = answer.text.splitlines()
    plugins = [line.removeprefix("plugin=") for line in told if line.startswith("plugin=")]
    if not any(line.startswith("version=") for line in told):
        raise unparsable("mysql", answer.text)
    expect("authentication plugin of root@'%'", found=plugins, expected=[database.PLUGIN])


@check(
    "D04",
    section="3.16",
    source="runbook 3.16.8",
    on=platform_hosts,
    title_zh="MySQL 拒绝空密码登录",
    fix="-m install --stages mysql_root at once: anyone on the network can read and change everything",
    causes=[test_mysql_runs],
)
def test_empty_password_is_refused(cluster: Cluster, host: Host, notes: Notes) -> None:
    """MySQL rejects a root login with an empty password from this host."""
    port = rendered.ask(notes, "MySQL's port", cluster, lambda p: str(p.renderer.cnf["mysql_port"]))
    found = mysql.login_without_password(host, cluster.master.address, port)
    expect("root login without a password", found=found, expected="refused")


@check(
    "D43",
    section="3.16",
    source="MySQL manual, account security",
    on=platform_master,
    title_zh="没有可从网络空密码登录的 MySQL 账号",
    fix="DROP USER, or ALTER USER ... IDENTIFIED BY a password, as root in MySQL's container",
    causes=[test_mysql_runs, test_root_signs_in],
)
def test_no_account_is_open(cluster: Cluster, host: Host) -> None:
    """No account of MySQL that other hosts may use has an empty password, whatever its name."""
    found = [str(account) for account in accounts_of(cluster, host) if account.is_of_network and account.is_open]
    expect("accounts without a password that are open to the network", found=found, expected=[])


@check(
    "D44",
    section="3.16",
    source="MySQL manual, account security",
    on=platform_master,
    severity=Severity.WARNING,
    title_zh="除 root 外没有可从网络登录的 MySQL 管理员账号",
    fix="DROP USER, or REVOKE what it does not need, as root in MySQL's container",
    causes=[test_mysql_runs, test_root_signs_in],
)
def test_few_accounts_rule(cluster: Cluster, host: Host) -> None:
    """No account of MySQL other than root that other hosts may use has an administrator's privileges."""
    found = [
        f"{account}: {', '.join(account.powers)}"
        for account in accounts_of(cluster, host)
        if account.is_of_network and account.user != database.USER and account.powers and not account.is_locked
    ]
    expect("other accounts that administer MySQL from the network", found=found, expected=[])


def accounts_of(cluster: Cluster, host: Host) -> tuple[Account, ...]:
    """The accounts of the platform's database. Mismatch when it does not run, Unknown when it does not answer."""
    running = mysql.containers(host)
    expect("MySQL containers", found=len(running), expected=1)
    answer = mysql.ask(host, running[0], cluster, database.ACCOUNTS)
    if answer.rc:
        raise Unknown(f"MySQL's accounts: {mysql.complaint(answer)}")
    return mysql_accounts.parse(answer.text)
