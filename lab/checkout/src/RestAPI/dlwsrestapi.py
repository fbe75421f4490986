"""A stand-in for DLWS's REST API: the routes of a smoke test, answered from MySQL. 500 when MySQL does not answer."""

import json
import sys

sys.path.insert(0, "/DLWorkspace/src/utils")
from database import Database
from standin import Answer, HTML, metrics, serve

DATABASE = Database()
ASKED = {"requests": 0}


def by_user(answer):
    """A route that wants to know who asks, as upstream's do."""

    def route(request):
        ASKED["requests"] += 1
        if not request.query.get("userName"):
            return Answer({"message": "userName is missing"}, 400)
        return Answer(answer(request.query["userName"]))

    return route


def vcs(user):
    rows = DATABASE.do("SELECT vcName, quota, metadata FROM vc ORDER BY id")
    return {"result": [{**row, "admin": user == "Administrator"} for row in rows], "totalNum": len(rows)}


def devices(user):
    rows = DATABASE.do("SELECT deviceType, deviceStr, capacity, detail FROM devicestatus ORDER BY deviceType")
    return {
        row["deviceType"]: {
            "deviceStr": row["deviceStr"], "capacity": row["capacity"], "detail": json.loads(row["detail"]),
        }
        for row in rows
    }


def status(request):
    ASKED["requests"] += 1
    rows = DATABASE.do("SELECT status, time FROM clusterstatus ORDER BY id DESC LIMIT 1")
    found = json.loads(rows[0]["status"]) if rows else {"node_status": [], "TotalJobNum": 0}
    return Answer({**found, "last_updated_time": str(rows[0]["time"]) if rows else None})


def docs(request):
    names = "".join(f"<li>{name}</li>" for name in sorted(ROUTES) if name.startswith("/apis/"))
    return Answer(f"<!doctype html><title>DLWS REST API</title><h1>DLWS REST API</h1><ul>{names}</ul>", kind=HTML)


def samples(request):
    DATABASE.do("SELECT 1")
    return metrics("# TYPE restfulapi_requests_total counter", f"restfulapi_requests_total {ASKED['requests']}")


ROUTES = {
    "/apis/docs/": docs,
    "/apis/ListVCs": by_user(vcs),
    "/apis/GetAllDevice": by_user(devices),
    "/apis/GetClusterStatus": status,
    "/metrics": samples,
}

if __name__ == "__main__":
    DATABASE.make()
    serve(ROUTES, 5000)
