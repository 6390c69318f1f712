#!/usr/bin/env python3
"""Makes docs/browse.png: what `file_server browse` shows in a real browser, on a desk and on a phone.

    CHROMIUM=/usr/bin/chromium docs/browse.py [target/debug/pogo]

Serves a sample folder with the program and lets Chromium draw the listing, light and dark. Colours are
reduced by pngquant where that is installed.
"""
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
PICTURE = os.path.join(HERE, "browse.png")
SIZE = (1440, 700)
STAMP = 1790000000
FILES = {"annual-report.pdf": 2411223, "backup.tar.zst": 44040192, "form.html": 812, "intro.mp4": 18874368,
         "notes & ideas.md": 5321, "price-list.csv": 48211, "server.php": 2811}
# A frame for each look; the page is served beside the listing, which lets no other site frame it.
PAGE = """<!DOCTYPE html><body style="margin:0;background:#c9ced6;display:flex;gap:20px;padding:20px">
<style>iframe{border:0;border-radius:14px;height:660px}</style>
<iframe src="/docs/" style="flex:1"></iframe>
<iframe src="/docs/photos/?layout=grid" style="width:390px;color-scheme:dark"></iframe>"""
IMAGE = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 120 80"><rect width="120" height="80" fill="%s"/>
<circle cx="%d" cy="24" r="9" fill="#fff8"/><path d="M0 80 40 %d 70 62 95 40 120 80z" fill="#0005"/></svg>"""


def sample(root):
    """A folder with something of everything."""
    photos = os.path.join(root, "docs", "photos")
    os.makedirs(os.path.join(photos, "2025"))
    os.makedirs(os.path.join(root, "docs", "archive"))
    for name, size in FILES.items():
        with open(os.path.join(root, "docs", name), "wb") as file:
            file.truncate(size)
    for at, colour in enumerate(("#7aa2f7", "#9ece6a", "#e0af68", "#bb9af7")):
        with open(os.path.join(photos, "view-%d.svg" % (at + 1)), "w", encoding="utf-8") as file:
            file.write(IMAGE % (colour, 22 + 24 * at, 30 + 6 * at))
    with open(os.path.join(root, "frame.html"), "w", encoding="utf-8") as file:
        file.write(PAGE)
    for folder, _, files in os.walk(root, topdown=False):
        for at, name in enumerate([*sorted(files), ""]):
            when = STAMP - 86400 * at
            os.utime(os.path.join(folder, name), (when, when))


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def wait_for(port):
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        with socket.socket() as client:
            if client.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise SystemExit("pogo does not listen")


def main():
    pogo = os.path.abspath(sys.argv[1] if len(sys.argv) > 1 else os.path.join(HERE, "..", "target", "debug", "pogo"))
    with tempfile.TemporaryDirectory() as root:
        sample(root)
        port = free_port()
        server = subprocess.Popen([pogo, "file-server", "--browse", "--root", root, "--listen", "127.0.0.1:%d" % port],
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            wait_for(port)
            subprocess.run([os.environ.get("CHROMIUM", "chromium"), "--headless", "--no-sandbox", "--hide-scrollbars",
                            "--blink-settings=preferredColorScheme=1", "--window-size=%d,%d" % SIZE,
                            "--screenshot=" + PICTURE, "http://127.0.0.1:%d/frame.html" % port],
                           check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        finally:
            server.terminate()
            server.wait()
    if shutil.which("pngquant"):
        subprocess.run(["pngquant", "--force", "--speed", "1", "--strip", "--output", PICTURE, PICTURE], check=True)


if __name__ == "__main__":
    main()
