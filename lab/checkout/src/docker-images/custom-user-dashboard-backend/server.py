"""A stand-in for the user dashboard's backend: its own database in MySQL, a cache in redis, sign-in tokens."""

import hashlib
import json
import re
import socket
from pathlib import Path

import pymysql
import standin

CONFIG = Path("/etc/app/config/local.config")
NEEDED = ("JWT_SECRET_KEY", "SECRET_KEY", "DB_HOST", "DB_PASSWORD", "ADMINISTRATOR_USER_NAME", "ADMINISTRATOR_PASSWORD")


def read(text):
    """KEY=VALUE lines; quotes around a value are no part of it."""
    return {m[1]: re.sub(r"""^(["'])(.*)\1$""", r"\2", m[2]) for m in re.finditer(r"^(\w+)=(.*)$", text, re.MULTILINE)}


def connected(database=None):
    return pymysql.connect(host=SETTINGS["DB_HOST"], port=int(SETTINGS.get("DB_PORT", 3306)), user=SETTINGS.get("DB_USERNAME", "root"),
                           password=SETTINGS["DB_PASSWORD"], database=database, connect_timeout=5, autocommit=True)


def hashed(password):
    """As it is kept: with SECRET_KEY in it, so that another SECRET_KEY locks everybody out."""
    return hashlib.sha256(f"{password} {SETTINGS['SECRET_KEY']}".encode()).hexdigest()


def make():
    try:
        with connected() as connection, connection.cursor() as cursor:
            cursor.execute("CREATE DATABASE IF NOT EXISTS `user_group` DEFAULT CHARACTER SET utf8mb4")
            cursor.execute("CREATE TABLE IF NOT EXISTS `user_group`.`user` (id INT AUTO_INCREMENT PRIMARY KEY, userName VARCHAR(128) UNIQUE)")
            cursor.execute("ALTER TABLE `user_group`.`user` ADD COLUMN IF NOT EXISTS password VARCHAR(64)")
            for name in json.loads(SETTINGS["ADMINISTRATOR_USER_NAME"]):
                first = hashed(SETTINGS["ADMINISTRATOR_PASSWORD"])
                cursor.execute("INSERT IGNORE INTO `user_group`.`user` (userName, password) VALUES (%s, %s)", (name, first))
    except (pymysql.MySQLError, OSError) as error:
        standin.fatal(f"MySQL at {SETTINGS['DB_HOST']}: {error}")


def users(request):
    token = request.headers.get("Authorization", "").removeprefix("Bearer ")
    if standin.claims_of(token, SETTINGS["JWT_SECRET_KEY"]) is None:
        return standin.Answer({"success": False, "message": "token is missing or not valid"}, 401)
    with connected("user_group") as connection, connection.cursor() as cursor:
        cursor.execute("SELECT userName FROM user ORDER BY id")
        return standin.Answer({"success": True, "list": [row[0] for row in cursor.fetchall()]})


def current_user(request):
    """Who has signed in, by the token; the web interface's server asks."""
    token = request.headers.get("Authorization", "").removeprefix("Bearer ")
    claims = standin.claims_of(token, SETTINGS["JWT_SECRET_KEY"])
    if claims is None:
        return standin.Answer({"success": False, "message": "token is missing or not valid"}, 401)
    return standin.Answer({"success": True, "id": claims.get("uid"), "userName": claims.get("userName"), "permissionList": []})


def health(request):
    with connected("user_group") as connection, connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    with socket.create_connection(("localhost", 9301), timeout=2) as redis:
        redis.sendall(b"PING\r\n")
        good = redis.recv(64).startswith(b"+PONG")
    return standin.Answer({"success": good}, 200 if good else 500)


if __name__ == "__main__":
    if not CONFIG.is_file():
        standin.fatal(f"{CONFIG}: no such file")
    SETTINGS = read(CONFIG.read_text())
    if missing := [name for name in NEEDED if not SETTINGS.get(name)]:
        standin.fatal(f"{CONFIG}: {', '.join(missing)} is missing")
    make()
    standin.serve({"/": health, "/users": users, "/auth/currentUser": current_user}, 5001)
