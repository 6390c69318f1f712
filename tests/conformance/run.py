#!/usr/bin/env python3
"""Plays the recorded cases of Caddy and FrankenPHP against the binary, with the tools that come with them.

    run.py --cases DIR --bin PATH [--update] [--only PREFIX] [-j N] [-v]

Prints the score of each folder. Fails when a case that passing.txt lists fails. --update adds what passes
and is not listed yet; nothing is ever taken off that list by this program. differences.txt lists the cases
in which we differ on purpose, each with its reason; they count apart.
"""
import argparse
import concurrent.futures
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
PASSING = os.path.join(HERE, "passing.txt")
DIFFERENCES = os.path.join(HERE, "differences.txt")
# No tool runs longer than this: one case of a site, or a whole folder of adaptations.
CASE_SECONDS = 150
FOLDER_SECONDS = 600
SITES = ("http", "php", "pogo")


class Cases:
    """The handed-over folder: which cases there are, and how each is played."""

    def __init__(self, folder, binary, jobs, scratch):
        self.folder, self.binary, self.jobs = folder, binary, jobs
        self.fixtures = {suite: self.mended(suite, os.path.join(scratch, suite)) for suite in SITES}

    def path(self, *parts):
        return os.path.join(self.folder, *parts)

    def mended(self, suite, copy):
        """A suite's fixture; a copy with its symbolic links, where the handing over made files of them."""
        original = self.path(suite, "fixture")
        links = []
        for folder, _, files in os.walk(original):
            for name in files:
                path = os.path.join(folder, name)
                with open(path, "rb") as f:
                    target = f.read(256)
                if re.fullmatch(rb"[\w./-]+", target) and os.path.exists(os.path.join(folder, target.decode())):
                    links.append((os.path.relpath(path, original), target.decode()))
        if not links:
            return original
        shutil.copytree(self.path(suite, "fixture"), copy + "/fixture", symlinks=True, copy_function=shutil.copyfile)
        subprocess.run(["chmod", "-R", "u+w", copy], check=True)
        for path, target in links:
            os.remove(os.path.join(copy, "fixture", path))
            os.symlink(target, os.path.join(copy, "fixture", path))
        if os.path.isdir(self.path(suite, "ini")):
            shutil.copytree(self.path(suite, "ini"), copy + "/ini")
        return copy + "/fixture"

    def tool(self, script, *args, seconds):
        command = [sys.executable, self.path(script)] + list(args)
        try:
            done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=seconds,
                                  cwd=self.folder, env=dict(os.environ, PYTHONDONTWRITEBYTECODE="1"))
        except subprocess.TimeoutExpired:
            return None, "took longer than %d s" % seconds
        return done.stdout, done.stdout + done.stderr

    def batch(self, suite, ids, script, *args, mark):
        """A tool that plays a whole folder and prints a line for each case that fails."""
        out, said = self.tool(script, "--bin", self.binary, *args, seconds=FOLDER_SECONDS)
        if out is None or not re.search(r"^\d+ of \d+\s*$", out, re.M):
            return {i: (False, said[-2000:]) for i in ids}
        failing = {}
        for line in out.splitlines():
            if line.startswith(mark + " "):
                failing[line] = True
        results = {}
        for i, needle in ids.items():
            line = next((l for l in failing if l.startswith(mark + " " + needle)
                         and not re.match(r"[\w.-]", l[len(mark) + 1 + len(needle):])), None)
            results[i] = (line is None, line or "")
        return results

    def listing(self, folder, ending):
        return sorted(f for f in os.listdir(self.path(folder)) if f.endswith(ending))

    def caddyfile_adapt(self):
        ids = {"caddyfile_adapt/" + f.removesuffix(".caddyfiletest"): f
               for f in self.listing("caddyfile_adapt", "") if os.path.isfile(self.path("caddyfile_adapt", f))}
        return self.batch("caddyfile_adapt", ids, "adapt/goldens.py", "--dir", "caddyfile_adapt",
                          "-v", "-j", str(self.jobs), mark="FAIL")

    def adapt(self):
        ids = {}
        for kind, ending in (("ok", ".caddyfiletest"), ("err", ".caddyfiletest"), ("err_validate", ".caddyfiletest"),
                             ("fmt", ".in"), ("warn", ".caddyfiletest")):
            for f in self.listing("adapt/" + kind, ending):
                name = kind + "/" + f.removesuffix(ending)
                ids["adapt/" + name] = name
        return self.batch("adapt", ids, "adapt/check.py", "-j", str(self.jobs), mark="FAIL")

    def php_adapt(self):
        ids = {"php_adapt/" + f.removesuffix(".caddyfiletest"): f for f in self.listing("php_adapt", ".caddyfiletest")}
        return self.batch("php_adapt", ids, "php_adapt/check.py", mark="BAD")

    def config_errors(self):
        with open(self.path("config_errors", "cases.json")) as f:
            ids = {"config_errors/" + c["name"]: c["name"] for c in json.load(f)}
        return self.batch("config_errors", ids, "config_errors/check.py", mark="BAD")

    def cli(self):
        with open(self.path("cli", "cases.json")) as f:
            ids = {"cli/" + " ".join(c["args"]): str(c["args"]) for c in json.load(f)}
        return self.batch("cli", ids, "cli/check.py", mark="BAD")

    def site_cases(self, suite):
        for folder, _, files in sorted(os.walk(self.path(suite))):
            for name in sorted(files):
                path = os.path.join(folder, name)
                if name.endswith(".case"):
                    with open(path, encoding="utf-8") as f:
                        if "thread-specific" not in f.readline():
                            yield os.path.relpath(path, self.folder).removesuffix(".case"), path

    def site(self, path):
        """One small site: (passed, what was said)."""
        fixture = self.fixtures[os.path.relpath(path, self.folder).split(os.sep)[0]]
        with open(path, encoding="utf-8") as f:
            run = re.search(r"^@ run (.*)\n", text := f.read(), re.M)
        args = ["--fixture", fixture] if os.path.isdir(fixture) else []
        if not run:
            return self.replay(path, *args)
        # The step names the command line, which replay.py takes as an option only.
        with tempfile.TemporaryDirectory() as copy:
            case = os.path.join(copy, os.path.basename(path))
            with open(case, "w", encoding="utf-8") as f:
                f.write(text.replace(run[0], ""))
            shutil.copy(path.removesuffix(".case") + ".ref.json", copy)
            return self.replay(case, "--run", run[1], *args)

    def replay(self, path, *args):
        out, said = self.tool("replay.py", "check", path, "--bin", self.binary, "-v", *args, seconds=CASE_SECONDS)
        lines = (out or "").strip().splitlines()
        return bool(lines) and lines[-1].startswith("1 of 1"), said


