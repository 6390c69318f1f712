#!/usr/bin/env python3
"""Compares what Pogo and Caddy make of generated Caddyfiles, and groups what differs by family.

    compare.py --bin target/debug/pogo [--caddy PATH] [--count 2000] [--seed 1] [--only PATTERN]
    compare.py --bin target/debug/pogo --seed 1 --only PATTERN --show 17      one file, both answers
    compare.py --families                                                   what --only selects from
    compare.py --bin … --file Caddyfile                                      one file of your own

A family is a directive (`reverse_proxy`), `option/NAME`, `matcher/NAME`, `site`, `import`,
`language` or `mixed`; --only is a regular expression that is searched in their names, so
`--only 'reverse_proxy|forward_auth|php_fastcgi'` is the proxy's. The number of a file belongs to its seed and
its --only: give the same ones with --show.

Compared are the JSON byte for byte; for a file that does not adapt, the error's whole text; the
warnings with their lines; and of every fifth file what `fmt` makes of it (--fmt 1: of all). Caddy
runs once and adapts through its admin endpoint; what differs there is asked again of
`caddy adapt`. Exits with 1 when more than --allow files differ.
"""
import argparse
import collections
import concurrent.futures
import http.client
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time

import caddyfiles

TIMEOUT = 20
# These change what the next file means to the same process.
STICKY = re.compile(r"^\s*[\"`]?order\b", re.M)

# Where Caddy 2.11.9 differs from what was recorded of an earlier one, the recorded counts; and
# addresses in Go's memory are not ours to print.
KNOWN = [
    (re.compile(re.escape("./{http.request.orig_uri.path.file_escaped}/{http.request.orig_uri.prefixed_query}")),
     "{http.request.orig_uri.path}/{http.request.orig_uri.prefixed_query}"),
    (re.compile(r"(returned something other than an HTTP route or subroute): .*0x[0-9a-f]{8}.* (\(only handler)", re.S), r"\1 \2"),
    (re.compile(r"(because of key without hostname, and the two are in conflict:).*", re.S), r"\1 …"),
]
KNOWN_DIFFERENCE = "as recorded, and not as in Caddy 2.11.9"
# What Caddy says may depend on the order in which Go walks through a map: so often it is asked.
ASKED = 8


def environment():
    env = {k: v for k, v in os.environ.items() if k in ("PATH", "LANG", "LD_LIBRARY_PATH")}
    return dict(env, HOME="/nonexistent", XDG_DATA_HOME="/nonexistent/data", TZ="UTC", **caddyfiles.ENVIRONMENT)


class Folder:
    """A folder with the files that generated Caddyfiles import."""

    def __init__(self, parent):
        self.path = os.path.realpath(tempfile.mkdtemp(dir=parent))
        for name, content in caddyfiles.FILES.items():
            path = os.path.join(self.path, name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "w", encoding="utf-8") as file:
                file.write(content)

    def neutral(self, text):
        return text.replace(self.path, "$WORK")


class Program:
    """A binary with Caddy's command line."""

    def __init__(self, binary, parent):
        self.binary, self.parent, self.local = binary, parent, threading.local()

    def run(self, words, text, stdin=None):
        if not hasattr(self.local, "folder"):
            self.local.folder = Folder(self.parent)
        folder = self.local.folder
        with open(os.path.join(folder.path, "Caddyfile"), "w", encoding="utf-8") as file:
            file.write(text)
        try:
            done = subprocess.run([self.binary] + words, cwd=folder.path, input=stdin, capture_output=True,
                                  timeout=TIMEOUT, env=environment(), stdin=None if stdin is not None else subprocess.DEVNULL)
        except subprocess.TimeoutExpired:
            return -1, "", "timeout"
        return done.returncode, folder.neutral(done.stdout.decode("utf-8", "replace")), folder.neutral(done.stderr.decode("utf-8", "replace"))

    def adapt(self, text):
        """What became of it: ("json" | "error" | "crash", text, warnings)."""
        code, out, err = self.run(["adapt", "--config", "Caddyfile", "--adapter", "caddyfile"], text)
        records = []
        for line in err.splitlines():
            try:
                records.append(json.loads(line))
            except ValueError:
                continue
        warnings = [(r.get("file"), r.get("line"), r["msg"]) for r in records if r.get("level") == "warn" and "line" in r]
        if code == 0:
            return "json", out.rstrip("\n"), warnings
        errors = [r["msg"] for r in records if r.get("level") == "error"]
        if code in (1,) and (errors or err.startswith("Error: ")):
            return "error", errors[-1] if errors else err[len("Error: "):].rstrip("\n"), []
        return "crash", "exit %d: %s" % (code, err.strip()[:300]), []

    def fmt(self, text):
        return self.run(["fmt", "-"], text, text.encode())[1]


