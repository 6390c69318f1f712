#!/usr/bin/env python3
"""Measures the web server beside nginx, and beside Caddy where there is one, in one run on loopback.

    web.py --bin PATH [--caddy PATH] [--seconds N] [--rounds N] [--connections N] [--only WORD] [--folder DIR]

Pogo and Caddy read the same Caddyfile. CPU per request is user + system time of all of a server's processes; the
load generator's is not in it; of all rounds, in which the servers take turns, the one with the median is shown. Ratios
are to nginx, except where a line names something else.
"""
import argparse
import contextlib
import os
import resource
import shutil
import socket
import time

import measure

HOSTS = 1000
IDLE = 10_000
SIZES = {"kib.txt": 1 << 10, "100kib.bin": 100 << 10, "10mib.bin": 10 << 20}
# One port for each kind of site, so that what one needs costs the others nothing.
PORTS = ("plain", "hosts", "paths", "gzip", "log")

# What is asked: its name, the kind of site, the path, and what of each request differs.
WORK = [
    ("respond", "plain", "/fixed", None),
    ("static 1 KiB", "plain", "/kib.txt", None),
    ("static 100 KiB", "plain", "/100kib.bin", None),
    ("static 10 MiB", "plain", "/10mib.bin", None),
    ("1,000 hosts", "hosts", "/", "hosts"),
    ("1,000 paths", "paths", "/p500", "paths"),
    ("gzip, 16 KiB of text", "gzip", "/text.txt", None),
    ("respond, access log", "log", "/fixed", None),
]

# Scripts for wrk, which go through all hosts and paths. They cost the load generator, not the server.
LUA = """
local all, at = {}, 0
function init()
    for i = 1, %(count)d do
        local n = (i * 7919) %% %(count)d
        all[i] = %(format)s
    end
end
function request()
    at = at %% %(count)d + 1
    return all[at]
end
"""
FORMATS = {
    "hosts": 'wrk.format("GET", "/", {["Host"] = "h" .. n .. ".example.com"})',
    "paths": 'wrk.format("GET", "/p" .. n)',
}


def caddyfile(ports, folder):
    sites = [
        "{\n\tadmin off\n\tauto_https off\n\tpersist_config off\n\tlog {\n\t\toutput discard\n\t}\n}",
        'http://:%(plain)d {\n\troot public\n\trespond /fixed "Hello, world!"\n\tfile_server\n}',
        "http://:%(gzip)d {\n\troot public\n\tencode gzip\n\tfile_server\n}",
        'http://:%(log)d {\n\tlog {\n\t\toutput file ' + folder + '/access-{$NAME}.log {\n\t\t\troll_disabled\n\t\t}\n\t}\n'
        '\trespond /fixed "Hello, world!"\n}',
        "http://:%(paths)d {\n" + "".join('\trespond /p%d "Hello, world!"\n' % n for n in range(HOSTS)) + "}",
    ]
    sites += ['http://h%d.example.com:%%(hosts)d {\n\trespond "Hello, world!"\n}' % n for n in range(HOSTS)]
    return "\n".join(sites) % ports + "\n"


def nginx_conf(ports, folder):
    fixed = 'return 200 "Hello, world!";'
    servers = [
        "server { listen 127.0.0.1:%%(plain)d backlog=1024; root %s/public; location = /fixed { %s } }" % (folder, fixed),
        "server { listen 127.0.0.1:%%(gzip)d backlog=1024; root %s/public; gzip on; gzip_types text/plain; gzip_comp_level 5; }" % folder,
        "server { listen 127.0.0.1:%%(log)d backlog=1024; access_log %s/access-nginx.log; location / { %s } }"
        % (folder, fixed),
        "server { listen 127.0.0.1:%(paths)d backlog=1024; "
        + " ".join("location = /p%d { %s }" % (n, fixed) for n in range(HOSTS)) + " }",
    ]
    servers += ["server { listen 127.0.0.1:%%(hosts)d; server_name h%d.example.com; location / { %s } }" % (n, fixed)
                for n in range(HOSTS)]
    head = ("user root; " if os.geteuid() == 0 else "") + (
        "daemon off; worker_processes auto; pid %(f)s/web.pid; error_log %(f)s/web.error;\n"
        "worker_rlimit_nofile 65536; events { worker_connections 32768; }\n"
        "http { access_log off; sendfile on; tcp_nopush on; keepalive_requests 100000000; keepalive_timeout 600;\n"
        "types { text/plain txt; application/octet-stream bin; } server_names_hash_max_size 16384;\n"
        "client_body_temp_path %(f)s/b; proxy_temp_path %(f)s/p; fastcgi_temp_path %(f)s/f; uwsgi_temp_path %(f)s/u;\n"
        "scgi_temp_path %(f)s/s;\n" % {"f": folder})
    return head + "\n".join(servers) % ports + "\n}\n"


