"""The ranks of one host in an all-reduce over several hosts, by torch.distributed.

It runs as `python3 -c SCRIPT TOLD`, TOLD being JSON:
  backend           nccl, hccl, or gloo, which needs no accelerator: by that the program is tried
  ranks             of all hosts together; this host has `count` of them, from `first` on, one to a device
  address, port     where rank 0 listens; `own` is the address of this host
  join, end         seconds: for the others to come or to answer, and for everything
  bytes             that each rank has to reduce
  says              a file for what went wrong, a line each
Rank 0 prints one line, `dlws-probe {"ranks": 16, "bytes": 268435456, "seconds": 0.0231, "wrong": []}`: the seconds of
one all-reduce, and the ranks that had a wrong sum. Python 3.7 and newer, torch 1.8 and newer.

The ranks are forked before torch is imported: a program of `-c` has no file that a spawned process could read.
What each rank found goes by the store of rank 0, which is plain TCP, and not by the way that is being judged.

Both libraries are told to meet on the addresses of the hosts: a host has Docker's and the pod network's bridges too.
HCCL needs no rank table where torch sets it up: rank 0 hands out the root's information, and HCCL_IF_IP tells each rank
the card of its host to meet the root on. HCCL_CONNECT_TIMEOUT is 120 s or longer, and HCCL takes 20 s more to tell all
ranks; HCCL_WHITELIST_DISABLE spares older releases a list of hosts (CANN's documents of these variables). What an
image sets itself stays. It was run over gloo with torch 2.14; nothing of it has been tried on NPUs or GPUs.
"""

from __future__ import annotations

SCRIPT = r"""
import fcntl, json, multiprocessing, os, socket, struct, sys, time
told = json.loads(sys.argv[1])

def says(text):
    line = text.encode("ascii", "replace").decode()[:400]
    print(line, file=sys.stderr, flush=True)
    with open(told["says"], "a") as file:
        file.write(line + "\n")

def card(address):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as door:
        for _, name in socket.if_nameindex():
            try:
                found = fcntl.ioctl(door, 0x8915, struct.pack("256s", name.encode()))  # SIOCGIFADDR
            except OSError:
                continue
            if socket.inet_ntoa(found[20:24]) == address:
                return name
    return None

def prepared():
    known = {"HCCL_IF_IP": told["own"], "HCCL_WHITELIST_DISABLE": "1", "HCCL_CONNECT_TIMEOUT": str(told["join"])}
    name = card(told["own"])
    if name:
        known.update(NCCL_SOCKET_IFNAME="=" + name, GLOO_SOCKET_IFNAME=name)
    for key, value in known.items():
        os.environ.setdefault(key, value)

def device(torch, local):
    if told["backend"] == "nccl":
        torch.cuda.set_device(local)
        return "cuda:%d" % local, torch.cuda.synchronize
    if told["backend"] == "hccl":
        import torch_npu
        torch.npu.set_device(local)
        return "npu:%d" % local, torch.npu.synchronize
    return "cpu", lambda: None

def reduce(rank, local):
    import datetime
    import torch
    import torch.distributed as dist
    place, wait = device(torch, local)
    ranks, limit = told["ranks"], datetime.timedelta(seconds=told["join"])
    store = dist.TCPStore(told["address"], told["port"], ranks, rank == 0, limit)
    dist.init_process_group(told["backend"], store=store, rank=rank, world_size=ranks, timeout=limit)
    count = told["bytes"] // 4
    base = torch.arange(61, dtype=torch.float32).repeat(count // 61 + 1)[:count].to(place)
    want, data = base * (ranks * (ranks + 1) // 2), torch.zeros_like(base)
    def wrong():
        data.copy_(base * (rank + 1))
        dist.all_reduce(data)
        wait()
        return int((data != want).sum().item())
    def seconds(turns):
        wait()
        begun = time.perf_counter()
        for _ in range(turns):
            dist.all_reduce(data)
        wait()
        return (time.perf_counter() - begun) / turns
    bad = wrong()
    best = min(seconds(5) for _ in range(3))
    bad += wrong()
    store.set("wrong/%d" % rank, str(bad))
    if rank == 0:
        bad = [other for other in range(ranks) if int(store.get("wrong/%d" % other))]
        found = {"ranks": ranks, "bytes": count * 4, "seconds": best, "wrong": bad}
        print("dlws-probe " + json.dumps(found), flush=True)

def work(local):
    rank = told["first"] + local
    try:
        reduce(rank, local)
    except BaseException as error:
        says("rank %d: %s: %s" % (rank, type(error).__name__, " ".join(str(error).split())))
        os._exit(1)
    os._exit(0)  # the libraries' own threads have nothing more to say

prepared()
crew = [multiprocessing.get_context("fork").Process(target=work, args=(n,)) for n in range(told["count"])]
for one in crew:
    one.start()
end = time.monotonic() + told["end"]
while any(one.exitcode is None for one in crew) and not any(one.exitcode for one in crew):
    if time.monotonic() > end:
        break
    time.sleep(0.2)
late = [n for n, one in enumerate(crew) if one.exitcode is None]
failed = [n for n, one in enumerate(crew) if one.exitcode]
for n in failed:
    if crew[n].exitcode < 0:
        says("rank %d: ended by signal %d" % (told["first"] + n, -crew[n].exitcode))
if late and not failed:
    says("ranks %s: not at their end after %d s" % (", ".join(str(told["first"] + n) for n in late), told["end"]))
for n in late:
    crew[n].kill()
sys.exit(1 if late or failed else 0)
""".strip()
