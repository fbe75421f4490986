"""Checks of Kubernetes on the hosts and in the cluster."""
