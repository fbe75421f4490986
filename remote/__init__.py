"""How hosts are reached: SSH transport, remote agent, testinfra backend, transcript, change. Knows no pytest."""
