#!/usr/bin/env python3
"""Profiles the server and one worker under the bench's load.

    profile.py cpu --bin PATH --out DIR    DIR/server.svg and DIR/worker.svg, flame graphs
    profile.py mem --bin PATH --out DIR    DIR/server.massif and DIR/worker.massif, for ms_print
"""
import argparse
import glob
import html
import os
import re
import shutil
import signal
import subprocess
import sys
import time

import measure

WIDTH, ROW = 1400, 16


def fold(script):
    """The samples of `perf script` as a tree: name to [count, children]."""
    root = [0, {}]
    for sample in script.split("\n\n"):
        frames = [re.sub(r"\+0x[0-9a-f]+$", "", line.split(None, 1)[1].rsplit(" (", 1)[0])
                  for line in sample.splitlines()[1:] if len(line.split(None, 1)) == 2]
        node = root
        node[0] += bool(frames)
        for name in reversed(frames):
            node = node[1].setdefault(name, [0, {}])
            node[0] += 1
    return root


def depth(node):
    return 1 + max((depth(child) for child in node[1].values()), default=0)


def draw(node, name, x, y, scale, out):
    width = node[0] * scale
    if width < 0.5:
        return
    share = html.escape("%s, %.1f %%" % (name, 100 * width / WIDTH))
    hue = sum(name.encode()) % 55
    shown = html.escape(name[:int(width / 7)]) if width > 30 else ""
    out.append('<g><title>%s</title><rect x="%.1f" y="%d" width="%.1f" height="%d" fill="hsl(%d,80%%,65%%)"/>'
               '<text x="%.1f" y="%d">%s</text></g>' % (share, x, y, width, ROW - 1, hue, x + 2, y + 12, shown))
    for child, inner in sorted(node[1].items()):
        draw(inner, child, x, y - ROW, scale, out)
        x += inner[0] * scale


def flame_graph(data, path):
    script = subprocess.run(["perf", "script", "-i", data], capture_output=True, text=True, check=True).stdout
    root = fold(script)
    height = (depth(root) + 1) * ROW
    out = ['<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" font-family="monospace" font-size="11">'
           % (WIDTH, height)]
    draw(root, "all", 0, height - ROW, WIDTH / max(1, root[0]), out)
    with open(path, "w") as f:
        f.write("\n".join(out) + "</svg>\n")
    print("%s: %d samples" % (path, root[0]))


def cpu(server, out):
    pids = {"server": server.running[0].pid, "worker": worker_of(server)}
    wrk = ["wrk", "-t", "2", "-c", "16", "-d", "12s", "http://127.0.0.1:%d/worker.php" % server.port]
    with subprocess.Popen(wrk, stdout=subprocess.DEVNULL) as generator:
        recorders = []
        for name, pid in pids.items():
            data = os.path.join(out, name + ".perf")
            recorders.append((name, data, subprocess.Popen(
                ["perf", "record", "-q", "-F", "997", "--call-graph", "dwarf,16384", "-o", data, "-p", str(pid),
                 "--", "sleep", "8"])))
        for _, _, recorder in recorders:
            recorder.wait()
        generator.wait()
    for name, data, _ in recorders:
        flame_graph(data, os.path.join(out, name + ".svg"))


def worker_of(server):
    for pid in server.pids():
        with open("/proc/%d/cmdline" % pid) as f:
            if re.search(r"pogo-php: worker.*worker\.php", f.read()):
                return pid
    sys.exit("no worker found")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("cpu", "mem"))
    parser.add_argument("--bin", required=True)
    parser.add_argument("--out", required=True)
    options = parser.parse_args()
    out = os.path.abspath(options.out)
    folder = os.path.join(out, "site")
    shutil.rmtree(out, ignore_errors=True)
    measure.prepare(folder)
    worker = "worker {\n\t\t\tfile public/worker.php\n\t\t\tnum 1\n\t\t}"
    server = measure.pogo(options.bin, folder, "profile", worker=worker, threads=1)
    if options.what == "mem":
        # Both programs under massif; it follows the zygote's forks by itself. The name of its
        # output is left to it: a worker's title is written over its arguments.
        host = os.path.join(folder, "pogo-php")
        with open(host, "w") as f:
            f.write("#!/bin/sh\nexec valgrind -q --tool=massif %s \"$@\"\n"
                    % os.path.join(os.path.dirname(os.path.abspath(options.bin)), "pogo-php"))
        os.chmod(host, 0o755)
        os.environ["POGO_PHP"] = host
        server.commands[0][:0] = ["valgrind", "-q", "--tool=massif"]
    server.start("/worker.php")
    names = {server.running[0].pid: "server"}
    try:
        if options.what == "cpu":
            cpu(server, out)
        else:
            for _ in range(2000):
                server.get("/worker.php")
            # At the server's end it would be killed before massif could write.
            worker = worker_of(server)
            names[worker] = "worker"
            os.kill(worker, signal.SIGTERM)
            time.sleep(2)
    finally:
        server.stop()
    for pid, name in names.items():
        for path in glob.glob("%s/**/massif.out.%d" % (folder, pid), recursive=True):
            shutil.move(path, os.path.join(out, name + ".massif"))
    for name in sorted(os.listdir(out)):
        print(os.path.join(out, name))


if __name__ == "__main__":
    main()
