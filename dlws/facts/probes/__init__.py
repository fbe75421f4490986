"""Questions that need a program or a pod of their own to be answered."""
