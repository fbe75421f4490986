#!/bin/sh
exec python3 /DLWorkspace/src/RestAPI/dlwsrestapi.py
