#!/bin/sh
exec python3 /DLWorkspace/src/ClusterManager/cluster_manager.py
