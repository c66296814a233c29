"""Plots, by gnuplot, as SVG."""
import os
import statistics
import subprocess

HEAD = """set terminal svg size 720,480 background 'white'
set output '{output}'
set title '{title}'
set xlabel '{x}'
set ylabel '{y}'
set key top right
set grid
"""


def run(folder, name, head, body, curves):
    """curves: (title, [(x, y)]), drawn with lines and points."""
    output = os.path.join(folder, name + ".svg")
    curves = [(title, points) for title, points in curves if points]
    if not curves:
        return None
    script = HEAD.format(output=output, **head) + body
    script += "plot " + ", ".join(
        f"'-' with linespoints title '{title}'" for title, _ in curves)
    for _, points in curves:
        script += "\n" + "\n".join(f"{x} {y}" for x, y in points) + "\ne"
    subprocess.run(["gnuplot"], input=script + "\n", text=True, check=True)
    return output


def rates(sweep, row, side, count):
    """Median rate by the number of clients."""
    found = {}
    for line in sweep:
        if (line["kind"], line["row"], line["side"]) == ("phase", row, side):
            found.setdefault(line[count], []).append(line["rate"])
    return [(n, statistics.median(found[n])) for n in sorted(found)]


def times(results, row, placement, side):
    """Percentiles, as how rare it is to be slower."""
    for r in results:
        if (r["row"], r["placement"], r["side"]) == (row, placement, side):
            return [(1 / (1 - share), time) for share, time in
                    zip(r["shares"], r["times"] or []) if .01 < share < 1]
    return []


def by_clients(folder, sweep, row, count, title, sides):
    return run(folder, f"rate-by-{count}", {
        "title": title, "x": count.replace("procs", "processes"),
        "y": "holds a second"},
        "set logscale x 2\nset logscale y\n",
        [(name, rates(sweep, row, side, count)) for name, side in sides])


def percentiles(folder, results, row, what, sides):
    return run(folder, f"latency-row{row}", {
        "title": f"Row {row}: {what}", "x": "percentile",
        "y": "microseconds"},
        "set logscale x\nset logscale y\nset xtics ('50' 2, '90' 10, "
        "'99' 100, '99.9' 1000)\nset key top left\n",
        [(f"{side}, {placement}", times(results, row, placement, side))
         for placement in ("apart", "together", "free") for side in sides])


def draw(folder, results, sweep):
    os.makedirs(folder, exist_ok=True)
    made = [
        by_clients(folder, sweep, "4", "procs",
                   "Processes that all want one lock",
                   [("rl", "rl"), ("bare, polling every 1 ms", "poll"),
                    ("bare, one alone", "floor")]),
        by_clients(folder, sweep, "5", "threads",
                   "Threads of one process, one lock, 1 us inside",
                   [("rl, PROCESS", "rl"), ("pthread mutex", "floor")]),
        percentiles(folder, results, "1", "lock and unlock",
                    ("floor", "rl")),
        percentiles(folder, results, "2", "lock and unlock, async",
                    ("floor-async", "rl")),
        percentiles(folder, results, "4", "hand-over to the next process",
                    ("poll", "rl")),
        percentiles(folder, results, "5", "waiting for the lock",
                    ("floor", "rl")),
        percentiles(folder, results, "10", "lock and unlock, 1,000 threads",
                    ("floor", "rl")),
    ]
    return [path for path in made if path]
