"""The platform's database, as restfulapi and jobmanager of the stand-in use it: made on first use, kept after that."""

import json

import pymysql

import standin

CONFIG = "/RestfulAPI/config.yaml"
TABLES = {
    "account": "id BIGINT AUTO_INCREMENT PRIMARY KEY, userName VARCHAR(128) UNIQUE, nickName TEXT, jobId TEXT",
    "acl": "id BIGINT AUTO_INCREMENT PRIMARY KEY, identityName VARCHAR(128), resource VARCHAR(128), permissions INT",
    "clusterstatus": "id BIGINT AUTO_INCREMENT PRIMARY KEY, status LONGTEXT, time DATETIME DEFAULT CURRENT_TIMESTAMP",
    "devicestatus": "deviceType VARCHAR(128) PRIMARY KEY, deviceStr TEXT, capacity INT, detail LONGTEXT",
    "vc": "id BIGINT AUTO_INCREMENT PRIMARY KEY, vcName VARCHAR(128) UNIQUE, quota TEXT, metadata TEXT",
    "jobs": "id BIGINT AUTO_INCREMENT PRIMARY KEY, jobId VARCHAR(128), jobName TEXT, userName TEXT, jobStatus TEXT",
}
OTHERS = (
    "commands dataconvert fdserverinfo identity inferencejobs job_priorities modelconversionjobs monitorchannel "
    "monitorconfig monitormetrics storage templates"
).split()


class Database:
    """One connection per statement: the server may be restarted between two."""

    def __init__(self):
        config = standin.settings(CONFIG, "mysql.hostname", "mysql.port", "mysql.username", "mysql.password", "clusterId")
        self.config = config
        self.name = f"DLWSCluster-{config['clusterId']}"
        self._where = {
            "host": config["mysql"]["hostname"],
            "port": int(config["mysql"]["port"]),
            "user": config["mysql"]["username"],
            "password": str(config["mysql"]["password"]),
            "charset": "utf8mb4",
            "connect_timeout": 5,
            "autocommit": True,
        }

    def do(self, sql, *values):
        """Run one statement and return its rows as mappings."""
        with pymysql.connect(database=self.name, cursorclass=pymysql.cursors.DictCursor, **self._where) as connection:
            with connection.cursor() as cursor:
                cursor.execute(sql, values)
                return cursor.fetchall()

    def make(self):
        """Database, tables and the default virtual cluster, where they are missing; the end if MySQL refuses."""
        try:
            with pymysql.connect(**self._where) as connection, connection.cursor() as cursor:
                cursor.execute(f"CREATE DATABASE IF NOT EXISTS `{self.name}` DEFAULT CHARACTER SET utf8mb4")
            for table, columns in {**TABLES, **dict.fromkeys(OTHERS, "id BIGINT AUTO_INCREMENT PRIMARY KEY")}.items():
                self.do(f"CREATE TABLE IF NOT EXISTS `{table}` ({columns})")
            default = self.config.get("defalt_virtual_cluster_name") or "platform"
            kinds = self.config.get("defalt_virtual_cluster_device_type_list") or []
            quota = json.dumps({kind: {"quota": 0} for kind in kinds})
            self.do("INSERT IGNORE INTO vc (vcName, quota, metadata) VALUES (%s, %s, %s)", default, quota, "{}")
            self.do("INSERT IGNORE INTO account (userName, nickName) VALUES ('Administrator', 'Administrator')")
        except (pymysql.MySQLError, OSError) as error:
            standin.fatal(f"MySQL at {self._where['host']}:{self._where['port']}: {error}")
