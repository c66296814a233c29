"""redis-py's Lock, told what to do: usage redis_py.py SOCKET.

Each line of standard input is a call, each gets one line as its answer:

    take KEY LEASE_MS WAIT_MS   yes, no     lease 0: none; wait 0: one try
    free KEY                    ok, or the name of the exception
    extend KEY MS               likewise; a lease of this length from now
    reacquire KEY               likewise; the first lease from now
    owned KEY                   yes, no
    value KEY                   what it put there
    add KEY COUNTER TIMES       ok: so often one more, each under the lock
"""
import sys

import redis
from redis.lock import Lock

server = redis.Redis(unix_socket_path=sys.argv[1])
locks = {}


def take(key, lease_ms, wait_ms):
    lock = Lock(server, key, timeout=int(lease_ms) / 1000 or None, sleep=0.02)
    if not lock.acquire(blocking=int(wait_ms) > 0,
                        blocking_timeout=int(wait_ms) / 1000):
        return "no"
    locks[key] = lock
    return "yes"


def free(key):
    locks[key].release()


def extend(key, ms):
    locks[key].extend(int(ms) / 1000, replace_ttl=True)


def reacquire(key):
    locks[key].reacquire()


def owned(key):
    return "yes" if locks[key].owned() else "no"


def value(key):
    return locks[key].local.token.decode()


def add(key, counter, times):
    for _ in range(int(times)):
        if take(key, 20000, 20000) != "yes":
            return "no"
        server.set(counter, int(server.get(counter)) + 1)
        free(key)


calls = {f.__name__: f for f in (take, free, extend, reacquire, owned, value,
                               add)}
print("ready", flush=True)
for line in sys.stdin:
    name, *args = line.split()
    try:
        answer = calls[name](*args) or "ok"
    except redis.exceptions.RedisError as error:
        answer = type(error).__name__
    print(answer, flush=True)