def server(name, folder, command, make):
    """A server with a port for each kind of site, and its configuration written."""
    ports = {kind: measure.free_port() for kind in PORTS}
    path = os.path.join(folder, name + ".conf")
    with open(path, "w") as f:
        f.write(make(ports, folder))
    os.environ["NAME"] = name
    made = measure.Server(name, folder, [[part.replace("CONF", path) for part in command]], ports["plain"])
    made.ports = ports
    return made


def servers(options, folder):
    web = [shutil.which("nginx") or "/usr/sbin/nginx", "-c", "CONF", "-e", folder + "/web.error"]
    yield server("nginx", folder, web, nginx_conf)
    run = ["run", "--config", "CONF", "--adapter", "caddyfile"]
    # A Caddyfile's environment is read when it starts.
    for name, binary in (("pogo", options.bin), ("caddy", options.caddy)):
        if binary and os.path.exists(binary):
            yield server(name, folder, ["/usr/bin/env", "NAME=" + name, os.path.abspath(binary)] + run, caddyfile)


def prepare(folder):
    measure.prepare(folder)
    for name, size in SIZES.items():
        with open(os.path.join(folder, "public", name), "wb") as f:
            f.write(b"x" * size)
    words = ["%d bottles of %s" % (n, ("beer", "wine", "milk")[n % 3]) for n in range(1000)]
    with open(os.path.join(folder, "public", "text.txt"), "w") as f:
        f.write("\n".join(words)[:16384])
    for kind, text in FORMATS.items():
        with open(os.path.join(folder, kind + ".lua"), "w") as f:
            f.write(LUA % {"count": HOSTS, "format": text})


def ask(target, folder, kind, path, differs, options):
    extra = ["-s", os.path.join(folder, differs + ".lua")] if differs else []
    if kind == "gzip":
        extra += ["-H", "Accept-Encoding: gzip"]
    return measure.load(target, path, options.connections, options.seconds, port=target.ports[kind], extra=extra)


def throughput(running, folder, options):
    print("%d connections\n" % options.connections)
    print("| work | | requests/s | p99 µs | CPU µs/request | CPU to nginx's |\n|---|---|---|---|---|---|")
    seen = {}
    for work, kind, path, differs in WORK:
        if options.only and options.only not in work:
            continue
        rounds = [[ask(target, folder, kind, path, differs, options) for target in running]
                  for _ in range(options.rounds)]
        for target, answers in zip(running, zip(*rounds)):
            got = sorted(answers, key=lambda answer: answer["cpu"])[options.rounds // 2]
            seen[work, target.name] = got
            ratio = got["cpu"] / seen[work, "nginx"]["cpu"]
            print("| %s | %s | %.0f | %.0f | %.1f | %s |" % (
                work, target.name, got["rate"], got["p99"], got["cpu"],
                "" if target.name == "nginx" else "**%.2f**" % ratio), flush=True)
    compare(seen, "1,000 hosts", "respond", "1,000 hosts to one host")
    compare(seen, "1,000 paths", "respond", "1,000 paths to one path")
    compare(seen, "respond, access log", "respond", "access log to none")


def compare(seen, work, base, title):
    for name in ("nginx", "pogo", "caddy"):
        if (work, name) in seen and (base, name) in seen:
            print("\n%s, %s: CPU %.2f" % (title, name, seen[work, name]["cpu"] / seen[base, name]["cpu"]))


def idle(target, options):
    """What connections cost that have asked once and stay, and whether others are served meanwhile."""
    total = lambda: target.pss("")[0]
    measure.load(target, "/fixed", options.connections, 1)
    before = total()
    with contextlib.ExitStack() as held:
        for _ in range(IDLE):
            connection = held.enter_context(socket.create_connection(("127.0.0.1", target.port), 30))
            connection.sendall(b"GET /fixed HTTP/1.1\r\nHost: localhost\r\n\r\n")
            if not connection.recv(4096).startswith(b"HTTP/1.1 200"):
                raise SystemExit("%s refused one of %d connections" % (target.name, IDLE))
        kilobytes = total() - before
        busy = measure.load(target, "/fixed", options.connections, options.seconds)
    print("| %s | %.1f | %.0f | %.1f |" % (target.name, kilobytes / IDLE, busy["rate"], busy["cpu"]), flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", required=True)
    parser.add_argument("--caddy", default="")
    parser.add_argument("--seconds", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--only", help="only the work whose name holds this")
    parser.add_argument("--folder", default=os.path.join(measure.HERE, "..", "target", "bench-web"))
    options = parser.parse_args()
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    folder = os.path.abspath(options.folder)
    prepare(folder)
    running = list(servers(options, folder))
    try:
        for target in running:
            target.start("/fixed")
        time.sleep(1)
        throughput(running, folder, options)
        if not options.only or options.only in "idle":
            print("\n| %d idle connections | KiB for each (PSS) | requests/s beside them | CPU µs/request |" % IDLE)
            print("|---|---|---|---|")
            for target in running:
                idle(target, options)
    finally:
        for target in running:
            target.stop()


if __name__ == "__main__":
    main()
