"""Medians, ratios and the table."""
import statistics

WORKLOADS = {
    "1": "one client",
    "2": "one client, RELEASE_ASYNC",
    "3": "one client, DELEGATION_ON",
    "4": "8 processes, one lock",
    "5": "8 threads, one lock, 1 us inside",
    "6": "4 processes x 8 threads, 1 us inside",
    "8:3": "one client, quorum of 3",
    "8:5": "one client, quorum of 5",
    "8:3-1": "one client, quorum of 3 of which one is down",
    "8:3~1": "one client, quorum of 3 of which one hangs",
    "10": "1,000 threads, a lock each",
}

# The median latency of rl to that of the floor, at most.
QUORUM_TARGET = 1.15
# The same, to a bare client that waits for all servers each way.
QUORUM_ALL_TARGET = 1.3

# What a side's rate is divided by, in the same round.
BASES = {"6": "one-process"}

# The least ratio of each row and placement.
TARGETS = {
    ("1", "apart"): .97, ("1", "together"): .92,
    ("2", "apart"): 1.9, ("2", "together"): 1.1,
    ("3", "apart"): 500,
    ("5", "apart"): .85, ("5", "free"): .85,
    ("6", "apart"): .7, ("6", "free"): .7,
    ("10", "apart"): .9, ("10", "free"): .9,
}

# Quartiles of a floor's rate that are so far apart make no measurement.
NOISY = .3

# Which times p50 and p99 are of.
TIMES = {"1": "pair_us", "2": "pair_us", "3": "pair_us", "4": "handover_us",
         "5": "wait_us", "6": "wait_us", "8:3": "pair_us",
         "8:5": "pair_us", "8:3-1": "pair_us",
         "8:3~1": "pair_us", "10": "pair_us"}


def median(values):
    return statistics.median(values) if values else None


def quartiles(values):
    if len(values) < 2:
        return (values[0], values[0]) if values else (None, None)
    cuts = statistics.quantiles(values, n=4, method="inclusive")
    return cuts[0], cuts[2]


def phases(lines, key, side):
    return {line["round"]: line for line in lines
            if line["kind"] == "phase" and line["side"] == side and
            (line["row"], line["placement"]) == key}


def ratios(ours, base):
    return [ours[r]["rate"] / base[r]["rate"]
            for r in sorted(ours) if r in base and base[r]["rate"]]


def summary_of(line, lines):
    """All about one side of one workload in one placement."""
    key = (line["row"], line["placement"])
    ours = phases(lines, key, line["side"])
    base = phases(lines, key, BASES.get(line["row"], "floor"))
    ratio = ratios(ours, base)
    rates = [phase["rate"] for phase in ours.values()]
    result = {
        "row": key[0], "placement": key[1], "side": line["side"],
        "rate": median(rates), "rate_quartiles": quartiles(rates),
        "ratio": median(ratio), "ratio_quartiles": quartiles(ratio),
        "ratio_range": (min(ratio), max(ratio)) if ratio else None,
        "target": TARGETS.get(key) if line["side"] == "rl" else None,
        "fairness": line["fairness"], "wrong": line["wrong"],
        "nodes": line["nodes"],
        "least_share": line.get("least_share"),
        "most_share": line.get("most_share"),
        "times": line.get(TIMES[key[0]]), "shares": line["shares"],
    }
    for name in ("requests", "reads", "calls", "server_us", "client_us",
                 "handovers"):
        result[name] = median([phase[name] for phase in ours.values()])
    return result


def summarise(lines):
    return [summary_of(line, lines) for line in lines
            if line["kind"] == "side"]


def at(result, share):
    if not result["times"]:
        return None
    return result["times"][result["shares"].index(share)]


# ---------------------------------------------------------------- the table

def number(value, digits=3):
    """Three digits that count, for people."""
    if value is None:
        return "-"
    for limit, unit in ((1e6, "M"), (1e4, "k")):
        if abs(value) >= limit:
            return number(value / (1e6 if unit == "M" else 1e3)) + unit
    if value and abs(value) < 1:
        return f"{value:.{digits}f}"
    return f"{value:.{max(0, digits - len(str(int(abs(value)))))}f}"


def table(head, rows):
    width = [max(len(str(row[i])) for row in [head] + rows)
             for i in range(len(head))]
    for row in [head] + rows:
        print("  ".join(str(cell).ljust(w) if i < 3 else str(cell).rjust(w)
                        for i, (cell, w) in enumerate(zip(row, width)))
              .rstrip())


