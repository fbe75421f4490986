#!/bin/sh
# Starts nginx under the host's own name and has it read its routes again when they change. Ends when nginx does.
set -eu

routes=/etc/nginx/conf.other/default.conf
[ -f /etc/hostname-fqdn ] || { echo "/etc/hostname-fqdn is no file, but a host name is expected in it" >&2; exit 1; }
fqdn=$(cat /etc/hostname-fqdn)
[ -n "$fqdn" ] || { echo "/etc/hostname-fqdn is empty" >&2; exit 1; }
sed -i "s/hostname-fqdn/$fqdn/" /etc/nginx/conf.d/default.conf
mkdir -p /var/log/nginx /var/lib/nginx
nginx -t
nginx -g 'daemon off;' &
server=$!
trap 'kill -QUIT $server' TERM INT
before=$(md5sum $routes)
while kill -0 $server 2> /dev/null; do
    sleep 2 &
    wait $! || true
    now=$(md5sum $routes)
    if [ "$now" != "$before" ]; then
        echo "$routes has changed: reload"
        before=$now
        nginx -t && nginx -s reload || echo "$routes is broken: nginx keeps the routes it has" >&2
    fi
done
wait $server
