#!/usr/bin/env python3
"""Sends the same requests to Caddy and to Pogo, serving the same sites, and prints what they answer otherwise.

    behave.py --bin target/debug/pogo --cases ../shared/conformance [--caddy PATH] [--only PATTERN] [-j N] [-v]

The sites stand in behave/*.cases, in the format of the recorded cases (the head of replay.py in DIR describes it):
a comment, a Caddyfile, a line `----------`, steps; a line `==========` between two. Beside status, headers and
body they compare what a site shows of itself: an access log that another site serves, the admin endpoint.
A comment line `# differs: REASON` marks where we differ on purpose; such a case counts apart, and must differ.

--only is a regular expression for `FILE/NUMBER TITLE`. What Caddy answers is kept in --cache and asked again
when the case, the recorded cases' tool or Caddy changes. Exits with 1 when a case differs that may not.
"""
import argparse
import concurrent.futures
import hashlib
import json
import os
import re
import shutil
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "tests", "conformance"))
import run  # noqa: E402  (the project's own player of recorded cases)

# One case is a few dozen requests at most; some of them wait for a timeout.
CASE_SECONDS = 150
DIFFERS = "# differs: "
# So much of a text that differs is shown.
SHOWN = 400


class Case:
    """One site with its requests."""

    def __init__(self, file, number, text):
        comments = [line for line in text.split("\n----------\n")[0].splitlines() if line.startswith("#")]
        title = comments[0].lstrip("# ") if comments else ""
        self.name = "%s/%d %s" % (file, number, title)
        self.text = text
        self.reason = next((line.removeprefix(DIFFERS) for line in comments if line.startswith(DIFFERS)), None)

    def answers(self, cases, binary, scratch):
        """What a binary answers to each step, as replay.py understands it; a text when it could not be asked."""
        path = os.path.join(tempfile.mkdtemp(dir=scratch), "x.case")
        with open(path, "w", encoding="utf-8") as file:
            file.write(self.text)
        out, said = cases.tool("replay.py", "show", path, "--bin", binary, "-v", "--fixture", cases.fixtures["http"],
                               seconds=CASE_SECONDS)
        if not (out or "").startswith(path):
            return said[-2000:]
        return json.JSONDecoder().raw_decode(out[len(path):].lstrip())[0]


def read_cases(only):
    """All cases whose name --only matches."""
    found = []
    folder = os.path.join(HERE, "behave")
    for file in sorted(f for f in os.listdir(folder) if f.endswith(".cases")):
        with open(os.path.join(folder, file), encoding="utf-8") as f:
            texts = f.read().split("\n==========\n")
        found += [Case(file.removesuffix(".cases"), number, text.strip("\n") + "\n") for number, text in enumerate(texts, 1)]
    return [case for case in found if re.search(only, case.name)]


class Comparison:
    """Both servers, and what Caddy has said already."""

    def __init__(self, cases, options, scratch):
        self.cases, self.options, self.scratch = cases, options, scratch
        os.makedirs(options.cache, exist_ok=True)
        caddy = os.stat(options.caddy)
        with open(cases.path("replay.py"), "rb") as tool:
            self.salt = b"%d %d " % (caddy.st_size, caddy.st_mtime_ns) + tool.read()

    def caddy(self, case):
        kept = os.path.join(self.options.cache, hashlib.sha256(self.salt + case.text.encode()).hexdigest() + ".json")
        if os.path.exists(kept):
            with open(kept, encoding="utf-8") as file:
                return json.load(file)
        said = case.answers(self.cases, self.options.caddy, self.scratch)
        if not starts(said):
            said = case.answers(self.cases, self.options.caddy, self.scratch)
        if starts(said):
            with open(kept + ".part", "w", encoding="utf-8") as file:
                json.dump(said, file)
            os.replace(kept + ".part", kept)
        return said

    def differences(self, case):
        """Lines that say where the answers differ; asked twice, as the machine is busy."""
        theirs = self.caddy(case)
        if not starts(theirs):
            return ["Caddy does not serve it: %s" % theirs]
        found = []
        for _ in range(2):
            found = list(differences(theirs, case.answers(self.cases, self.options.bin, self.scratch)))
            if not found:
                break
        return found


def starts(answers):
    """Whether a server came up and could be asked."""
    return isinstance(answers, list) and "start" not in answers[0]


def differences(theirs, ours, where=""):
    """Where two values of JSON differ, as lines."""
    if isinstance(theirs, dict) and isinstance(ours, dict):
        for key in sorted(set(theirs) | set(ours)):
            yield from differences(theirs.get(key), ours.get(key), "%s.%s" % (where, key))
    elif isinstance(theirs, list) and isinstance(ours, list) and len(theirs) == len(ours):
        for index, (one, two) in enumerate(zip(theirs, ours)):
            yield from differences(one, two, "%s[%d]" % (where, index))
    elif theirs != ours:
        start = 0
        if isinstance(theirs, str) and isinstance(ours, str):
            # Of long texts only what is around the first difference.
            start = max(0, len(os.path.commonprefix([theirs, ours])) - SHOWN // 3)
        shown = [json.dumps(v[start:start + SHOWN] if isinstance(v, str) else v)[:4 * SHOWN] for v in (theirs, ours)]
        yield "%s\n      Caddy %s\n      Pogo  %s" % (where, *shown)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", default="target/debug/pogo")
    parser.add_argument("--caddy", default=shutil.which("caddy") or os.path.expanduser("~/go/bin/caddy"))
    parser.add_argument("--cases", required=True, metavar="DIR", help="the recorded cases, with their tool and files")
    parser.add_argument("--only", default="")
    parser.add_argument("--cache", default="target/behave")
    parser.add_argument("-j", type=int, default=os.cpu_count() or 2)
    parser.add_argument("-v", action="store_true", help="show the whole case that differs")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="behave-") as scratch:
        options.bin, folder = os.path.abspath(options.bin), os.path.abspath(options.cases)
        comparison = Comparison(run.Cases(folder, options.bin, options.j, scratch), options, scratch)
        todo = read_cases(options.only)
        with concurrent.futures.ThreadPoolExecutor(max(1, options.j)) as pool:
            results = list(zip(todo, pool.map(comparison.differences, todo)))
        sys.exit(report(results, options.v))


def report(results, verbose):
    """Prints what differs, and says whether it may."""
    bad = meant = 0
    for case, found in results:
        if case.reason:
            meant += bool(found)
            if found:
                continue
            found = ["marked as differing, and does not"]
        if found:
            bad += 1
            print("%s\n%s%s" % (case.name, "".join("  %s\n" % line for line in found), case.text if verbose else ""))
    print("%d sites: %d differ, %d more differ on purpose" % (len(results), bad, meant))
    return 1 if bad else 0


if __name__ == "__main__":
    main()
