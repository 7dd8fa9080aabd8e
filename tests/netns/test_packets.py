# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Packets that are not plain: pieces, options, extension headers, ICMP, large and hostile frames.

Covers of the field reports: D54 (sizes), D60, D61 (pieces), D67 (TTL), D69 (extension headers),
D77 (jumbo frames).
"""

import hashlib
import os
import socket
import struct
import subprocess
import time

import lab as lab_module
import pytest
from lab import CLIENT4, CLIENT6, SERVERS4, SERVERS6, VIP4, VIP6, wait_until
from scapy.layers.inet import ICMP, IP, TCP, UDP, IPOption, fragment
from scapy.layers.inet6 import (
    ICMPv6DestUnreach,
    ICMPv6TimeExceeded,
    IPv6,
    IPv6ExtHdrDestOpt,
    IPv6ExtHdrFragment,
    IPv6ExtHdrHopByHop,
    IPv6ExtHdrRouting,
    PadN,
    fragment6,
    in6_chksum,
)
from scapy.layers.ipsec import AH
from scapy.layers.l2 import Ether
from scapy.packet import Raw
from wire import Wire

VIPS = {"v4": VIP4, "v6": VIP6}
BOTH_FAMILIES = pytest.mark.parametrize("vip", VIPS.values(), ids=VIPS)
WEB, ECHO, NAME, NOBODY = 80, 7, 9, 5
IP_MTU_DISCOVER, IPV6_MTU_DISCOVER, PMTUDISC_DO = 10, 23, 2  # linux/in.h, linux/in6.h
HOSTILE = lab_module.ENDS.with_name("hostile.py")


def serve(the_lab):
    """nginx, echo and name on both servers, and a port where nobody is."""
    for name in SERVERS4:
        the_lab.start_nginx(name)
        the_lab.start_end(name, "echo", 7007)
        the_lab.start_end(name, "name", 7009, name)
    echo = {"healthCheckReq": "ping", "healthCheckExp": "ping"}
    for vip, servers in ((VIP4, SERVERS4), (VIP6, SERVERS6)):
        balancer = the_lab.balancer(vip)
        for port, target, protocol, more in (
            (WEB, 8080, "TCP", {}),
            (ECHO, 7007, "UDP", echo),
            (NAME, 7009, "UDP", echo),
            (NOBODY, 7005, "UDP", {"HealthCheckType": "tcp", "HealthCheckConnectPort": 8080}),
        ):
            group = the_lab.group(balancer, target, list(servers.values()))
            checks = {"HealthCheckIntervalMs": 200, "HealthCheckTimeoutMs": 500}
            the_lab.listener(balancer, group, port, protocol, **checks, **more)
    the_lab.healthy(16)


@pytest.fixture(scope="module")
def lab():
    """One lab for the module; its MAC addresses, for frames that tests write themselves."""
    the_lab = lab_module.Lab("two")
    try:
        the_lab.start_agent()
        serve(the_lab)
        the_lab.client_mac = the_lab.mac("client", "eth0")
        the_lab.client_side = the_lab.mac("gateway", "g0")
        the_lab.server_side = the_lab.mac("gateway", "g1")
        yield the_lab
    finally:
        the_lab.close()


def url(vip, path="/"):
    """HTTP at a VIP."""
    return f"http://[{vip}]{path}" if ":" in vip else f"http://{vip}{path}"


def server(vip, name="srv1"):
    """A server's address, of the VIP's family."""
    return SERVERS6[name] if ":" in vip else SERVERS4[name]


def ip_to(vip, **fields):
    """An IP header from the client to the VIP."""
    if ":" in vip:
        return IPv6(src=CLIENT6, dst=vip, **fields)
    return IP(src=CLIENT4, dst=vip, **fields)


def frame(lab, packet):
    """As the client would send it."""
    return Ether(src=lab.client_mac, dst=lab.client_side) / packet


def open_udp(lab, vip, port):
    """A datagram socket of the client, connected to a port of the VIP."""
    sock = lab.open_socket(
        "client", socket.AF_INET6 if ":" in vip else socket.AF_INET, socket.SOCK_DGRAM
    )
    sock.settimeout(2)
    sock.connect((vip, port))
    return sock


def checksums_are_right(caught):
    """Whether all checksums of a frame are what scapy makes of it."""
    layer = IPv6 if IPv6 in caught else IP
    again = layer(bytes(caught[layer]))
    fields = [(IP, "chksum"), (TCP, "chksum"), (UDP, "chksum"), (ICMP, "chksum")]
    fields += [(ICMPv6DestUnreach, "cksum"), (ICMPv6TimeExceeded, "cksum")]
    for kind, name in fields:
        if kind in again:
            delattr(again[kind], name)
    return bytes(layer(bytes(again))) == bytes(caught[layer])


def echo_request(vip, size, number):
    """An ICMP echo request without IP header; the kernel adds the checksum of ICMPv6."""
    data = bytes(number + i & 0xFF for i in range(size))
    if ":" in vip:
        return struct.pack("!BBHHH", 128, 0, 0, 4711, number) + data
    return bytes(ICMP(id=4711, seq=number) / Raw(data))


def ping(sock, vip, size, number):
    """Send an echo request, and wait for its reply, which must be the same."""
    request = echo_request(vip, size, number)
    sock.send(request)
    deadline = time.monotonic() + 2
    while time.monotonic() < deadline:
        reply = sock.recv(70000)
        if ":" not in vip:
            reply = reply[20:]
        if reply[:1] == (b"\x81" if ":" in vip else b"\0") and reply[4:] == request[4:]:
            return True
    return False


@BOTH_FAMILIES
def test_the_vip_answers_pings_of_every_size(lab, vip):
    """Up to the MTU with DF set, so that none is in pieces; then some that are."""
    family, protocol, level, option = (
        (socket.AF_INET6, socket.IPPROTO_ICMPV6, socket.IPPROTO_IPV6, IPV6_MTU_DISCOVER)
        if ":" in vip
        else (socket.AF_INET, socket.IPPROTO_ICMP, socket.IPPROTO_IP, IP_MTU_DISCOVER)
    )
    with lab.open_socket("client", family, socket.SOCK_RAW, protocol) as sock:
        sock.settimeout(2)
        sock.connect((vip, 0))
        sock.setsockopt(level, option, PMTUDISC_DO)
        whole = 1452 if ":" in vip else 1472
        for size in range(whole + 1):
            assert ping(sock, vip, size, size), size
        with pytest.raises(OSError, match="Message too long"):
            sock.send(echo_request(vip, whole + 1, 0))
        sock.setsockopt(level, option, 0)
        for size in (whole + 1, 2000, 8000, 30000, 65000):
            assert ping(sock, vip, size, 1), size


@BOTH_FAMILIES
@pytest.mark.parametrize("size", [1473, 2000, 8000])
def test_long_datagrams_are_echoed_as_they_were(lab, vip, size):
    with open_udp(lab, vip, ECHO) as sock:
        for _ in range(20):
            data = os.urandom(size)
            sock.send(data)
            assert sock.recv(65536) == data


def pieces(vip, sport, data):
    """A datagram to the echo in pieces, in order."""
    udp = UDP(sport=sport, dport=ECHO) / Raw(data)
    number = int.from_bytes(os.urandom(2), "big")
    if ":" in vip:
        return fragment6(ip_to(vip) / IPv6ExtHdrFragment(id=number) / udp, 1000)
    return fragment(ip_to(vip, id=number) / udp, 900)


def test_pieces_are_what_the_tests_below_take_them_for():
    for vip in VIPS.values():
        assert len(pieces(vip, 1024, bytes(2000))) == 3


@BOTH_FAMILIES
def test_a_datagram_whose_later_pieces_change_places_arrives(lab, vip):
    with open_udp(lab, vip, ECHO) as sock:
        data = os.urandom(2000)
        first, second, third = pieces(vip, sock.getsockname()[1], data)
        with Wire(lab, "client") as wire:
            wire.send(*(frame(lab, piece) for piece in (first, third, second)))
        assert sock.recv(65536) == data


def answers_only(sock, data):
    """Whether the echo answers a following datagram, and has answered nothing before it."""
    sock.send(data)
    return sock.recv(65536) == data


@BOTH_FAMILIES
def test_pieces_before_their_first_one_are_dropped_by_name(lab, vip):
    """Where they belong is not known yet; they go to no server by guess."""
    before = lab.reasons()["drop_fragment"]
    with open_udp(lab, vip, ECHO) as sock, Wire(lab, "srv1") as near, Wire(lab, "srv2") as idle:
        parts = pieces(vip, sock.getsockname()[1], os.urandom(2000))
        with Wire(lab, "client") as wire:
            wire.send(*(frame(lab, piece) for piece in reversed(parts)))
        assert answers_only(sock, b"next")
        layer, part = (IPv6, IPv6ExtHdrFragment) if ":" in vip else (IP, IP)
        source = CLIENT6 if ":" in vip else CLIENT4

        def came(wire):
            found = [f for f in wire.caught() if layer in f and f[layer].src == source]
            return [f for f in found if layer is IP or part in f]

        seen = came(near)
        if layer is IP:
            seen = [f for f in seen if f[IP].flags.MF or f[IP].frag]
        assert len(seen) == 1, "the first piece"
        assert came(idle) == []
    assert lab.reasons()["drop_fragment"] == before + 2


@BOTH_FAMILIES
def test_pieces_that_overlap_reach_nobody_but_the_server(lab, vip):
    """It throws them away, as kernels do; the service is unharmed."""
    with open_udp(lab, vip, ECHO) as sock, Wire(lab, "srv2") as idle:
        first, second, third = pieces(vip, sock.getsockname()[1], os.urandom(2000))
        liar = second.copy()
        if ":" in vip:
            liar[IPv6ExtHdrFragment].offset -= 8
        else:
            liar.frag -= 8
            del liar.chksum
        with Wire(lab, "client") as wire:
            wire.send(*(frame(lab, piece) for piece in (first, liar, second, third)))
        assert answers_only(sock, b"next")
        source = CLIENT6 if ":" in vip else CLIENT4
        layer = IPv6 if ":" in vip else IP
        assert [f for f in idle.caught() if layer in f and f[layer].src == source] == []


@BOTH_FAMILIES
def test_a_port_where_nobody_is_refuses_in_the_name_of_the_vip(lab, vip):
    match = "icmp6 and ip6[40] == 1" if ":" in vip else "icmp[0] == 3"
    with open_udp(lab, vip, NOBODY) as sock, Wire(lab, "client", match=match) as wire:
        sock.send(b"anybody?")
        with pytest.raises(ConnectionRefusedError):
            sock.recv(100)
        error = wire.catch()
    assert checksums_are_right(error)
    layer, kind = (IPv6, ICMPv6DestUnreach) if ":" in vip else (IP, ICMP)
    assert error[layer].src == vip
    quoted = error[kind].payload
    assert (quoted.dst, quoted.dport) == (vip, NOBODY)


def time_exceeded(vip):
    """The match for tcpdump, and the layers of scapy."""
    if ":" in vip:
        return "icmp6 and ip6[40] == 3", IPv6, ICMPv6TimeExceeded
    return "icmp[0] == 11", IP, ICMP


def last_hop(vip):
    """The field that makes a packet's next router its last."""
    return {"hlim": 1} if ":" in vip else {"ttl": 1}


