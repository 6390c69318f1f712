#!/usr/bin/env python3
"""Whether memory grows: RSS of server and workers after 10,000 and after 100,000 requests, in both modes.

    soak.py --bin PATH

Fails when a request fails, or when anything holds more than 2 % more in the end.
"""
import argparse
import os
import re
import subprocess
import sys

import measure

FEW, MANY, GROWTH_MAX = 10_000, 100_000, 1.02


def requests(server, path, count):
    """At least `count` requests, all of them answered well."""
    done = 0
    while done < count:
        out = subprocess.run(["wrk", "-t", "2", "-c", "16", "-d", "1s", "http://127.0.0.1:%d%s" % (server.port, path)],
                             capture_output=True, text=True, check=True).stdout
        if "Non-2xx" in out or "Socket errors" in out:
            sys.exit("not every request was answered well:\n" + out)
        done += int(re.search(r"(\d+) requests in", out)[1])
    return done


def resident(server):
    """Kilobytes of the server, and of all workers together."""
    rss = {"server": 0, "workers": 0}
    for pid in server.pids():
        with open("/proc/%d/cmdline" % pid) as f:
            title = f.read()
        with open("/proc/%d/status" % pid) as f:
            held = int(re.search(r"^VmRSS:\s+(\d+)", f.read(), re.M)[1])
        if "pogo-php: worker" in title:
            rss["workers"] += held
        elif "pogo-php" not in title:
            rss["server"] += held
    return rss


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", required=True)
    options = parser.parse_args()
    folder = os.path.abspath(os.path.join(measure.HERE, "..", "target", "soak"))
    measure.prepare(folder)
    worker = "worker {\n\t\t\tfile public/worker.php\n\t\t\tnum %d\n\t\t}" % measure.WORKERS
    grown = False
    for name, path, word in (("classic", "/hello.php", ""), ("worker", "/worker.php", worker)):
        server = measure.pogo(options.bin, folder, name, worker=word)
        server.start(path)
        try:
            few = requests(server, path, FEW)
            before = resident(server)
            many = few + requests(server, path, MANY - FEW)
            after = resident(server)
        finally:
            server.stop()
        for what in before:
            ratio = after[what] / before[what]
            grown |= ratio > GROWTH_MAX
            print("%s, %s: %d kB after %d requests, %d kB after %d: %+.1f %%"
                  % (name, what, before[what], few, after[what], many, 100 * (ratio - 1)))
    sys.exit(grown)


if __name__ == "__main__":
    main()
