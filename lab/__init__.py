"""The embedded cluster: real hosts on one machine. No code of the suite knows that it exists."""
