# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Paths through routers: narrow ones, and such that change while a transfer is on its way.

Covers of the field reports: D52, D54, D55 (path MTU discovery, both ways), D57 (the budget of an
egress), D61 (long datagrams), D70, X1 (neighbours, routes and links that change).
"""

import hashlib
import socket
import time

import lab as lab_module
import pytest
from lab import SERVERS4, SERVERS6, VIP4, VIP6, wait_until
from paths import DEEP4, DEEP6, FAR4, NARROW, Paths, six
from scapy.layers.inet import ICMP, IP
from scapy.layers.inet6 import ICMPv6PacketTooBig, IPv6
from wire import Wire

VIPS = {"v4": VIP4, "v6": VIP6}
BOTH_FAMILIES = pytest.mark.parametrize("vip", VIPS.values(), ids=VIPS)
# Ports of the VIPs: the programs of ends.py and nginx, close by and deep inside.
NEAR_WEB, NEAR_PUT, NEAR_ECHO, NEAR_NAME = 80, 82, 7, 9
DEEP_WEB, DEEP_PUT, DEEP_ECHO, DEEP_NAME = 180, 182, 107, 109
IP_MTU_DISCOVER, IP_PMTUDISC_DONT, IP_PMTUDISC_DO = 10, 0, 2  # linux/in.h


def serve(the_lab):
    """srv1 and srv2 behind the ports of NEAR_*, deep and srv2 behind those of DEEP_*."""
    for name in (*SERVERS4, "deep"):
        for offset in (0, 1000) if name == "srv2" else (0,):
            the_lab.start_nginx(name, 8080 + offset)
            the_lab.start_end(name, "digest", 8082 + offset)
            the_lab.start_end(name, "echo", 7007 + offset)
            the_lab.start_end(name, "name", 7009 + offset, name)
    # Slow enough for a link that is down for a moment.
    checks = {"HealthCheckIntervalMs": 200, "HealthCheckTimeoutMs": 500, "UnhealthyThreshold": 10}
    for vip, near, deep in (
        (VIP4, list(SERVERS4.values()), DEEP4),
        (VIP6, list(SERVERS6.values()), DEEP6),
    ):
        balancer = the_lab.balancer(vip)
        for port, target, protocol in (
            (NEAR_WEB, 8080, "TCP"),
            (NEAR_PUT, 8082, "TCP"),
            (NEAR_ECHO, 7007, "UDP"),
            (NEAR_NAME, 7009, "UDP"),
        ):
            more = {"healthCheckReq": "ping", "healthCheckExp": "ping"} if protocol == "UDP" else {}
            group = the_lab.group(balancer, target, near)
            the_lab.listener(balancer, group, port, protocol, **checks, **more)
            backends = [(deep, target, "Master"), (near[1], target + 1000, "Slave")]
            group = the_lab.group_of(balancer, backends)
            the_lab.listener(balancer, group, port + 100, protocol, **checks, **more)
    the_lab.healthy(32)


@pytest.fixture(scope="module")
def base():
    """One lab for the module."""
    the_lab = Paths("two")
    try:
        the_lab.start_agent()
        serve(the_lab)
        yield the_lab
    finally:
        the_lab.close()


@pytest.fixture
def lab(base):
    """Hosts that know nothing of paths; afterwards all links and routes are as they were."""
    base.forget()
    yield base
    for last in ("edge", "core"):
        base.narrow(last, 1500)
    base.run("gateway", "ip link set g0 mtu 1500; ip link set g1 mtu 1500")
    base.run("srv1", "ip link set eth0 mtu 1500")
    base.route("gateway", 9, "10.1.0.21", "replace")
    base.route("gateway", 3, "10.2.0.21", "replace")
    base.healthy(32)


def url(vip, port, path="/"):
    """HTTP at a VIP."""
    return f"http://[{vip}]:{port}{path}" if ":" in vip else f"http://{vip}:{port}{path}"


def big_digest(lab, size=None):
    """Of the beginning of what nginx serves at /big."""
    return hashlib.sha256((lab.dir / "big").read_bytes()[:size]).hexdigest()


def get_big(lab, name, vip, port):
    """Fetch it as a host."""
    command = f"curl -sg --max-time 20 '{url(vip, port, '/big')}' | sha256sum"
    return lab.run(name, command).split()[0]


def put_big(lab, name, vip, port):
    """Send it as a host."""
    return lab.run(
        name, f"/usr/bin/python3 {lab_module.ENDS} put {vip} {port} {lab.dir}/big"
    ).strip()


def address_of(name, vip):
    """The address of a host, of the VIP's family."""
    four = {"far": FAR4, "deep": DEEP4, "client": lab_module.CLIENT4, **SERVERS4}[name]
    return six(four) if ":" in vip else four


