"""How hosts and the Kubernetes API are reached: SSH, the agent, testinfra's backend, changes."""
