#!/bin/sh
chmod -R 0777 /var/log/apache2
exec python3 /DLWorkspace/src/RestAPI/dlwsrestapi.py
