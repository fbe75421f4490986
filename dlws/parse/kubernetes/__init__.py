"""Parsers for certificates, kubeconfigs, etcd and kubelet."""