@BOTH_FAMILIES
def test_a_packet_to_the_vip_on_its_last_hop_is_answered_as_by_a_router(lab, vip):
    match, layer, kind = time_exceeded(vip)
    before = lab.reasons()["time_exceeded"]
    with Wire(lab, "client", match=match) as wire:
        wire.send(frame(lab, ip_to(vip, **last_hop(vip)) / UDP(sport=33434, dport=NAME) / b"abc"))
        error = wire.catch()
    assert checksums_are_right(error)
    assert error[layer].src == vip
    assert (error[kind].payload.dst, error[kind].payload.dport) == (vip, NAME)
    assert lab.reasons()["time_exceeded"] == before + 1


@BOTH_FAMILIES
def test_a_reply_on_its_last_hop_is_answered_by_the_gateway_itself(lab, vip):
    match, layer, kind = time_exceeded(vip)
    client, own = (CLIENT6, "fd02::1") if ":" in vip else (CLIENT4, "10.2.0.1")
    reply = layer(src=server(vip), dst=client, **last_hop(vip)) / UDP(sport=7009, dport=33434)
    with Wire(lab, "srv1", match=match) as wire:
        wire.send(Ether(src=lab.mac("srv1", "eth0"), dst=lab.server_side) / reply / b"abc")
        error = wire.catch()
    assert checksums_are_right(error)
    assert (error[layer].src, error[layer].dst) == (own, server(vip))
    assert (error[kind].payload.src, error[kind].payload.sport) == (server(vip), 7009)