def verdict(result):
    if result["wrong"]:
        return "WRONG"
    if result["target"] is None or result["ratio"] is None:
        return ""
    return "yes" if result["ratio"] >= result["target"] else "no"


def spread(result):
    low, high = result["ratio_quartiles"]
    return "-" if low is None else f"{low:.2f}-{high:.2f}"


def range_of(result):
    if not result["ratio_range"]:
        return "-"
    return "{:.2f}-{:.2f}".format(*result["ratio_range"])


def show_rows(results):
    head = ["row", "placement", "side", "holds/s", "ratio", "quartiles",
            "range", "target", "met", "req", "reads", "calls", "srv us",
            "cli us", "p50 us", "p99 us", "fair", "passed"]
    rows = []
    for r in results:
        rows.append([
            r["row"], r["placement"], r["side"], number(r["rate"]),
            number(r["ratio"]), spread(r), range_of(r),
            number(r["target"], 2), verdict(r),
            number(r["requests"]), number(r["reads"]), number(r["calls"]),
            number(r["server_us"]), number(r["client_us"]),
            number(at(r, .5)), number(at(r, .99)),
            number(r["fairness"], 2), number(r["handovers"], 2)])
    table(head, rows)
    print("""
  ratio: to the floor of the same round (row 6: to row 5); median, quartiles
  and range of the rounds. req, reads, calls, us: of each hold: requests,
  reads by the server (round trips), commands it ran with those of scripts,
  CPU of server and clients. p50, p99: of a lock and unlock (rows 1, 2, 8, 10),
  of waiting for the lock (5, 6), of the hand-over from one process to the
  next (4). fair: slowest/fastest client. passed: holds that had another
  client before. The quartiles of a floor's own rate are the noise:""")
    for r in results:
        if r["side"] == BASES.get(r["row"], "floor") and r["rate"]:
            low, high = (x / r["rate"] for x in r["rate_quartiles"])
            print(f"    row {r['row']}, {r['placement']}: "
                  f"{low:.2f}-{high:.2f} of its median"
                  + ("   NOISY: its ratios mean little"
                     if high - low > NOISY else ""))


def kind(lines, name):
    return [line for line in lines if line["kind"] == name]


def show_processes(results):
    for r in results:
        if r["row"] == "6" and r["side"] == "rl" and r["least_share"]:
            print(f"\nRow 6, {r['placement']}: processes had "
                  f"{r['least_share']:.2f} to {r['most_share']:.2f} of "
                  "their share (target 0.8-1.25)")


def show_waiters(lines):
    groups = {}
    for line in kind(lines, "waiters"):
        key = line["procs"], line["threads"], line["placement"]
        groups.setdefault(key, []).append(line)
    for (procs, threads, placement), of in groups.items():
        def mid(name):
            return median([line[name] for line in of])
        print(f"\nRow 7, {procs} processes x {threads} threads wait, "
              f"{placement}:")
        print(f"  requests a second and process {mid('requests'):.2f} "
              "(target 1)")
        print(f"  CPU of all who wait {100 * mid('client_cpu'):.2f} % of a "
              f"core (target 0), of the server "
              f"{100 * mid('server_cpu'):.2f} %")
        print(f"  all had it {mid('drain_ms'):.1f} ms after the unlock "
              f"(target 10); a bare client alone {mid('floor_ms'):.1f} ms, "
              f"ratio {mid('drain_ms') / mid('floor_ms'):.2f}")


def show_quorum(results):
    for r in results:
        base = [f for f in results if f["side"] == "floor" and
                (f["row"], f["placement"]) == (r["row"], r["placement"])]
        if not r["row"].startswith("8:") or r["side"] != "rl" or not base:
            continue
        ours, bare = at(r, .5), at(base[0], .5)
        if not ours or not bare or not r["ratio"]:
            continue
        low, high = r["ratio_quartiles"]
        print(f"\nRow 8, {WORKLOADS[r['row']]}, {r['placement']}:")
        print(f"  p50 {ours:.0f} us, p99 {at(r, .99):.0f} us; floor "
              f"{bare:.0f} and {at(base[0], .99):.0f} us")
        print(f"  ratio of the medians {ours / bare:.2f} (target at most "
              f"{QUORUM_TARGET}); of the means of each round "
              f"{1 / r['ratio']:.2f} [{1 / high:.2f}, {1 / low:.2f}]")
        whole = [at(f, .5) for f in results if f["side"] == "all" and
                 (f["row"], f["placement"]) == (r["row"], r["placement"])]
        if whole and whole[0]:
            print(f"  a bare round trip to all servers each way "
                  f"{whole[0]:.0f} us: ratio {ours / whole[0]:.2f} (target "
                  f"at most {QUORUM_ALL_TARGET})")
        print(f"  requests per hold and node alive "
              f"{r['requests'] / r['nodes']:.2f}")
        show_loss(results, r, ours)


