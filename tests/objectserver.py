"""A local S3 server: moto's, with the one thing it leaves out, atomic conditions.

As a program it serves until its parent ends, and prints its port first.
"""

import os
import subprocess
import sys
import threading
import time
import urllib.request


class ObjectServer:
    """A server in a process of its own.

    Attributes:
        endpoint: Its address.
    """

    def __init__(self, round_trip_seconds=0.0):
        """Start it; each answer takes a while, as over a network."""
        self._process = subprocess.Popen(
            [sys.executable, __file__, str(round_trip_seconds)],
            stdout=subprocess.PIPE,
            text=True,
        )
        self.endpoint = f"http://127.0.0.1:{int(self._process.stdout.readline())}"

    def environment(self):
        """Return the variables by which everybody finds it."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": "key",
            "AWS_SECRET_ACCESS_KEY": "secret",
            "AWS_REGION": "us-east-1",
        }

    def make_bucket(self, name):
        """Make an empty bucket."""
        address = f"{self.endpoint}/{name}"
        urllib.request.urlopen(urllib.request.Request(address, method="PUT")).close()

    def stop(self):
        """Stop it."""
        self._process.kill()
        self._process.wait()
        self._process.stdout.close()


def serve(round_trip_seconds):
    """Serve until killed."""
    from moto.server import DomainDispatcherApplication, create_backend_app  # slow
    from werkzeug.serving import WSGIRequestHandler, make_server

    class Handler(WSGIRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_request(self, *_args):
            """Say nothing."""

    serve_one = DomainDispatcherApplication(create_backend_app)
    mutex = threading.Lock()

    def serve_in_turn(environ, start_response):
        time.sleep(round_trip_seconds)
        with mutex:  # or two writers might both find that there is no object yet
            return serve_one(environ, start_response)

    server = make_server(
        "127.0.0.1", 0, serve_in_turn, threaded=True, request_handler=Handler
    )
    threading.Thread(target=watch_parent, daemon=True).start()
    print(server.server_port, flush=True)
    server.serve_forever()


def watch_parent():
    """End when the tests do, however they end."""
    parent = os.getppid()
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(0)


if __name__ == "__main__":
    serve(float(sys.argv[1]))
