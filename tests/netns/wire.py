# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Frames on a device of a lab's namespace: sent as they are, and caught as they came."""

import ctypes
import logging
import select
import socket
import struct
import subprocess
import time

logging.getLogger("scapy").setLevel(logging.ERROR)

# pylint: disable=wrong-import-position
from scapy.layers.l2 import Ether  # noqa: E402

# linux/if_packet.h, asm-generic/socket.h; Python has no names for them.
ETH_P_ALL = 3
SOL_PACKET = 263
PACKET_AUXDATA = 8
PACKET_IGNORE_OUTGOING = 23
SO_ATTACH_FILTER = 26
SO_RCVBUFFORCE = 33
TP_STATUS_VLAN_VALID = 0x10


def attach_filter(sock, match):
    """Let only what tcpdump's expression means into the socket."""
    done = subprocess.run(
        ["tcpdump", "-ddd", "-y", "EN10MB", match], capture_output=True, text=True, check=True
    )
    lines = done.stdout.splitlines()[1:]
    program = b"".join(struct.pack("=HBBI", *map(int, line.split())) for line in lines)
    buffer = ctypes.create_string_buffer(program)
    sock.setsockopt(
        socket.SOL_SOCKET,
        SO_ATTACH_FILTER,
        struct.pack("HL", len(lines), ctypes.addressof(buffer)),
    )


class Wire:
    """One device. What it catches is what came in by it, since the Wire was made."""

    def __init__(self, lab, name, device="eth0", match=""):
        self.sock = lab.open_socket(name, socket.AF_PACKET, socket.SOCK_RAW)
        self.sock.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
        self.sock.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
        self.sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 8 << 20)
        if match:
            attach_filter(self.sock, match)
        self.sock.bind((device, ETH_P_ALL))

    def send(self, *frames):
        """Send frames, scapy's or bytes."""
        for frame in frames:
            self.sock.send(bytes(frame))

    def _receive(self):
        """One frame, with the tag that the kernel took off."""
        data, ancillary, _, _ = self.sock.recvmsg(65536, 256)
        for level, kind, value in ancillary:
            if (level, kind) == (SOL_PACKET, PACKET_AUXDATA):
                status, _, _, _, _, tci, tpid = struct.unpack("=IIIHHHH", value[:20])
                if status & TP_STATUS_VLAN_VALID:
                    data = data[:12] + struct.pack("!HH", tpid or 0x8100, tci) + data[12:]
        return Ether(data)

    def catch(self, condition=lambda frame: True, timeout=3.0, why="a frame comes"):
        """The first frame that fulfils the condition; those before it are gone."""
        deadline = time.monotonic() + timeout
        while (left := deadline - time.monotonic()) > 0:
            if select.select([self.sock], [], [], left)[0]:
                frame = self._receive()
                if condition(frame):
                    return frame
        raise AssertionError(f"not within {timeout} s: {why}")

    def caught(self):
        """All frames so far."""
        frames = []
        while select.select([self.sock], [], [], 0)[0]:
            frames.append(self._receive())
        return frames

    def close(self):
        """Stop looking."""
        self.sock.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