def read_list(path):
    """The ids of a list, each with what stands behind ` # `."""
    found = {}
    if os.path.exists(path):
        with open(path, encoding="utf-8") as f:
            for line in f:
                line = line.rstrip("\n")
                if line and not line.startswith("#"):
                    # A case's name may end with a space.
                    case, _, reason = line.partition(" # ")
                    found[case] = reason.strip()
    return found


def play(cases, only):
    """Every case's (passed, said), by its id."""
    results = {}
    for suite in ("caddyfile_adapt", "adapt", "php_adapt", "config_errors", "cli"):
        if os.path.isdir(cases.path(suite)) and suite.startswith(only.split("/")[0]):
            results.update(getattr(cases, suite)())
            score(suite, results)
    for suite in SITES:
        todo = [(i, p) for i, p in cases.site_cases(suite) if i.startswith(only)]
        if not todo:
            continue
        with concurrent.futures.ThreadPoolExecutor(cases.jobs) as pool:
            results.update(zip([i for i, _ in todo], pool.map(cases.site, [p for _, p in todo])))
        score(suite, results)
    return {i: r for i, r in results.items() if i.startswith(only)}


def score(suite, results):
    mine = [passed for i, (passed, _) in results.items() if i.split("/")[0] == suite]
    print("%-16s %4d of %d" % (suite, sum(mine), len(mine)), flush=True)


def again(cases, results, case):
    """A site that is known to pass gets a second chance, alone: the first shared the machine."""
    if case.split("/")[0] in SITES:
        results[case] = cases.site(cases.path(case + ".case"))
    return results[case][0]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", required=True)
    parser.add_argument("--bin", required=True)
    parser.add_argument("--update", action="store_true")
    parser.add_argument("--only", default="", help="the beginning of the ids to play")
    parser.add_argument("-j", type=int, default=os.cpu_count() or 2)
    parser.add_argument("-v", action="store_true", help="say why each case fails")
    options = parser.parse_args()
    if not os.path.isdir(options.cases):
        parser.error("no folder %s: CONFORMANCE=DIR names the recorded cases" % options.cases)
    with tempfile.TemporaryDirectory() as scratch:
        cases = Cases(os.path.abspath(options.cases), os.path.abspath(options.bin), max(1, options.j), scratch)
        sys.exit(judge(cases, options))


def judge(cases, options):
    """Plays, reports, and says whether a case was lost."""
    passing, differences = read_list(PASSING), read_list(DIFFERENCES)
    results = play(cases, options.only)

    failing = sorted(i for i, (passed, _) in results.items() if not passed)
    if options.v:
        for case in failing:
            print("\n--- %s\n%s" % (case, results[case][1].strip()[-3000:]))
    lost = [i for i in failing if i in passing and not again(cases, results, i)]
    meant = [i for i in failing if i in differences]
    new = sorted(i for i, (passed, _) in results.items() if passed and i not in passing)
    for case in sorted(i for i in differences if results.get(i, (False,))[0]):
        print("differences.txt lists a case that passes: %s" % case)
    print("%d of %d pass; %d of the others differ on purpose (differences.txt)"
          % (len(results) - len(failing), len(results), len(meant)))
    if options.update and new:
        with open(PASSING, "w", encoding="utf-8") as f:
            f.write("# The recorded cases that pass. This list only grows: make conformance-update.\n")
            f.writelines(i + "\n" for i in sorted(set(passing) | set(new)))
        print("passing.txt: %d more" % len(new))
    elif new:
        print("%d pass that passing.txt does not list yet: make conformance-update" % len(new))
    for case in lost:
        print("\nLOST %s: it passed before\n%s" % (case, results[case][1].strip()[-3000:]))
    return 1 if lost else 0


if __name__ == "__main__":
    main()
