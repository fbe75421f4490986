#!/bin/sh
exec python3 /DLWorkspace/src/RepairManager/repairmanager.py
