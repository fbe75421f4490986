"""kubeadm, nodes, labels and objects of Kubernetes as this cluster wants them. Pure."""
