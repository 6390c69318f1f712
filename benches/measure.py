"""What the bench and the profilers share: servers side by side, load on them, and what it costs."""
import glob
import os
import re
import shutil
import signal
import socket
import subprocess
import time

HERE = os.path.dirname(os.path.abspath(__file__))
TICK = os.sysconf("SC_CLK_TCK")
WORKERS = 8

PAGES = {
    "public/hello.php": "<?php echo 'Hello, world!';\n",
    "public/worker.php": "<?php while (frankenphp_handle_request(function () { echo 'Hello, world!'; })) {}\n",
    "public/kib.txt": "x" * 1024,
    "task.php": "<?php while (frankenphp_handle_request(fn () => '{\"ok\":true,\"result\":null}')) {}\n",
    # Median times in microseconds: one task, eight at once, one with a long argument.
    "public/tasks.php": """<?php
function median(callable $work): float {
    for ($i = 0; $i < 300; $i++) { $work(); }
    $times = [];
    for ($i = 0; $i < 2000; $i++) { $start = hrtime(true); $work(); $times[] = hrtime(true) - $start; }
    sort($times);
    return $times[1000] / 1000;
}
$long = ['text' => str_repeat('x', 100_000)];
echo json_encode([
    'one' => median(fn () => pogo_await(pogo_spawn('No'))),
    'eight' => median(function () {
        $tasks = [];
        for ($i = 0; $i < 8; $i++) { $tasks[] = pogo_spawn('No'); }
        foreach ($tasks as $task) { pogo_await($task); }
    }),
    'long' => median(fn () => pogo_await(pogo_spawn('No', $long))),
]);
""",
}

CADDYFILE = """{
	admin off
	frankenphp {
		num_threads %(threads)d
		%(worker)s
	}
	%(pogo)s
}
:%(port)d {
	root public
	respond /fixed "Hello, world!"
	php_server
}
"""

NGINX = """
daemon off; worker_processes auto; pid %(folder)s/nginx.pid; error_log %(folder)s/nginx.error;
events { worker_connections 1024; }
http {
    access_log off; client_body_temp_path %(folder)s/nginx-body; fastcgi_temp_path %(folder)s/nginx-fastcgi;
    proxy_temp_path %(folder)s/nginx-proxy; uwsgi_temp_path %(folder)s/nginx-uwsgi; scgi_temp_path %(folder)s/nginx-scgi;
    sendfile on; tcp_nopush on; keepalive_requests 100000000; types { text/plain txt; }
    server {
        listen 127.0.0.1:%(port)d backlog=1024; root %(folder)s/public;
        location = /fixed { return 200 "Hello, world!"; }
        location ~ \\.php$ {
            include /etc/nginx/fastcgi_params;
            fastcgi_param SCRIPT_FILENAME $document_root$fastcgi_script_name;
            fastcgi_pass unix:%(folder)s/fpm.sock;
        }
    }
}
"""

