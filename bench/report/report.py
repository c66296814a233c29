"""Makes a table, a JSON file and plots of what the workloads printed.

usage: report.py LINES [--sweep LINES] [--load N] [--json FILE] [--plots DIR]
"""
import argparse
import json
import os
import platform
import subprocess
import sys

import plots
import tables


def read(path):
    with open(path, encoding="ascii") as file:
        return [json.loads(line) for line in file if line.strip()]


def text_of(command):
    try:
        return subprocess.run(command, capture_output=True, text=True,
                              check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""


def cpu_model():
    with open("/proc/cpuinfo", encoding="ascii", errors="replace") as file:
        for line in file:
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.machine()


def machine(load):
    server = os.environ.get("RL_TEST_SERVER") or "redis-server"
    return {
        "cpu": cpu_model(),
        "cores": len(os.sched_getaffinity(0)),
        "kernel": platform.release(),
        "server": text_of([server, "--version"]),
        "load": load,
    }


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("lines")
    parser.add_argument("--sweep")
    parser.add_argument("--load", type=float)
    parser.add_argument("--json")
    parser.add_argument("--plots")
    options = parser.parse_args()
    lines = read(options.lines)
    sweep = read(options.sweep) if options.sweep else []
    where = machine(options.load)
    results = tables.summarise(lines)
    tables.show(where, results, lines)
    if options.json:
        with open(options.json, "w", encoding="ascii") as file:
            json.dump({"machine": where, "rows": results, "lines": lines,
                       "sweep": sweep}, file, indent=1)
            file.write("\n")
        print("written:", options.json)
    if options.plots:
        for path in plots.draw(options.plots, results, sweep):
            print("written:", path)
    # A workload that ended before it had anything to say.
    sys.exit(0 if lines else 1)


if __name__ == "__main__":
    main()