def too_big(vip):
    """What tcpdump calls fragmentation needed, or packet too big."""
    return "icmp6 and ip6[40] == 2" if ":" in vip else "icmp[0] == 3 and icmp[1] == 4"


def told(frame):
    """Source, destination and MTU of such an error, whose checksums must be right."""
    layer = IPv6 if IPv6 in frame else IP
    packet = frame[layer]
    again = layer(bytes(packet))
    error = ICMPv6PacketTooBig if layer is IPv6 else ICMP
    field = "cksum" if layer is IPv6 else "chksum"
    want = getattr(again[error], field)
    delattr(again[error], field)
    assert getattr(layer(bytes(again))[error], field) == want
    mtu = packet[error].mtu if layer is IPv6 else packet[error].nexthopmtu
    return packet.src, packet.dst, mtu


@BOTH_FAMILIES
def test_a_download_finds_the_width_of_the_clients_path(lab, vip):
    """The router's error goes to the VIP, and from there to the server that has to know."""
    lab.narrow("edge")
    assert get_big(lab, "far", vip, NEAR_WEB) == big_digest(lab)
    assert lab.path_mtu("srv1", address_of("far", vip)) == NARROW
    assert lab.path_mtu("srv2", address_of("far", vip)) == 0


@BOTH_FAMILIES
def test_an_upload_finds_the_width_of_the_clients_path(lab, vip):
    lab.narrow("edge")
    assert put_big(lab, "far", vip, NEAR_PUT) == big_digest(lab)
    assert lab.path_mtu("far", vip) == NARROW


@BOTH_FAMILIES
def test_an_upload_finds_the_width_of_the_servers_path(lab, vip):
    """The error is about a packet to the server, of which the client must not hear."""
    lab.narrow("core")
    with Wire(lab, "far", match=too_big(vip)) as wire:
        assert put_big(lab, "far", vip, DEEP_PUT) == big_digest(lab)
        errors = wire.caught()
    assert lab.path_mtu("far", vip) == NARROW
    router = six("10.2.0.21") if ":" in vip else "10.2.0.21"
    assert {told(frame) for frame in errors} == {(router, address_of("far", vip), NARROW)}
    quoted = errors[0][ICMPv6PacketTooBig].payload if ":" in vip else errors[0][ICMP].payload
    assert (quoted.dst, quoted.dport) == (vip, DEEP_PUT)


@BOTH_FAMILIES
def test_a_download_finds_the_width_of_the_servers_path(lab, vip):
    lab.narrow("core")
    assert get_big(lab, "far", vip, DEEP_WEB) == big_digest(lab)
    assert lab.path_mtu("deep", address_of("far", vip)) == NARROW


@BOTH_FAMILIES
def test_an_upload_is_told_the_mtu_of_the_gateways_egress(lab, vip):
    lab.run("gateway", f"ip link set g1 mtu {NARROW}")
    before = lab.reasons()["too_big"]
    with Wire(lab, "far", match=too_big(vip)) as wire:
        assert put_big(lab, "far", vip, NEAR_PUT) == big_digest(lab)
        errors = wire.caught()
    assert {told(frame) for frame in errors} == {(vip, address_of("far", vip), NARROW)}
    assert lab.path_mtu("far", vip) == NARROW
    assert lab.reasons()["too_big"] == before + len(errors)


@BOTH_FAMILIES
def test_a_download_is_told_the_mtu_of_the_gateways_egress_by_the_gateway_itself(lab, vip):
    lab.run("gateway", f"ip link set g0 mtu {NARROW}")
    with Wire(lab, "srv1", match=too_big(vip)) as wire:
        assert get_big(lab, "far", vip, NEAR_WEB) == big_digest(lab)
        errors = wire.caught()
    own = "fd02::1" if ":" in vip else "10.2.0.1"
    assert {told(frame) for frame in errors} == {(own, address_of("srv1", vip), NARROW)}
    assert lab.path_mtu("srv1", address_of("far", vip)) == NARROW


