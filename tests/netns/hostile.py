#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Malformed and random frames, as fast as they go, until stdin ends; then how many, as JSON.

  hostile.py DEVICE DESTINATION-MAC VIP4 VIP6 SEED

Half of them are good packets to the VIPs with something wrong: cut, bytes flipped, lengths that
lie, headers and pieces that promise more. The rest is noise with an EtherType that invites parsing.
The sources are addresses of nobody (198.18.0.0/15, 2001:2::/48), so that no answer disturbs.
"""

import json
import logging
import random
import select
import socket
import sys

logging.getLogger("scapy").setLevel(logging.ERROR)

# pylint: disable=wrong-import-position
from scapy.layers.inet import ICMP, IP, TCP, UDP, IPOption  # noqa: E402
from scapy.layers.inet6 import (  # noqa: E402
    ICMPv6PacketTooBig,
    IPv6,
    IPv6ExtHdrDestOpt,
    IPv6ExtHdrFragment,
    IPv6ExtHdrHopByHop,
    IPv6ExtHdrRouting,
)
from scapy.layers.l2 import Dot1Q, Ether  # noqa: E402
from scapy.packet import Raw  # noqa: E402

FRAMES = 1000
ARP = 0x0806  # noise in it would be taken for what neighbours say


def address4(rng):
    """Nobody's."""
    return f"198.18.{rng.randrange(256)}.{rng.randrange(1, 255)}"


def address6(rng):
    """Nobody's."""
    return f"2001:2::{rng.randrange(1, 65536):x}"


def good(rng, vip4, vip6):
    """A packet as it should be."""
    four = IP(src=address4(rng), dst=vip4, id=rng.randrange(65536))
    six = IPv6(src=address6(rng), dst=vip6)
    tcp = TCP(sport=rng.randrange(1024, 65536), dport=80, flags=rng.choice(["S", "A", "PA", "FA"]))
    udp = UDP(sport=rng.randrange(1024, 65536), dport=rng.choice([7, 9]))
    data = Raw(rng.randbytes(rng.randrange(0, 600)))
    number = rng.randrange(1 << 32)
    return rng.choice(
        [
            four / tcp / data,
            four / udp / data,
            IP(**{**four.fields, "options": [IPOption(b"\x07\x07\x04\0\0\0\0\0")]}) / udp / data,
            IP(**{**four.fields, "flags": "MF"}) / udp / data,
            IP(**{**four.fields, "frag": rng.randrange(1, 8192)}) / data,
            four / ICMP(type=3, code=4) / IP(src=vip4, dst=four.src) / TCP(sport=80) / data,
            six / tcp / data,
            six / udp / data,
            six / IPv6ExtHdrHopByHop() / IPv6ExtHdrDestOpt() / udp / data,
            six / IPv6ExtHdrRouting(segleft=rng.randrange(2)) / tcp / data,
            six / IPv6ExtHdrFragment(m=1, id=number) / udp / data,
            six / IPv6ExtHdrFragment(offset=rng.randrange(1, 8192), id=number) / data,
            six / ICMPv6PacketTooBig() / IPv6(src=vip6, dst=six.src) / TCP(sport=80) / data,
        ]
    )


def spoil(rng, frame):
    """Something wrong with a frame; its MAC addresses and EtherType stay."""
    frame = bytearray(frame)
    for _ in range(rng.randrange(1, 4)):
        how = rng.randrange(4)
        if how == 0:
            del frame[rng.randrange(14, len(frame) + 1) :]
        elif how == 1 and len(frame) > 14:
            for _ in range(rng.randrange(1, 6)):
                frame[rng.randrange(14, len(frame))] = rng.randrange(256)
        elif how == 2 and len(frame) > 20:
            place = 16 if frame[12] == 8 else 18  # the IP header's length
            frame[place : place + 2] = rng.randbytes(2)
        else:
            frame += rng.randbytes(rng.randrange(1, 64))
    return bytes(frame[:1514])


def frames(rng, ether, vip4, vip6):
    """All frames that are sent, over and over."""
    result = []
    while len(result) < FRAMES:
        if rng.randrange(2):
            tags = [Dot1Q(vlan=rng.randrange(4096)) for _ in range(rng.choice([0, 0, 0, 1, 2, 3]))]
            packet = good(rng, vip4, vip6)
            for tag in reversed(tags):
                packet = tag / packet
            result.append(spoil(rng, bytes(ether / packet)))
            continue
        kind = rng.choice([0x0800, 0x86DD, 0x8100, 0x88A8, rng.randrange(0x600, 0x10000)])
        if kind != ARP:
            noise = rng.randbytes(rng.randrange(0, 1500))
            result.append(bytes(ether)[:12] + kind.to_bytes(2, "big") + noise)
    return result


def main():
    """Send until told to stop."""
    device, mac, vip4, vip6, seed = sys.argv[1:]
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    sock.bind((device, 0))
    ether = Ether(src="02:00:00:00:ee:01", dst=mac)
    sent = frames(random.Random(int(seed)), ether, vip4, vip6)
    print("ready", flush=True)
    count = 0
    while not select.select([sys.stdin], [], [], 0)[0]:
        for frame in sent:
            try:
                sock.send(frame)
                count += 1
            except OSError:  # no room for the moment, or a runt that the device does not take
                pass
    print(json.dumps(count))


if __name__ == "__main__":
    main()
