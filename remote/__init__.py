"""How hosts are reached: SSH, the remote agent, the testinfra backend, the transcript. Knows no pytest."""
