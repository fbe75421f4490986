"""`dlws bundle`: the suite as one folder per architecture that needs nothing of a machine but a kernel and /bin/sh.

What goes in is pinned: Debian's packages in `packages.lock`, Python's libraries in the run-time lock. The same inputs
give the same bytes.
"""
