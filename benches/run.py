#!/usr/bin/env python3
"""Measures Pogo beside nginx + php-fpm, in one run on loopback, and prints tables with ratios.

    run.py --bin PATH [--seconds N] [--connections 1,16,64] [--folder DIR]

The same PHP, the same pages, as many PHP processes, opcache on in both. CPU per request is user + system
time of the whole process tree over the run; the load generator's is not in it. Ratios are ours to theirs.
"""
import argparse
import json
import os
import statistics

import measure

# What is asked of whom: the work, nginx's path, our server and our path.
WORK = [
    ("PHP hello, classic", "/hello.php", "classic", "/hello.php"),
    ("PHP hello, worker mode", "/hello.php", "worker", "/worker.php"),
    ("fixed answer, PHP site", "/fixed", "classic", "/fixed"),
    ("static 1 KiB, PHP site", "/kib.txt", "classic", "/kib.txt"),
]


def throughput(servers, connections, seconds):
    print("| work | connections | | requests/s | p99 µs | CPU µs/request |\n|---|---|---|---|---|---|")
    for work, their_path, ours, our_path in WORK:
        for count in connections:
            theirs = measure.load(servers["nginx"], their_path, count, seconds)
            mine = measure.load(servers[ours], our_path, count, seconds)
            row = "| %s | %d | %s | %.0f | %.0f | %.1f |"
            print(row % (work, count, "nginx", theirs["rate"], theirs["p99"], theirs["cpu"]))
            print(row % (work, count, "pogo", mine["rate"], mine["p99"], mine["cpu"]))
            print("| %s | %d | **ratio** | %.2f | %.2f | **%.2f** |" % (
                work, count, mine["rate"] / theirs["rate"], mine["p99"] / theirs["p99"], mine["cpu"] / theirs["cpu"]),
                flush=True)


def tasks(binary, folder):
    server = measure.pogo(binary, folder, "tasks", tasks=True, threads=2)
    server.start()
    try:
        server.get("/tasks.php")
        took = json.loads(server.get("/tasks.php").split(b"\r\n\r\n", 1)[1])
    finally:
        server.stop()
    print("\n| spawn + await, median | µs | to one |\n|---|---|---|")
    for name, what in (("one", "one no-op task"), ("eight", "eight at once"), ("long", "one with a 100 kB argument")):
        print("| %s | %.1f | %.2f |" % (what, took[name], took[name] / took["one"]))


def memory(servers):
    print("\n| memory (PSS) after the load above, kB | processes | kB | ratio |\n|---|---|---|---|")
    fpm, count = servers["nginx"].pss("php-fpm: pool")
    print("| php-fpm's children | %d | %d | |" % (count, fpm))
    for name in ("classic", "worker"):
        for what, part in (("workers", "pogo-php: worker"), ("all of it", "pogo")):
            pss, count = servers[name].pss(part)
            print("| pogo %s: %s | %d | %d | %.2f |" % (name, what, count, pss, pss / fpm if fpm else 0))
    everything, count = servers["nginx"].pss("")
    print("| nginx + php-fpm: all of it | %d | %d | |" % (count, everything))


def idle_memory(binary, folder):
    """Eight processes each that have served a handful of requests."""
    print("\n| memory (PSS) of 8 idle processes, kB | kB | ratio |\n|---|---|---|")
    theirs = measure.nginx(folder)
    ours = measure.pogo(binary, folder, "idle")
    for server in (theirs, ours):
        server.start()
    try:
        for server in (theirs, ours):
            for _ in range(40):
                server.get("/hello.php")
        fpm, _ = theirs.pss("php-fpm: pool")
        pogo, _ = ours.pss("pogo-php: worker")
        print("| php-fpm | %d | |\n| pogo | %d | %.2f |" % (fpm, pogo, pogo / fpm))
    finally:
        theirs.stop()
        ours.stop()


def starts(binary, folder):
    print("\n| start to first answer, median of 7 | ms |\n|---|---|")
    for make in (lambda: measure.nginx(folder), lambda: measure.pogo(binary, folder, "start")):
        times = []
        for _ in range(7):
            server = make()
            times.append(server.start() * 1000)
            server.stop()
        print("| %s | %.1f |" % ({"nginx": "nginx + php-fpm", "start": "pogo"}[server.name], statistics.median(times)))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", required=True)
    parser.add_argument("--seconds", type=int, default=4)
    parser.add_argument("--connections", default="1,16,64")
    parser.add_argument("--folder", default=os.path.join(measure.HERE, "..", "target", "bench"))
    options = parser.parse_args()
    folder = os.path.abspath(options.folder)
    measure.prepare(folder)
    worker = "worker {\n\t\t\tfile public/worker.php\n\t\t\tnum %d\n\t\t}" % measure.WORKERS
    servers = {
        "nginx": measure.nginx(folder),
        "classic": measure.pogo(options.bin, folder, "classic"),
        "worker": measure.pogo(options.bin, folder, "worker", worker=worker),
    }
    try:
        for server in servers.values():
            server.start()
        throughput(servers, [int(c) for c in options.connections.split(",")], options.seconds)
        memory(servers)
    finally:
        for server in servers.values():
            server.stop()
    idle_memory(options.bin, folder)
    tasks(options.bin, folder)
    starts(options.bin, folder)


if __name__ == "__main__":
    main()