def options_of(length):
    """IPv4 options of a length: no-operations, a timestamp's room, a recorded route."""
    return [
        b"\x01" * length,
        b"\x44" + bytes([length, 5, 0]) + bytes(length - 4),
        b"\x07" + bytes([length - 1, 4]) + bytes(length - 4) + b"\0",
    ]


@pytest.mark.parametrize("kind", range(3), ids=["nop", "timestamp", "record-route"])
def test_ipv4_options_of_every_length_go_along_to_the_server(lab, kind):
    with Wire(lab, "client", match="udp src port 9") as wire, Wire(
        lab, "srv1", match="udp dst port 7009 and src host 10.1.0.2"
    ) as far:
        for length in range(4, 44, 4):
            options = options_of(length)[kind]
            packet = ip_to(VIP4, options=[IPOption(options)]) / UDP(sport=4000 + length, dport=NAME)
            wire.send(frame(lab, packet / b"optional"))
            came = far.catch()
            assert bytes(came[IP])[20 : 20 + length] == options
            assert (came[IP].dst, came[UDP].dport, came[IP].ttl) == (server(VIP4), 7009, 63)
            assert checksums_are_right(came)
            answer = wire.catch(why=f"an answer to {length} bytes of options")
            assert (answer[IP].src, answer[UDP].dport) == (VIP4, 4000 + length)


