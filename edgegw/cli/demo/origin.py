"""The demo's origin: a tiny web server of its own, on a free port that it prints.

Serves the folder `pages`; ends when its standard input is closed, that is with the gateway.
"""

import functools
import http.server
import os
import pathlib
import sys
import threading

PAGES = pathlib.Path(__file__).parent / "pages"


class DemoHandler(http.server.SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = 64 * 1024  # head and body leave in one piece, as they do from servers in use

    def log_message(self, *_args):
        pass


def main():
    handler = functools.partial(DemoHandler, directory=str(PAGES))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    print(server.server_address[1], flush=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sys.stdin.read()
    os._exit(0)


main()
