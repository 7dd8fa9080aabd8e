#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Programs for the ends of the tests' traffic: servers that say who they are, clients that keep
count. Times are CLOCK_MONOTONIC, which all namespaces share.

  ends.py echo PORT                        TCP and UDP, sends back what comes
  ends.py name PORT NAME                   UDP: answers "NAME TTL DATAGRAM", but "ping" to a "ping"
  ends.py ask ADDRESS PORT SOURCE MS       UDP from one source port, a number every MS milliseconds
  ends.py load ADDRESS PORT THREADS        HTTP, one request after the other, a connection each
  ends.py payloads tcp|udp ADDRESS PORT N  N random payloads to an echo, compared
  ends.py digest PORT                      TCP: the SHA-256 of what came, when all of it has
  ends.py put ADDRESS PORT FILE            send a file to a digest, print its answer

name, ask and load go on until their stdin ends, and then print what they saw as JSON.
"""

import asyncio
import hashlib
import json
import os
import random
import select
import socket
import struct
import sys
import threading
import time

# linux/in.h; Python has no names for them.
IP_RECVTTL = 12
IP_PKTINFO = 8


def family_of(address):
    """The address family of a literal."""
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def bound(kind, port):
    """One socket for each family, on all addresses."""
    sockets = []
    for family, any_address in ((socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::")):
        sock = socket.socket(family, kind)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind((any_address, port))
        sockets.append(sock)
    return sockets


class EchoDatagrams(asyncio.DatagramProtocol):
    """Sends each datagram back."""

    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, data, addr):
        self.transport.sendto(data, addr)


async def echo_stream(reader, writer):
    """Sends a stream back until it ends."""
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except ConnectionError:
        pass
    finally:
        writer.close()


async def echo(port):
    """TCP and UDP echo, IPv4 and IPv6."""
    loop = asyncio.get_running_loop()
    for sock in bound(socket.SOCK_DGRAM, port):
        sock.setblocking(False)
        await loop.create_datagram_endpoint(EchoDatagrams, sock=sock)
    for sock in bound(socket.SOCK_STREAM, port):
        await asyncio.start_server(echo_stream, sock=sock, backlog=1024)
    print("ready", flush=True)
    await asyncio.Event().wait()


def ttl_of(ancillary):
    """The TTL or hop limit that a datagram came with."""
    for level, kind, data in ancillary:
        if (level, kind) in (
            (socket.IPPROTO_IP, socket.IP_TTL),
            (socket.IPPROTO_IPV6, socket.IPV6_HOPLIMIT),
        ):
            return struct.unpack("i", data[:4])[0]
    return 0


def name(port, who):
    """Answer with a name; remember the datagrams."""
    sockets = bound(socket.SOCK_DGRAM, port)
    sockets[0].setsockopt(socket.IPPROTO_IP, IP_RECVTTL, 1)
    # Replies come from the address that was asked, also where the host has several.
    sockets[0].setsockopt(socket.IPPROTO_IP, IP_PKTINFO, 1)
    sockets[1].setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVHOPLIMIT, 1)
    seen = []
    print("ready", flush=True)
    while True:
        ready, _, _ = select.select([*sockets, sys.stdin], [], [])
        if sys.stdin in ready:
            break
        for sock in ready:
            data, ancillary, _, peer = sock.recvmsg(2048, 256)
            answer, source = data, []
            if data != b"ping":
                ttl = ttl_of(ancillary)
                seen.append([time.monotonic(), data.decode(errors="replace")])
                answer = f"{who} {ttl} ".encode() + data
                source = [one for one in ancillary if one[:2] == (socket.IPPROTO_IP, IP_PKTINFO)]
            try:
                sock.sendmsg([answer], source, 0, peer)
            except OSError as error:  # no route for a moment, say: an answer lost as on the wire
                print(who, peer, error, file=sys.stderr)
    print(json.dumps(seen))


def ask(address, port, source, period_ms):
    """A number every period from one source port; who answered each."""
    sock = socket.socket(family_of(address), socket.SOCK_DGRAM)
    sock.bind(("", source))
    sock.connect((address, port))
    sock.setblocking(False)
    sent, answers, refused, ttls = [], {}, [], {}

    def collect():
        while True:
            try:
                who, ttl, number = sock.recv(2048).decode().split()
            except BlockingIOError:
                return
            except ConnectionRefusedError:
                refused.append(time.monotonic())
                continue
            answers[int(number)] = who
            ttls[who] = int(ttl)

    following, asking = time.monotonic(), True
    while asking or (len(answers) < len(sent) and time.monotonic() < following + 0.5):
        if asking and time.monotonic() >= following:
            try:
                sock.send(str(len(sent)).encode())
                sent.append(time.monotonic())
            except ConnectionRefusedError:
                refused.append(time.monotonic())
            following += period_ms / 1000
        watched = [sock, sys.stdin] if asking else [sock]
        ready, _, _ = select.select(
            watched, [], [], max(0, following - time.monotonic()) if asking else 0.02
        )
        if sys.stdin in ready:
            asking = False
            following = time.monotonic()
        collect()
    who = [answers.get(number) for number in range(len(sent))]
    print(json.dumps({"sent": sent, "who": who, "refused": refused, "ttls": ttls}))


def request(address, port):
    """One GET on a connection of its own; the body."""
    with socket.socket(family_of(address), socket.SOCK_STREAM) as sock:
        sock.settimeout(1)
        sock.connect((address, port))
        sock.sendall(b"GET / HTTP/1.0\r\n\r\n")
        answer = b""
        while data := sock.recv(4096):
            answer += data
    head, _, body = answer.partition(b"\r\n\r\n")
    if b" 200 " not in head:
        raise OSError("no answer")
    return body.decode()


def load(address, port, threads):
    """Requests in parallel; for each its start, its end, and who answered or the error."""
    done = threading.Event()
    results = []

    def work():
        while not done.is_set():
            start = time.monotonic()
            try:
                who, error = request(address, port), ""
            except OSError as problem:
                who, error = "", type(problem).__name__
            results.append([start, time.monotonic(), who, error])
            if error:
                # As clients do; else all of them may be caught under way at the switch.
                done.wait(0.01)

    workers = [threading.Thread(target=work) for _ in range(threads)]
    for worker in workers:
        worker.start()
    sys.stdin.read()
    done.set()
    for worker in workers:
        worker.join()
    print(json.dumps(sorted(results)))


def payloads(protocol, address, port, count):
    """Random payloads of random sizes to an echo; how many came back the same."""
    kind = socket.SOCK_DGRAM if protocol == "udp" else socket.SOCK_STREAM
    sock = socket.socket(family_of(address), kind)
    sock.settimeout(2)
    sock.connect((address, port))
    if kind == socket.SOCK_STREAM:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    same = 0
    for _ in range(count):
        data = os.urandom(random.randrange(1, 1400))
        sock.sendall(data)
        answer = sock.recv(2048)
        while kind == socket.SOCK_STREAM and len(answer) < len(data):
            answer += sock.recv(2048)
        same += answer == data
    print(same)


async def answer_digest(reader, writer):
    """Reads a stream to its end, answers what it was."""
    digest = hashlib.sha256()
    try:
        while data := await reader.read(65536):
            digest.update(data)
        writer.write(digest.hexdigest().encode())
        await writer.drain()
    except ConnectionError:
        pass
    finally:
        writer.close()


async def digest_all(port):
    """TCP, IPv4 and IPv6."""
    for sock in bound(socket.SOCK_STREAM, port):
        await asyncio.start_server(answer_digest, sock=sock)
    print("ready", flush=True)
    await asyncio.Event().wait()


def put(address, port, path):
    """Send a file."""
    with socket.socket(family_of(address), socket.SOCK_STREAM) as sock:
        sock.settimeout(20)
        sock.connect((address, port))
        with open(path, "rb") as file:
            sock.sendfile(file)
        sock.shutdown(socket.SHUT_WR)
        print(sock.makefile().read())


def main():
    """The sub-command."""
    command, *rest = sys.argv[1:]
    if command == "echo":
        asyncio.run(echo(int(rest[0])))
    elif command == "name":
        name(int(rest[0]), rest[1])
    elif command == "ask":
        ask(rest[0], int(rest[1]), int(rest[2]), float(rest[3]))
    elif command == "load":
        load(rest[0], int(rest[1]), int(rest[2]))
    elif command == "payloads":
        payloads(rest[0], rest[1], int(rest[2]), int(rest[3]))
    elif command == "digest":
        asyncio.run(digest_all(int(rest[0])))
    elif command == "put":
        put(rest[0], int(rest[1]), rest[2])
    else:
        raise SystemExit(__doc__)


if __name__ == "__main__":
    main()