FPM = """
[global]
daemonize = no
error_log = %(folder)s/fpm.error
[www]
listen = %(folder)s/fpm.sock
listen.backlog = 1024
pm = static
pm.max_children = %(threads)d
%(user)s
"""


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def prepare(folder):
    shutil.rmtree(folder, ignore_errors=True)
    for name, text in PAGES.items():
        path = os.path.join(folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w") as f:
            f.write(text)
    os.chmod(folder, 0o755)


class Server:
    """One or more processes that together answer on a port."""

    def __init__(self, name, folder, commands, port):
        self.name, self.folder, self.commands, self.port, self.running = name, folder, commands, port, []

    def start(self, path="/hello.php"):
        """Starts it; the seconds from there to the first answer."""
        begun = time.monotonic()
        with open(os.path.join(self.folder, self.name + ".log"), "ab") as log:
            for command in self.commands:
                self.running.append(subprocess.Popen(command, cwd=self.folder, stdin=subprocess.DEVNULL,
                                                     stdout=log, stderr=log, start_new_session=True))
        while not self.answers(path):
            if time.monotonic() > begun + 60 or any(p.poll() is not None for p in self.running):
                self.stop()
                raise SystemExit("%s did not start: see %s/%s.log" % (self.name, self.folder, self.name))
            time.sleep(0.0005)
        return time.monotonic() - begun

    def answers(self, path):
        try:
            return self.get(path).startswith(b"HTTP/1.1 200")
        except OSError:
            return False

    def get(self, path):
        with socket.create_connection(("127.0.0.1", self.port), 60) as s:
            s.sendall(b"GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n" % path.encode())
            answer = b""
            while part := s.recv(65536):
                answer += part
        return answer

    def stop(self):
        for process in self.running:
            process.send_signal(signal.SIGTERM)
        for process in self.running:
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.running = []

    def pids(self):
        children = {}
        for stat in glob.glob("/proc/[0-9]*/stat"):
            try:
                fields = open(stat).read().rpartition(")")[2].split()
            except OSError:
                continue
            children.setdefault(int(fields[1]), []).append(int(stat.split("/")[2]))
        found = [p.pid for p in self.running]
        for pid in found:
            found.extend(children.get(pid, []))
        return found

    def cpu(self):
        """User and system seconds of all its processes, and of those already reaped."""
        ticks = 0
        for pid in self.pids():
            try:
                fields = open("/proc/%d/stat" % pid).read().rpartition(")")[2].split()
            except OSError:
                continue
            ticks += sum(int(f) for f in fields[11:15])
        return ticks / TICK

    def pss(self, part):
        """Kilobytes of the processes whose title holds `part`, and how many they are."""
        total = count = 0
        for pid in self.pids():
            try:
                title = open("/proc/%d/cmdline" % pid).read()
                rollup = open("/proc/%d/smaps_rollup" % pid).read()
            except OSError:
                continue
            if part in title:
                total += int(re.search(r"^Pss:\s+(\d+)", rollup, re.M)[1])
                count += 1
        return total, count


def pogo(binary, folder, name, worker="", tasks=False, threads=WORKERS):
    port = free_port()
    text = CADDYFILE % {
        "port": port, "threads": threads + (1 if worker else 0), "worker": worker,
        "pogo": "pogo {\n\t\tworker task.php\n\t\tnum_threads 8\n\t}" if tasks else "",
    }
    caddyfile = os.path.join(folder, name + ".caddyfile")
    with open(caddyfile, "w") as f:
        f.write(text)
    return Server(name, folder, [[os.path.abspath(binary), "run", "--config", caddyfile]], port)


def nginx(folder, threads=WORKERS):
    values = {"folder": folder, "port": free_port(), "threads": threads,
              "user": "user = root\ngroup = root" if os.geteuid() == 0 else ""}
    for name, text in (("nginx.conf", NGINX), ("fpm.conf", FPM)):
        with open(os.path.join(folder, name), "w") as f:
            f.write(("user root;" if name == "nginx.conf" and os.geteuid() == 0 else "") + text % values)
    version = subprocess.run(["php-config", "--version"], capture_output=True, text=True).stdout
    fpm = "php-fpm" + ".".join(version.split(".")[:2])
    fpm = shutil.which(fpm) or "/usr/sbin/" + fpm
    fpm = [fpm, "-F", "-y", folder + "/fpm.conf"] + (["-R"] if os.geteuid() == 0 else [])
    web = [shutil.which("nginx") or "/usr/sbin/nginx", "-c", folder + "/nginx.conf", "-e", folder + "/nginx.error"]
    return Server("nginx", folder, [fpm, web], values["port"])


UNITS = {"us": 1.0, "ms": 1e3, "s": 1e6, "m": 60e6}


def load(server, path, connections, seconds, port=None, extra=()):
    """Load on a server: requests/s, p99 and CPU per request, both in microseconds."""
    command = ["wrk", "--latency", "-t", str(min(2, connections)), "-c", str(connections), *extra]
    url = "http://127.0.0.1:%d%s" % (port or server.port, path)
    subprocess.run(command + ["-d", "1s", url], capture_output=True, check=True)
    before = server.cpu()
    out = subprocess.run(command + ["-d", "%ds" % seconds, url], capture_output=True, text=True, check=True).stdout
    used = server.cpu() - before
    if "Non-2xx" in out or "Socket errors" in out:
        raise SystemExit("%s %s with %d connections: not every answer was good\n%s"
                         % (server.name, path, connections, out))
    requests = int(re.search(r"(\d+) requests in", out)[1])
    p99 = re.search(r"^\s+99%\s+([\d.]+)(us|ms|s|m)", out, re.M)
    return {"rate": float(re.search(r"Requests/sec:\s+([\d.]+)", out)[1]),
            "p99": float(p99[1]) * UNITS[p99[2]], "cpu": used / requests * 1e6}