def udp(lab, name, vip, port, discover=None):
    """A datagram socket of a host, connected to a port of the VIP."""
    family = socket.AF_INET6 if ":" in vip else socket.AF_INET
    sock = lab.open_socket(name, family, socket.SOCK_DGRAM)
    sock.settimeout(0.3)
    if discover is not None:
        sock.setsockopt(socket.IPPROTO_IP, IP_MTU_DISCOVER, discover)
    sock.connect((vip, port))
    return sock


def echoed(sock, size):
    """Whether a datagram came back as it went."""
    data = lab_module.os.urandom(size)
    try:
        sock.send(data)
        return sock.recv(65536) == data
    except (TimeoutError, OSError):
        return False


@BOTH_FAMILIES
@pytest.mark.parametrize("last, port", [("edge", NEAR_ECHO), ("core", DEEP_ECHO)])
def test_long_datagrams_get_through_once_both_ends_have_learned_the_path(lab, vip, last, port):
    """Where nothing may be cut on the way, what is lost teaches its sender."""
    lab.narrow(last)
    with udp(lab, "far", vip, port) as sock:
        wait_until(lambda: echoed(sock, 1400), why="1,400 bytes come back")
        assert all(echoed(sock, size) for size in (1200, 1272, 1273, 1400, 2000, 8000))


def test_a_datagram_that_may_be_cut_is_cut_by_the_gateway(lab):
    """Where the servers' network is narrower than the clients'."""
    for name, device in (("gateway", "g1"), ("srv1", "eth0")):
        lab.run(name, f"ip link set {device} mtu {NARROW}")
    before = lab.reasons()["pass_to_fragment"]
    with udp(lab, "far", VIP4, NEAR_ECHO, IP_PMTUDISC_DONT) as sock:
        assert all(echoed(sock, size) for size in (1272, 1273, 1400, 1472, 2000, 8000))
    assert lab.reasons()["pass_to_fragment"] > before


def test_a_datagram_that_may_be_cut_is_cut_by_a_router_on_its_way(lab):
    lab.narrow("edge")
    with udp(lab, "far", VIP4, NEAR_ECHO, IP_PMTUDISC_DONT) as sock:
        # The answer must not be cut before srv1 has learned that it has to.
        wait_until(lambda: echoed(sock, 1400), why="1,400 bytes come back")
        assert all(echoed(sock, size) for size in (1272, 1273, 1472, 2000, 8000))


def test_a_datagram_that_must_not_be_cut_is_refused_at_its_source(lab):
    lab.run("gateway", f"ip link set g1 mtu {NARROW}")
    with udp(lab, "far", VIP4, NEAR_ECHO, IP_PMTUDISC_DO) as sock:
        wait_until(lambda: not echoed(sock, 1400) and lab.path_mtu("far", VIP4) == NARROW)
        with pytest.raises(OSError, match="Message too long"):
            sock.send(bytes(1273))
        assert echoed(sock, 1272)


class Transfer:
    """The beginning of /slow on its way to far, over one family."""

    SIZE = 16 << 20

    def __init__(self, lab, vip, port):
        self.lab = lab
        self.path = lab.dir / f"got-{port}-{len(vip)}-{time.monotonic_ns()}"
        self.process = lab.start(
            "far",
            ["curl", "-sg", "-r", f"0-{self.SIZE - 1}", "--max-time", "20"]
            + ["-o", self.path, url(vip, port, "/slow")],
        )

    def size(self):
        """How much has come."""
        return self.path.stat().st_size if self.path.exists() else 0

    def wait_for_more(self, more=1 << 20):
        """Wait until it goes on; it must not be at its end already."""
        want = self.size() + more
        wait_until(lambda: self.size() >= want, 10, f"{self.path.name} goes on")
        assert self.size() < self.SIZE

    def finish(self):
        """The rest must come, and all of it be right."""
        assert self.process.wait(20) == 0
        self.lab.stop(self.process)
        got = hashlib.sha256(self.path.read_bytes()).hexdigest()
        self.path.unlink()
        assert got == big_digest(self.lab, self.SIZE)


