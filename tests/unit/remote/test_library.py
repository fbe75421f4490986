"""The Kubernetes client library is whole, however many threads load it at once."""

import subprocess
import sys

TWO_THREADS = """
import sys, threading
from dlws.remote.api_server import library

half_loaded = threading.Event()
failures = []

def load():
    try:
        library().ApiClient
    except Exception as error:
        failures.append(error)

class Meeting:
    '''The first thread has `kubernetes` half loaded when the second is about to load `kubernetes.client`'s parts.'''

    def find_spec(self, name, *_):
        if name == "kubernetes.config" and not other.ident:
            other.start()
            half_loaded.wait(1)
        if name == "kubernetes.client.models":
            half_loaded.set()

sys.meta_path.insert(0, Meeting())
other = threading.Thread(target=load)
load()
other.join(30)
print(failures)
"""


def test_two_threads_may_load_the_library_at_once() -> None:
    ended = subprocess.run([sys.executable, "-c", TWO_THREADS], capture_output=True, text=True, timeout=60, check=True)
    assert ended.stdout.strip() == "[]"
