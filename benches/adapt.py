#!/usr/bin/env python3
"""Measures `adapt` on a generated Caddyfile of many sites: time and peak memory, beside an installed Caddy.

    adapt.py --bin PATH [--caddy PATH] [--sites 5000] [--rounds 3] [--keep FILE]

The sites use snippets with arguments, matchers, nested handles, proxies and `tls`. The best of the rounds
counts, of Caddy the only one: it takes a quarter of a minute. Then twice as many sites are adapted: time should grow linearly. Without a
Caddy only that is measured. Exits with 1 when a bound of issue 4 does not hold: half of Caddy's time and
memory, and 2.3 times as long for twice as many sites.
"""
import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time

HEAD = """{
	email admin@example.com
	servers {
		trusted_proxies static private_ranges
	}
}
(static) {
	encode gzip
	header {
		-Server
		Strict-Transport-Security "max-age=31536000; includeSubDomains"
		X-Site {args[0]}
	}
	@assets path /assets/* *.css *.js
	header @assets Cache-Control "public, max-age=3600"
	root * /srv/{args[0]}
}
(proxied) {
	@api {
		path /api/*
		method GET POST PUT
	}
	handle @api {
		reverse_proxy {args[0]}:{args[1]} {
			header_up X-Forwarded-Site {host}
			lb_policy first
		}
	}
}
"""
SITES = [
    """%(name)s, www.%(name)s {
	import static %(name)s
	tls ops@%(name)s {
		protocols tls1.2 tls1.3
	}
	@old path /old/* /older/*
	redir @old /new{uri} permanent
	file_server
}
""",
    """%(name)s {
	import static %(name)s
	import proxied app%(number)d 8080
	handle {
		try_files {path} /index.html
		file_server
	}
}
""",
    """%(name)s {
	tls internal
	import proxied 10.0.0.%(octet)d 9000
	handle_path /docs/* {
		root * /srv/docs
		file_server browse
	}
	respond /health 200
	log {
		output stdout
	}
}
""",
    """http://%(name)s {
	redir https://%(name)s{uri}
}
""",
]


def caddyfile(sites):
    values = ({"name": "site%d.example.com" % n, "number": n, "octet": n % 250} for n in range(sites))
    return HEAD + "".join(SITES[n % len(SITES)] % value for n, value in enumerate(values))


def adapt(binary, file):
    """Seconds of processor time, seconds elapsed, and peak memory in kB of one run."""
    started = time.perf_counter()
    with subprocess.Popen([binary, "adapt", "--config", file, "--adapter", "caddyfile"],
                          stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        said = process.stderr.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    elapsed = time.perf_counter() - started
    if process.returncode:
        sys.exit("%s adapt failed: %s" % (binary, said.decode("utf-8", "replace")[:500]))
    return usage.ru_utime + usage.ru_stime, elapsed, usage.ru_maxrss


def best(binary, files, rounds):
    """The least of each figure for each file, the files in turn."""
    runs = {file: [] for file in files}
    for _ in range(rounds):
        for file in files:
            runs[file].append(adapt(binary, file))
    return {file: tuple(min(column) for column in zip(*rows)) for file, rows in runs.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", required=True)
    parser.add_argument("--caddy", default=shutil.which("caddy") or os.path.expanduser("~/go/bin/caddy"))
    parser.add_argument("--sites", type=int, default=5000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--keep", help="write the Caddyfile here, too")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="adapt-") as folder:
        files = []
        for count in (options.sites, 2 * options.sites):
            files.append(os.path.join(folder, "Caddyfile.%d" % count))
            with open(files[-1], "w", encoding="utf-8") as file:
                file.write(caddyfile(count))
        if options.keep:
            shutil.copy(files[0], options.keep)
        ours = best(os.path.abspath(options.bin), files, options.rounds)
        theirs = best(options.caddy, files[:1], 1) if os.path.exists(options.caddy) else {}
    print("| adapt | sites | CPU s | elapsed s | peak MB |\n|---|---|---|---|---|")
    row = "| %s | %d | %.3f | %.3f | %.1f |"
    for name, runs in (("Caddy", theirs), ("pogo", ours)):
        for file, (cpu, elapsed, peak) in runs.items():
            print(row % (name, int(file.rsplit(".", 1)[1]), cpu, elapsed, peak / 1024))
    one, two = ours[files[0]], ours[files[1]]
    bounds = [("twice the sites, CPU time", two[0] / one[0], 2.3)]
    if theirs:
        caddy = theirs[files[0]]
        bounds += [("of Caddy's CPU time", one[0] / caddy[0], 0.5), ("of Caddy's memory", one[2] / caddy[2], 0.5)]
    for what, ratio, most in bounds:
        print("| **%s** | | | **%.2f** | at most %.1f |" % (what, ratio, most))
    return 0 if all(ratio <= most for _, ratio, most in bounds) else 1


if __name__ == "__main__":
    sys.exit(main())