def test_a_tcp_handshake_with_ipv4_options_is_answered(lab):
    with Wire(lab, "client", match="tcp src port 80") as wire:
        options = IPOption(options_of(40)[2])
        syn = TCP(sport=4444, dport=WEB, flags="S", seq=7)
        wire.send(frame(lab, ip_to(VIP4, options=[options]) / syn))
        answer = wire.catch()
    assert (answer[IP].src, answer[TCP].flags, answer[TCP].ack) == (VIP4, "SA", 8)
    assert checksums_are_right(answer)


HOP = IPv6ExtHdrHopByHop(options=[PadN(optdata=bytes(4))])
DESTINATION = IPv6ExtHdrDestOpt(options=[PadN(optdata=bytes(12))])
ROUTING = IPv6ExtHdrRouting(type=4, segleft=0, addresses=["fd01::99"])
WHOLE = IPv6ExtHdrFragment(offset=0, m=0, id=99)
SIGNED = AH(payloadlen=4, spi=1, seq=1, icv=bytes(12))


def chain(headers):
    """An IPv6 packet from the client to the VIP with extension headers."""
    packet = ip_to(VIP6)
    for header in headers:
        packet = packet / header.copy()
    return packet


@pytest.mark.parametrize(
    "headers",
    [
        [HOP],
        [DESTINATION],
        [ROUTING],
        [WHOLE],
        [SIGNED],
        [HOP, DESTINATION, ROUTING, WHOLE, DESTINATION, SIGNED],
        [DESTINATION] * 6,
    ],
    ids=["hop", "destination", "routing", "whole", "signed", "all", "six"],
)
@pytest.mark.parametrize("l4", [UDP, TCP], ids=["udp", "tcp"])
def test_ipv6_extension_headers_go_along_to_the_server(lab, headers, l4):
    port, target, number = (NAME, 7009, 17) if l4 is UDP else (WEB, 8080, 6)
    with Wire(lab, "client") as wire, Wire(lab, "srv1") as far:
        # Behind AH, scapy fills in neither next header nor checksum, and sees no layers.
        segment = l4(sport=4501, dport=port, chksum=0) / Raw(b"extended")
        segment.chksum = in6_chksum(number, ip_to(VIP6), bytes(segment))
        packet = chain(headers) / segment
        if AH in packet:
            packet[AH].nh = number
        wire.send(frame(lab, packet))
        came = far.catch(lambda f: IPv6 in f and f[IPv6].src == CLIENT6)[IPv6]
    before = bytes(packet)[40 : -len(packet[l4])]
    assert bytes(came)[40 : 40 + len(before)] == before
    segment = l4(bytes(came)[40 + len(before) :])
    assert (came.dst, segment.dport, came.hlim) == (server(VIP6), target, 63)
    pseudo = IPv6(src=CLIENT6, dst=server(VIP6))
    assert in6_chksum(number, pseudo, bytes(segment)) == 0


