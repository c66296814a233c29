"""redis-py's Lock, with its defaults: see party.c. usage: redis_py.py SOCKET"""
import array
import sys
import time

import redis
from redis.lock import Lock

server = redis.Redis(unix_socket_path=sys.argv[1])
lock = Lock(server, "redis-py", timeout=10)


def play(end, path):
    times = array.array("q")
    while time.monotonic_ns() < end:
        lock.acquire()
        times.append(time.monotonic_ns())
        times.append(time.monotonic_ns())
        lock.release()
    times.insert(0, len(times) // 2)
    with open(path, "wb") as out:
        times.tofile(out)


lock.acquire()
lock.release()
print("ready", flush=True)
for line in sys.stdin:
    end, path = line.split()
    play(int(end), path)
    print("done", flush=True)