class during:
    """Transfers of both families, in the middle of which something happens."""

    def __init__(self, lab, port):
        self.transfers = [Transfer(lab, vip, port) for vip in VIPS.values()]

    def __enter__(self):
        for transfer in self.transfers:
            transfer.wait_for_more()

    def __exit__(self, kind, *_):
        if kind is None:
            for transfer in self.transfers:
                transfer.wait_for_more()
            for transfer in self.transfers:
                transfer.finish()


def received(lab, name, device="eth0"):
    """Packets that came to a device."""
    shown = lab_module.json.loads(lab.run(name, f"ip -j -s link show {device}"))
    return shown[0]["stats64"]["rx"]["packets"]


def wait_for_silence(lab, name):
    """Wait until a router gets next to nothing from the gateway: no transfer goes by it."""

    def quiet():
        before, since = received(lab, name), time.monotonic()
        wait_until(lambda: time.monotonic() > since + 0.1)
        return received(lab, name) - before < 5

    wait_until(quiet, 2, f"{name} carries nothing any more")


@pytest.mark.parametrize(
    "network, old, new, port", [(9, "ra", "rb", NEAR_WEB), (3, "rc", "rd", DEEP_WEB)]
)
def test_a_transfer_survives_a_change_of_route_to_another_router(lab, network, old, new, port):
    side = {"ra": "10.1.0.22", "rc": "10.2.0.22"}[old]
    with during(lab, port):
        lab.route("gateway", network, side, "replace")
        wait_for_silence(lab, old)
        before = received(lab, new)
        wait_until(lambda: received(lab, new) > before + 300, why=f"{new} carries the transfer")


@pytest.mark.parametrize("router, port", [("ra", NEAR_WEB), ("rc", DEEP_WEB)])
def test_a_transfer_survives_a_new_mac_of_the_next_router(lab, router, port):
    with during(lab, port):
        lab.run(router, "ip link set eth0 address 02:00:00:00:0a:01")
        mac = lab.mac(router, "eth0")
        wait_until(lambda: mac in lab.run("gateway", "ip neigh"))


@pytest.mark.parametrize(
    "name, device, port", [("client", "eth0", NEAR_WEB), ("switch", "p-gateway-g1", NEAR_WEB)]
)
def test_a_transfer_survives_a_link_that_flaps(lab, name, device, port):
    own = {"client": "g0", "switch": "g1"}[name]
    with during(lab, port):
        for _ in range(2):
            lab.run(name, f"ip link set {device} down")
            wait_until(lambda: "NO-CARRIER" in lab.run("gateway", f"ip link show {own}"))
            lab.run(name, f"ip link set {device} up")
            wait_until(lambda: "LOWER_UP" in lab.run("gateway", f"ip link show {own}"))


def test_no_mac_of_a_clients_router_outlives_its_neighbour_entry_by_a_second(lab):
    """Asked every 5 ms: what is asked a second after the change is answered, as before it."""
    asked = [
        lab.begin("far", "ask", vip, NEAR_NAME, 40000 + number, 5)
        for number, vip in enumerate(VIPS.values())
    ]

    def answers_of_both():
        listeners = [one for one in lab.api.listeners() if one["ListenerPort"] == NEAR_NAME]
        servers = [one["Servers"]["Server"][0] for one in listeners]
        return min(server["Counters"]["PacketsOut"] for server in servers)

    before = answers_of_both()
    wait_until(lambda: answers_of_both() > before + 50)
    lab.run("ra", "ip link set eth0 address 02:00:00:00:0a:02")
    for address in ("10.1.0.21", six("10.1.0.21")):
        wait_until(lambda: lab.mac("ra", "eth0") in lab.run("gateway", f"ip neigh show {address}"))
    changed = time.monotonic()
    wait_until(lambda: time.monotonic() > changed + 1.3)
    for process in asked:
        seen = lab.finish(process)
        answers = [who for sent, who in zip(seen["sent"], seen["who"]) if sent > changed + 1]
        assert len(answers) > 20
        assert set(answers) == {"srv1"}
