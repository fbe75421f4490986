"""A stand-in for DLWS's REST API: the routes of a smoke test, answered from MySQL. 500 when MySQL does not answer.

Like the real one it is run by Apache's WSGI: as www-data, started by the first request and not by the pod, 500 as long
as it cannot start, and its log is a file of the host.
"""

import functools
import json
import os
import sys

sys.path.insert(0, "/DLWorkspace/src/utils")
from database import Database
from standin import Answer, HTML, metrics, serve

LOG = "/var/log/apache2/error.log"
WWW_DATA = 33
ASKED = {"requests": 0}


@functools.cache
def database():
    """The database, once it could be opened. RuntimeError as long as it cannot."""
    try:
        found = Database()
        found.make()
    except SystemExit:
        raise RuntimeError("the application cannot be loaded") from None
    return found


def by_user(answer):
    """A route that wants to know who asks, as upstream's do."""

    def route(request):
        ASKED["requests"] += 1
        if not request.query.get("userName"):
            return Answer({"message": "userName is missing"}, 400)
        return Answer(answer(request.query["userName"]))

    return route


def vcs(user):
    rows = database().do("SELECT vcName, quota, metadata FROM vc ORDER BY id")
    return {"result": [{**row, "admin": user == "Administrator"} for row in rows], "totalNum": len(rows)}


def devices(user):
    rows = database().do("SELECT deviceType, deviceStr, capacity, detail FROM devicestatus ORDER BY deviceType")
    return {
        row["deviceType"]: {
            "deviceStr": row["deviceStr"], "capacity": row["capacity"], "detail": json.loads(row["detail"]),
        }
        for row in rows
    }


def status(request):
    ASKED["requests"] += 1
    rows = database().do("SELECT status, time FROM clusterstatus ORDER BY id DESC LIMIT 1")
    found = json.loads(rows[0]["status"]) if rows else {"node_status": [], "TotalJobNum": 0}
    return Answer({**found, "last_updated_time": str(rows[0]["time"]) if rows else None})


def docs(request):
    database()
    names = "".join(f"<li>{name}</li>" for name in sorted(ROUTES) if name.startswith("/apis/"))
    return Answer(f"<!doctype html><title>DLWS REST API</title><h1>DLWS REST API</h1><ul>{names}</ul>", kind=HTML)


def samples(request):
    database().do("SELECT 1")
    return metrics("# TYPE restfulapi_requests_total counter", f"restfulapi_requests_total {ASKED['requests']}")


ROUTES = {
    "/apis/docs/": docs,
    "/apis/ListVCs": by_user(vcs),
    "/apis/GetAllDevice": by_user(devices),
    "/apis/GetClusterStatus": status,
    "/metrics": samples,
}

def drop_root():
    """Go on as Apache's processes do: as www-data, with the log that root has opened."""
    log = os.open(LOG, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    for stream in (1, 2):
        os.dup2(log, stream)
    os.setgroups([])
    os.setgid(WWW_DATA)
    os.setuid(WWW_DATA)


if __name__ == "__main__":
    drop_root()
    serve(ROUTES, 5000)