def show_loss(results, r, ours):
    """What it adds that one is down, or hangs."""
    whole = [at(f, .5) for f in results if f["side"] == r["side"] and
             f["row"] == r["row"][:3] and f["placement"] == r["placement"]]
    if len(r["row"]) > 3 and whole and whole[0]:
        print(f"  p50 with all servers alive {whole[0]:.0f} us: "
              f"{ours - whole[0]:+.0f} us without one")


def show_renewals(lines):
    for line in kind(lines, "renewals"):
        print(f"\nRow 9, {line['locks']:.0f} locks of one process, lease "
              "10 s:")
        print(f"  threads {line['threads']:.0f} (target 1), CPU "
              f"{100 * line['keeper_cpu']:.2f} % (target below 1), "
              f"{line['renewals']:.0f} renewals/s")
        print(f"  CPU of a renewal {line['renewal_us']:.2f} us; bare, in "
              f"pipelines of 100, {line['floor_us']:.2f} us")
        print(f"  busiest tenth of a second {line['spread']:.1f} times the "
              f"mean; least validity left {line['least_ms']:.0f} ms;\n"
              f"  late (below half the lease) {line['late']:.0f} (target 0)")
        print(f"  memory: {line['kb_mutex']:.2f} kB a mutex, "
              f"{line['kb_held']:.2f} kB more once locked")


def show_memory(lines):
    of = kind(lines, "memory")
    for side in dict.fromkeys(line["side"] for line in of):
        kb = [line["kb"] for line in of if line["side"] == side]
        print(f"\nRow 10, memory of an idle thread that has used a lock of "
              f"its own, {side}: {median(kb):.1f} kB", end="")
    if of:
        print()


def show_instructions(lines):
    for where in ("client", "server"):
        of = [line for line in kind(lines, "instructions")
              if line["where"] == where]
        if of:
            print(f"\nInstructions of a hold in the {where} (callgrind):")
        for line in of:
            print(f"  {line['mode']:14}{line['per_hold']:8}")


def show_peers(lines):
    rows = []
    for peer in kind(lines, "peer"):
        same = [p for p in kind(lines, "peer-phase")
                if (p["row"], p["placement"]) ==
                (peer["row"], peer["placement"])]
        ours = {p["round"]: p for p in same if p["side"] == peer["side"]}
        base = {p["round"]: p for p in same if p["side"] == "floor"}
        rows.append([peer["row"], peer["placement"], peer["side"],
                     number(median([p["rate"] for p in ours.values()])),
                     number(median(ratios(ours, base))),
                     number(median([p["reads"] for p in ours.values()])),
                     number(median([p["handovers"] for p in ours.values()])),
                     number(peer["handover_p50"]),
                     number(peer["handover_p99"]),
                     number(peer["fairness"], 2), str(peer["overlaps"])])
    if rows:
        print("\nBeside other locks (row 4: 8 clients; floor: always one):\n")
        table(["row", "placement", "lock", "holds/s", "ratio", "reads",
               "passed", "p50 us", "p99 us", "fair", "overlaps"], rows)


def show(where, results, lines):
    print(f"\n{where['cpu']}, {where['cores']} cores, Linux "
          f"{where['kernel']}; load before it {where['load']}")
    print(where["server"] + "\n")
    for row, name in WORKLOADS.items():
        if any(r["row"] == row for r in results):
            print(f"  row {row}: {name}")
    if results:
        print()
        show_rows(results)
    show_processes(results)
    show_waiters(lines)
    show_quorum(results)
    show_renewals(lines)
    show_memory(lines)
    show_instructions(lines)
    show_peers(lines)
