#!/bin/sh
# As mysql/mysql-server starts: an empty data folder is initialised with root@localhost alone and MYSQL_ROOT_PASSWORD;
# one that is not empty keeps the passwords it has.
set -eu

mkdir -p /run/mysqld /var/lib/mysql
if [ ! -d /var/lib/mysql/mysql ]; then
    [ -n "${MYSQL_ROOT_PASSWORD:-}" ] || { echo "[Entrypoint] MYSQL_ROOT_PASSWORD is not set" >&2; exit 1; }
    echo "[Entrypoint] Initializing database"
    mariadb-install-db --auth-root-authentication-method=normal --skip-test-db --skip-name-resolve > /dev/null
    password=$(printf %s "$MYSQL_ROOT_PASSWORD" | sed -e 's/\\/\\\\/g' -e "s/'/\\\\'/g")
    # printf is the shell's own: the password is in no command line.
    printf '%s\n' "FLUSH PRIVILEGES;" \
        "DROP USER IF EXISTS ''@'localhost', ''@'$(hostname)', 'root'@'$(hostname)', 'root'@'127.0.0.1', 'root'@'::1';" \
        "ALTER USER 'root'@'localhost' IDENTIFIED BY '$password';" | mariadbd --bootstrap
fi
unset MYSQL_ROOT_PASSWORD password
exec mariadbd
