"""rl beside other locks, in turns, on one server.

usage: compare.py --party PROGRAM [--node DIR] [--rounds N] [--ms MS]
                  [--placement apart|together|free] [--row 1|4 ...]

Each kind of lock has clients of its own, one for row 1 and eight for row 4,
which sleep while the others play. Prints lines of JSON like the workloads'.
"""
import argparse
import array
import json
import os
import subprocess
import sys
import tempfile
import time

import redis

HERE = os.path.dirname(os.path.abspath(__file__))


ALLOWED = sorted(os.sched_getaffinity(0))


def cores(placement):
    """Those of the server and those of the clients."""
    allowed = ALLOWED
    if placement == "free":
        return allowed, allowed
    if placement == "together":
        return allowed[:1], allowed[:1]
    if len(allowed) < 2:
        sys.exit("one core only: --placement apart needs two")
    return allowed[:1], allowed[1:]


class Server:
    def __init__(self, folder, pinned):
        self.path = os.path.join(folder, "sock")
        self.process = subprocess.Popen(
            ["redis-server", "--port", "0", "--unixsocket", self.path,
             "--save", "", "--appendonly", "no", "--dir", folder],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            preexec_fn=lambda: os.sched_setaffinity(0, pinned))
        self.control = redis.Redis(unix_socket_path=self.path)
        for _ in range(500):
            try:
                self.control.ping()
                return
            except redis.exceptions.ConnectionError:
                time.sleep(0.01)
        self.stop()
        sys.exit("redis-server does not start")

    def reads(self):
        return self.control.info("stats")["total_reads_processed"]

    def stop(self):
        self.process.kill()
        self.process.wait()


class Party:
    """One client."""

    def __init__(self, command, env):
        self.process = subprocess.Popen(
            command, env=env, stdin=subprocess.PIPE, text=True,
            stdout=subprocess.PIPE)
        self.hear("ready")

    def hear(self, word):
        line = self.process.stdout.readline().strip()
        if line != word:
            sys.exit(f"{self.process.args}: no '{word}' but '{line}'")

    def tell(self, end, path):
        self.process.stdin.write(f"{end} {path}\n")
        self.process.stdin.flush()

    def stop(self):
        self.process.kill()
        self.process.wait()


class Peer:
    """All clients of one kind."""

    def __init__(self, name, command, n, env):
        self.name = name
        self.parties = [Party(command, env) for _ in range(n)]
        self.holds = [0] * n
        self.overlaps = 0
        self.handover_us = []

    def play(self, ms, folder):
        """Gives holds a second and the share of hand-overs."""
        paths = [os.path.join(folder, str(i))
                 for i in range(len(self.parties))]
        began = time.monotonic_ns()
        for party, path in zip(self.parties, paths):
            party.tell(began + ms * 1000000, path)
        for party in self.parties:
            party.hear("done")
        return self.look(paths, began, time.monotonic_ns())

    def look(self, paths, began, end):
        total, notes, ends = 0, [], []
        for i, path in enumerate(paths):
            times = array.array("q")
            with open(path, "rb") as file:
                times.frombytes(file.read())
            n = times.pop(0)
            total += n
            self.holds[i] += n
            notes += zip(times[::2], times[1::2], [i] * (len(times) // 2))
            # Who took it too often to note all of it has an end before that
            # of the others: what lies behind it cannot be compared.
            if 2 * n > len(times):
                ends.append(times[-1])
        if notes and not ends:
            end = max(note[1] for note in notes)
        share = self.compare([note for note in sorted(notes)
                              if not ends or note[1] <= min(ends)])
        return total, total * 1e9 / (end - began), share

    def compare(self, notes):
        """Gives the share of hand-overs."""
        handovers = 0
        for before, after in zip(notes, notes[1:]):
            if after[0] < before[1]:
                self.overlaps += 1
            if after[2] != before[2]:
                handovers += 1
                self.handover_us.append((after[0] - before[1]) / 1000)
        return handovers / max(len(notes), 1)

    def percentile(self, share):
        times = sorted(self.handover_us)
        return times[int(share * (len(times) - 1))] if times else None

    def stop(self):
        for party in self.parties:
            party.stop()


def kinds(options, server, folder):
    def party(mode, path):
        return [options.party, "--mode", mode, "--socket", path]
    found = [
        ("floor", party("floor", server.path), True),
        ("rl", party("rl", server.path), False),
        ("redis-py", ["/usr/bin/python3", os.path.join(HERE, "redis_py.py"),
                      server.path], False),
        ("flock", party("flock", os.path.join(folder, "flock")), False),
        ("pthread", party("pthread", os.path.join(folder, "mutex")), False),
    ]
    if options.node:
        found.insert(3, ("node-redlock", [
            "node", os.path.join(HERE, "redlock.js"), server.path], False))
    return found


def emit(**fields):
    print(json.dumps(fields), flush=True)


def contest(options, row, folder):
    server_cores, client_cores = cores(options.placement)
    server = Server(folder, server_cores)
    os.sched_setaffinity(0, client_cores)
    env = dict(os.environ, NODE_PATH=os.path.join(options.node or "",
                                                  "node_modules"))
    n = 8 if row == "4" else 1
    head = {"row": row, "placement": options.placement, "procs": n}
    peers = []
    try:
        for name, command, alone in kinds(options, server, folder):
            peers.append(Peer(name, command, 1 if alone else n, env))
        for turn in range(options.rounds):
            for peer in peers if turn % 2 == 0 else reversed(peers):
                before = server.reads()
                holds, rate, share = peer.play(options.ms, folder)
                # Asking is a read too.
                reads = (server.reads() - before - 1) / max(holds, 1)
                emit(kind="peer-phase", **head, side=peer.name, round=turn,
                     holds=holds, rate=rate, reads=reads, handovers=share)
        for peer in peers:
            emit(kind="peer", **head, side=peer.name, overlaps=peer.overlaps,
                 fairness=min(peer.holds) / max(max(peer.holds), 1),
                 handover_p50=peer.percentile(.5),
                 handover_p99=peer.percentile(.99))
    finally:
        for peer in peers:
            peer.stop()
        server.stop()
    ours = next(p for p in peers if p.name == "rl")
    return ours.overlaps == 0 and min(ours.holds) > 0


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--party", required=True)
    parser.add_argument("--node")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--ms", type=int, default=400)
    parser.add_argument("--placement", default="apart")
    parser.add_argument("--row", action="append", choices=["1", "4"])
    options = parser.parse_args()
    fine = True
    for row in options.row or ["1", "4"]:
        with tempfile.TemporaryDirectory(prefix="rl-peers-") as folder:
            fine = contest(options, row, folder) and fine
    sys.exit(0 if fine else 1)


if __name__ == "__main__":
    main()