class Server:
    """One running Caddy that adapts what it is sent."""

    def __init__(self, binary, parent):
        self.folder, self.local = Folder(parent), threading.local()
        self.socket = os.path.join(self.folder.path, "admin.sock")
        config = json.dumps({"admin": {"listen": "unix/" + self.socket, "config": {"persist": False}}, "logging": {"logs": {"default": {"level": "PANIC"}}}})
        path = os.path.join(self.folder.path, "admin.json")
        with open(path, "w", encoding="utf-8") as file:
            file.write(config)
        self.process = subprocess.Popen([binary, "run", "--config", path], cwd=self.folder.path, env=environment(),
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.time() + TIMEOUT
        while not os.path.exists(self.socket) and time.time() < deadline:
            time.sleep(0.01)

    def ask(self, text):
        import socket
        connection = http.client.HTTPConnection("localhost", timeout=TIMEOUT)
        connection.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.sock.settimeout(TIMEOUT)
        connection.sock.connect(self.socket)
        connection.request("POST", "/adapt", body=text.encode(), headers={"Content-Type": "text/caddyfile", "Host": "localhost"})
        body = connection.getresponse().read()
        connection.close()
        return self.folder.neutral(body.decode("utf-8", "replace"))

    def adapt(self, text):
        try:
            body = self.ask(text)
        except (OSError, http.client.HTTPException) as error:
            return "crash", repr(error), []
        answer = json.loads(body)
        if "error" in answer:
            return "error", answer["error"].removeprefix("adapting config using caddyfile adapter: "), []
        warnings = [(w["file"], w["line"], w["message"]) for w in answer.get("warnings", [])]
        return "json", body[body.index('"result":') + len('"result":'):].rstrip("\n")[:-1], warnings

    def stop(self):
        self.process.terminate()
        self.process.wait()


def squashed(text):
    """An error without the words of this file, so that equal mistakes look equal."""
    text = re.sub(r"'[^']*'|\"[^\"]*\"", "'…'", text)
    return re.sub(r"\d+", "N", text)[:160]


def first_difference(one, two, path=""):
    """Where two JSON values differ first."""
    if isinstance(one, dict) and isinstance(two, dict):
        for key in list(one) + list(two):
            if key not in one or key not in two:
                return "%s.%s only %s" % (path, key, "Caddy" if key in one else "Pogo")
            if one[key] != two[key]:
                return first_difference(one[key], two[key], path + "." + key)
        return path + " order of keys"
    if isinstance(one, list) and isinstance(two, list):
        for a, b in zip(one, two):
            if a != b:
                return first_difference(a, b, path + "[]")
        if len(one) != len(two):
            return "%s %d elements, Pogo %d" % (path, len(one), len(two))
    if one == two:
        return path + " spelling"
    return "%s %s, Pogo %s" % (path, json.dumps(one)[:60], json.dumps(two)[:60])


def released(value, path=""):
    """JSON without what Caddy 2.11.9 orders or shares otherwise than the recorded Caddy did: `vars` of equal
    rank, the routes of `handle_errors`, and TLS policies of a site that is part of several servers."""
    if isinstance(value, dict):
        kept = {key: released(child, path + "." + key) for key, child in value.items()}
        if path.endswith(".tls_connection_policies"):
            kept.pop("match", None)
        return kept
    if not isinstance(value, list):
        return value
    items = [released(item, path) for item in value]
    is_vars = path.endswith(".handle") and any(item.get("handler") == "vars" for item in items)
    return sorted(items, key=json.dumps) if is_vars or ".errors.routes" in path else items


def verdict(theirs, ours):
    """None when they are the same, else what differs: (short for grouping, for people)."""
    if theirs[0] == "crash":
        return None
    for pattern, replacement in KNOWN:
        theirs, ours = [(kind, pattern.sub(replacement, said), warnings) for kind, said, warnings in (theirs, ours)]
    if theirs[:2] == ours[:2]:
        if theirs[2] == ours[2]:
            return None
        return "warnings", "Caddy: %s\nPogo:  %s" % (theirs[2], ours[2])
    said = "Caddy: %s\nPogo:  %s" % (theirs[1][:700], ours[1][:700])
    if theirs[0] == ours[0] == "json":
        one, two = json.loads(theirs[1]), json.loads(ours[1])
        where = first_difference(one, two)
        if one != two and json.dumps(released(one), sort_keys=True) == json.dumps(released(two), sort_keys=True):
            return KNOWN_DIFFERENCE, where
        return "JSON " + re.sub(r"\d+", "N", where), "JSON " + where
    if ours[0] == "crash":
        return "CRASH " + squashed(ours[1]), said
    if theirs[0] == "json":
        return "refused: " + squashed(ours[1]), "Caddy adapts it\nPogo:  " + ours[1][:700]
    if ours[0] == "json":
        return "accepted: " + squashed(theirs[1]), "Caddy: " + theirs[1][:700] + "\nPogo adapts it"
    return "%s ≠ %s" % (squashed(theirs[1]), squashed(ours[1])), said


class Comparison:
    def __init__(self, options, parent):
        self.pogo, self.caddy = Program(options.bin, parent), Program(options.caddy, parent)
        self.server = Server(options.caddy, parent)
        self.share = options.fmt

    def compare(self, text, index=0):
        ours = self.pogo.adapt(text)
        asked = not STICKY.search(text)
        theirs = self.server.adapt(text) if asked else self.caddy.adapt(text)
        found = verdict(theirs, ours)
        for _ in range(ASKED):
            if not found:
                break
            theirs = self.caddy.adapt(text)
            found = verdict(theirs, ours)
        if not found and self.share and index % self.share == 0:
            one, two = self.caddy.fmt(text), self.pogo.fmt(text)
            # Caddy 2.11.9 writes a `{` at the end of the file; what was recorded does not.
            if two.rstrip("\n") not in (one.rstrip("\n"), one.rstrip("{\n\t ")):
                found = "fmt", "Caddy: %r\nPogo:  %r" % (one, two)
        return theirs[0], found


def report(results, maker, seconds, options):
    kinds, families = collections.Counter(), collections.defaultdict(lambda: [0, 0])
    groups = collections.defaultdict(list)
    for index, (family, kind, found) in sorted(results.items()):
        kinds[kind] += 1
        families[family][1] += 1
        if found and found[0] == KNOWN_DIFFERENCE:
            kinds[KNOWN_DIFFERENCE] += 1
        elif found:
            families[family][0] += 1
            groups[(family, found[0])].append((index, found[1]))
    for (family, short), found in sorted(groups.items(), key=lambda g: (g[0][0], -len(g[1]))):
        index, said = found[0]
        print("%s  ×%d  %s\n  --show %s" % (family, len(found), short, ", ".join(str(i) for i, _ in found[:5])))
        if options.verbose:
            print("  " + said.replace("\n", "\n  ") + "\n    " + maker.make(index)[1].strip().replace("\n", "\n    "))
    print("\nfamily: differing of files")
    for family, (bad, count) in sorted(families.items()):
        if bad:
            print("  %-28s %4d of %d" % (family, bad, count))
    bad = sum(b for b, _ in families.values())
    print("%d files in %.0f s: %d adapt, %d are refused, %d crash Caddy; %d are %s; %d differ" % (
        len(results), seconds, kinds["json"], kinds["error"], kinds["crash"], kinds[KNOWN_DIFFERENCE], KNOWN_DIFFERENCE, bad))
    return bad


def show(comparison, text):
    print(text)
    for name, program in (("Caddy", comparison.caddy), ("Pogo", comparison.pogo)):
        kind, said, warnings = program.adapt(text)
        if kind == "json":
            said = json.dumps(json.loads(said), indent=2, ensure_ascii=False)
        print("--- %s: %s\n%s\n%s" % (name, kind, said, "".join("warning %s:%s: %s\n" % w for w in warnings)))
    print("difference:", comparison.compare(text)[1])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", default="target/debug/pogo")
    parser.add_argument("--caddy", default=shutil.which("caddy") or os.path.expanduser("~/go/bin/caddy"))
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--seed", default="1")
    parser.add_argument("--only", default="", help="a regular expression for the families")
    parser.add_argument("--jobs", type=int, default=3)
    parser.add_argument("--fmt", type=int, default=5, metavar="N", help="compare `fmt` of every Nth file; 0: of none")
    parser.add_argument("--allow", type=int, default=0, help="how many files may differ")
    parser.add_argument("--show", type=int, help="print one file and both answers")
    parser.add_argument("--file", help="compare a file of your own")
    parser.add_argument("--families", action="store_true", help="list the families")
    parser.add_argument("-v", "--verbose", action="store_true", help="an example of each difference")
    options = parser.parse_args()
    options.bin = os.path.abspath(options.bin)
    maker = caddyfiles.Maker(options.seed, options.only)
    if options.families:
        print("\n".join(dict.fromkeys(maker.families)))
        return 0
    with tempfile.TemporaryDirectory(prefix="compare-") as parent:
        comparison = Comparison(options, parent)
        try:
            if options.show is not None or options.file:
                show(comparison, open(options.file, encoding="utf-8").read() if options.file else maker.make(options.show)[1])
                return 0
            started, results = time.time(), {}

            def one(index):
                family, text = maker.make(index)
                results[index] = (family, *comparison.compare(text, index))

            with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
                list(pool.map(one, range(options.count)))
            return 0 if report(results, maker, time.time() - started, options) <= options.allow else 1
        finally:
            comparison.server.stop()


if __name__ == "__main__":
    sys.exit(main())