@pytest.mark.parametrize(
    "headers",
    [[DESTINATION] * 7, [IPv6ExtHdrRouting(type=4, segleft=1, addresses=["fd01::99"])]],
    ids=["seven", "segments-left"],
)
def test_headers_that_cannot_be_served_are_dropped_by_name(lab, headers):
    before = lab.reasons()["drop_headers"]
    with Wire(lab, "client") as wire, Wire(lab, "srv1") as far:
        wire.send(frame(lab, chain(headers) / UDP(sport=4500, dport=NAME) / b"extended"))
        wait_until(lambda: lab.reasons()["drop_headers"] == before + 1)
        assert [f for f in far.caught() if IPv6 in f and f[IPv6].src == CLIENT6] == []


def transfer(lab, vip, seconds):
    """Fetch the first 16 MiB of /slow, which takes 1.6 s when nothing disturbs."""
    path = lab.dir / "got"
    start = time.monotonic()
    done = lab.run(
        "client",
        f"curl -sg -r 0-{(16 << 20) - 1} --max-time {seconds} -o {path} '{url(vip, '/slow')}';"
        " echo $?",
    )
    got = hashlib.sha256(path.read_bytes()).hexdigest()
    assert done.strip() == "0"
    assert got == hashlib.sha256((lab.dir / "big").read_bytes()[: 16 << 20]).hexdigest()
    return time.monotonic() - start


@pytest.mark.parametrize("side", ["client", "servers"])
def test_hostile_frames_do_no_harm_to_a_transfer(lab, side):
    """Malformed ones and noise, as many as a sender makes, from the clients' or servers' side."""
    before = lab.reasons()
    name, mac = ("client", lab.client_side) if side == "client" else ("srv2", lab.server_side)
    blast = lab.start(
        name,
        ["/usr/bin/python3", HOSTILE, "eth0", mac, VIP4, VIP6, "1"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert blast.stdout.readline() == "ready\n"
    with Wire(lab, "client", match=f"tcp[13] & 4 != 0 and dst host {CLIENT4}") as resets:
        for vip in VIPS.values():
            assert transfer(lab, vip, 10) < 2 * 1.6
        assert resets.caught() == []
    sent = lab.finish(blast)
    assert sent > 50000
    after = lab.reasons()
    assert after["pass_malformed"] > before["pass_malformed"] + 1000
    assert sum(after.values()) - sum(before.values()) > sent / 2
    assert lab.get() == "srv1"
    lab.healthy(16)


def test_jumbo_frames_pass_whole():
    """A program for frames of several buffers; without it veth would refuse the MTU."""
    the_lab = lab_module.Lab("two", mtu=9000)
    try:
        the_lab.start_agent()
        serve(the_lab)
        want = hashlib.sha256((the_lab.dir / "big").read_bytes()).hexdigest()
        for vip in VIPS.values():
            # Where nothing is put together: the client has GRO.
            with Wire(the_lab, "switch", "p-srv1-eth0", "greater 8000") as wire:
                got = the_lab.run(
                    "client", f"curl -sg --max-time 20 '{url(vip, '/big')}' | sha256sum"
                )
                assert got.split()[0] == want
                assert len(wire.catch()) == 9014
            with open_udp(the_lab, vip, ECHO) as sock:
                for size in (4000, 8900):
                    data = os.urandom(size)
                    sock.send(data)
                    assert sock.recv(65536) == data
        drops = {n: c for n, c in the_lab.reasons().items() if c and n.startswith("drop_")}
        drops.pop("drop_client_unresolved", None)
        assert drops == {}
        assert "mode=native" in the_lab.agent_log.read_text()
    finally:
        the_lab.close()
