#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Servers as health checks meet them, and a client that never stops.

  checked.py udp PORT TEXT       answers each datagram with TEXT; an empty TEXT: with nothing
  checked.py http PORT STATUSES  answers with each status of the comma list in turn, each with an
                                 optional count (200x9,500)
  checked.py send ADDRESS PORT   1,000 datagrams a second from one socket, whatever comes back

The servers print a line when they are ready, then one for each request.
"""

import http.server
import itertools
import socket
import sys
import threading


def udp(port, text):
    """Answer datagrams."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(("", port))
    print("ready", flush=True)
    while True:
        data, peer = sock.recvfrom(2048)
        print(data.decode(errors="replace"), flush=True)
        if text:
            sock.sendto(text.encode(), peer)


def http_statuses(port, statuses):
    """Answer requests with statuses in turn."""
    turns = []
    for part in statuses.split(","):
        status, _, count = part.partition("x")
        turns += [int(status)] * int(count or 1)
    following = itertools.cycle(turns)

    class Handler(http.server.BaseHTTPRequestHandler):
        """Whatever the path."""

        def answer(self):
            """The next status."""
            status = next(following)
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()
            print(self.command, self.path, self.headers.get("Host"), status, flush=True)

        do_GET = do_HEAD = answer

        def log_message(self, format, *args):  # pylint: disable=redefined-builtin
            """Our own lines are the log."""

    server = http.server.ThreadingHTTPServer(("", port), Handler)
    print("ready", flush=True)
    server.serve_forever()


def send(address, port):
    """Send until killed."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.connect((address, port))
    pace = threading.Event()
    for number in itertools.count():
        try:
            sock.send(str(number).encode())
        except OSError:
            pass  # an ICMP error for an earlier datagram
        pace.wait(0.001)


def main():
    """The sub-command."""
    command, first, *rest = sys.argv[1:]
    if command == "udp":
        udp(int(first), rest[0])
    elif command == "http":
        http_statuses(int(first), rest[0])
    elif command == "send":
        send(first, int(rest[0]))
    else:
        raise SystemExit(__doc__)


if __name__ == "__main__":
    main()
