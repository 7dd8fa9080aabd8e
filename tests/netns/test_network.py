# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The network around the gateway: neighbours, addresses, sysctls, devices of several kinds.

Covers of the field reports: D70, X1 (neighbours), D72 (forwarding off), D80 (a peer that cannot
take redirected frames), D26, U4 (a server replaced, a listener deleted), D88 (several queues), D90
(rp_filter), D59 (no ICMP redirects, one arm), bench rule on checksum offload, generic XDP.
"""

import re
import time

import lab as lab_module
import pytest
from lab import SERVERS4, SERVERS6, VIP4, VIP6, wait_until

NAME = 7778


def up(the_lab, **changes):
    """Agent, nginx on both servers, VIP:80 over IPv4 and IPv6."""
    the_lab.start_agent(**changes)
    for name in SERVERS4:
        the_lab.start_nginx(name)
    the_lab.web()
    the_lab.web(VIP6, list(SERVERS6.values()))
    the_lab.healthy(4)
    return the_lab


@pytest.fixture(scope="module")
def base():
    """The lab of those tests that leave things as they were."""
    the_lab = lab_module.Lab("two")
    try:
        yield up(the_lab)
    finally:
        the_lab.close()


@pytest.fixture
def lab(base):
    """With both servers of both listeners up afterwards."""
    yield base
    base.healthy(4)


@pytest.fixture
def other(request):
    """A lab of the test's own, without an agent; parametrise indirectly with Lab's arguments."""
    the_lab = lab_module.Lab(**getattr(request, "param", {}))
    try:
        yield the_lab
    finally:
        the_lab.close()


def connect_seconds(the_lab, vip=VIP4):
    """How long a GET at the VIP took; it must succeed."""
    url = f"http://[{vip}]/" if ":" in vip else f"http://{vip}/"
    return float(
        the_lab.run("client", f"curl -sg --max-time 5 -o /dev/null -w '%{{time_total}}' '{url}'")
    )


@pytest.mark.parametrize("vip", [VIP4, VIP6], ids=["v4", "v6"])
def test_a_flushed_neighbour_of_the_server_costs_at_most_one_retransmission(lab, vip):
    for _ in range(2):
        lab.run("gateway", "ip neigh flush dev g1; ip -6 neigh flush dev g1")
        assert connect_seconds(lab, vip) < 1.5


@pytest.mark.parametrize("vip", [VIP4, VIP6], ids=["v4", "v6"])
def test_a_flushed_neighbour_of_the_client_costs_at_most_one_retransmission(lab, vip):
    """Lost replies: the kernel is asked to resolve whom it has never talked to itself."""
    for _ in range(2):
        lab.run("gateway", "ip neigh flush dev g0; ip -6 neigh flush dev g0")
        assert connect_seconds(lab, vip) < 1.5


def test_a_servers_new_mac_is_followed(lab):
    for last in (1, 2):
        mac = f"02:00:00:00:00:{last:02x}"
        lab.run("srv1", f"ip link set eth0 address {mac}")
        lab.run("srv1", "ip route replace default via 10.2.0.1")
        lab.run("srv1", "ping -c1 -W1 10.2.0.1; ping -c1 -W1 fd02::1")
        wait_until(lambda: mac in lab.run("gateway", "ip neigh show 10.2.0.11"))
        wait_until(lambda: lab.get() == "srv1", timeout=3, why="the primary answers")
        lab.healthy(4)


def test_forwarding_off_is_named_and_counted(lab):
    """What was looked up before goes on; what is looked up anew is the host's, which drops it."""
    lab.run("gateway", "sysctl -qw net.ipv4.ip_forward=0")
    try:
        wait_until(lambda: "net.ipv4.ip_forward=1" in lab.ctl("status").stdout)
        lab.run("gateway", "ip route add 198.51.100.0/24 dev g0; ip route del 198.51.100.0/24")

        def counted():
            lab.get(timeout=0.1)
            return lab.reasons()["pass_forwarding_off"] > 0

        wait_until(counted)
    finally:
        lab.run("gateway", "sysctl -qw net.ipv4.ip_forward=1")
    wait_until(lambda: lab.get() == "srv1")
    assert "ip_forward" not in lab.ctl("status").stdout


def test_strict_reverse_path_filtering_everywhere_changes_nothing(lab):
    """Probes have the gateway's own address as source, never the VIP."""
    for name in ("gateway", "client", "srv1", "srv2"):
        lab.run(name, "for f in /proc/sys/net/ipv4/conf/*/rp_filter; do echo 1 > $f; done")
    assert lab.get() == "srv1"
    # Also what goes through the stack because nothing is resolved yet.
    lab.run("gateway", "ip neigh flush dev g1")
    assert connect_seconds(lab) < 1.5
    before = [s["Health"] for s in (lab.server("Master"), lab.server("Slave"))]
    assert before == ["up", "up"]
    probe = lab.run("srv1", "timeout 20 tcpdump -Unni eth0 -c 4 'tcp dst port 8080'", check=False)
    assert set(re.findall(r"IP (\S+)\.\d+ >", probe)) == {"10.2.0.1"}


def test_a_peer_without_napi_loses_frames_and_status_names_the_remedy(lab):
    lab.run("switch", "ethtool -K p-gateway-g1 gro off")
    try:
        assert lab.get(timeout=0.5) == ""
        status = lab.ctl("status").stdout
        assert "g1 refused" in status and "gro on" in status
    finally:
        lab.run("switch", "ethtool -K p-gateway-g1 gro on")
    wait_until(lambda: lab.get() == "srv1")


def test_status_says_nothing_of_a_healthy_gateway(other):
    up(other)
    assert other.get() == "srv1"
    assert "warning" not in other.ctl("status").stdout


@pytest.mark.parametrize("part", ["v4", "v6"])
def test_an_unresolved_server_is_reached_through_the_stack_without_an_agent(other, part):
    """X3: the kernel takes the rewritten packet, resolves, and sends it; also with rp_filter."""
    vip, servers = (VIP4, SERVERS4) if part == "v4" else (VIP6, SERVERS6)
    other.run("gateway", "for f in /proc/sys/net/ipv4/conf/*/rp_filter; do echo 1 > $f; done")
    other.start_agent()
    other.start_nginx("srv1")
    balancer = other.balancer(vip)
    other.listener(
        balancer, other.group(balancer, servers=list(servers.values())), HealthCheckSwitch="off"
    )
    wait_until(lambda: other.server("Master")["NextHop"] == "resolved")
    other.run("switch", "ip link set p-srv1-eth0 down")
    other.run("gateway", "ip neigh flush dev g1; ip -6 neigh flush dev g1")
    wait_until(lambda: other.server("Master")["NextHop"] == "unresolved", timeout=10)
    assert "is not resolved" in other.ctl("status").stdout
    before = other.reasons()["pass_server_unresolved"]
    other.stop_agent(lab_module.signal.SIGKILL)
    other.run("switch", "ip link set p-srv1-eth0 up")
    assert connect_seconds(other, vip) < 1.5
    other.start_agent()
    assert other.reasons()["pass_server_unresolved"] > before


def endpoints(the_lab):
    """The endpoints of the IPv4 map, as the data plane has them."""
    text = the_lab.run("gateway", f"bpftool map dump pinned {the_lab.pins}/endpoints4")
    return {int(word) for word in re.findall(r'"addr": (\d+)', text)}


def number(address):
    """An IPv4 address as the number that its four bytes are on this machine."""
    return int.from_bytes(bytes(int(part) for part in address.split(".")), "little")


def test_a_server_replaced_at_a_new_address_takes_its_flows_along(other):
    """D26; and the old endpoint is gone from the maps, so its packets are its own again."""
    lab = other
    lab.start_agent()
    for name in SERVERS4:
        lab.start_nginx(name)
        lab.start_end(name, "name", NAME, name)
        assert lab.ctl("server", "add", name, SERVERS4[name]).returncode == 0
    balancer = lab.balancer()
    group = lab.group(balancer, NAME, ["srv1", "srv2"])
    lab.listener(balancer, group, NAME, "UDP", HealthCheckType="tcp", HealthCheckConnectPort=8080)
    lab.healthy(2)
    assert number(SERVERS4["srv1"]) in endpoints(lab)
    ask = lab.begin("client", "ask", VIP4, NAME, 40006, 1)
    wait_until(lambda: lab.server("Master")["Counters"]["PacketsOut"] > 50)
    lab.run("srv1", "ip addr add 10.2.0.21/24 dev eth0")
    done = lab.ctl("server", "add", "srv1", "10.2.0.21", "--replace")
    assert done.returncode == 0, done.stderr
    assert number(SERVERS4["srv1"]) not in endpoints(lab)
    assert number("10.2.0.21") in endpoints(lab)
    assert lab.server("Master")["ServerIp"] == "10.2.0.21"
    # The old address is no longer needed by anything.
    lab.run("srv1", "sysctl -qw net.ipv4.conf.eth0.promote_secondaries=1")
    lab.run("srv1", "ip addr del 10.2.0.11/24 dev eth0")
    before = lab.server("Master")["Counters"]["PacketsOut"]
    wait_until(lambda: lab.server("Master")["Counters"]["PacketsOut"] > before + 50)
    wait_until(lambda: lab.server("Master")["Health"] == "up")
    seen = lab.finish(ask)
    # A reply that was under way from the old address does not count any more.
    lost = seen["who"].count(None)
    assert set(seen["who"]) - {None} <= {"srv1", "srv2"} and seen["who"][-1] == "srv1"
    assert lost < 5, f"{lost} of {len(seen['who'])}"


def test_a_deleted_listener_delivers_nothing_more(other):
    """U4: from the answer on, not one datagram reaches the server."""
    lab = other
    lab.start_agent()
    server = lab.start_end("srv1", "name", NAME, "srv1")
    balancer = lab.balancer()
    group = lab.group(balancer, NAME)
    lab.listener(balancer, group, NAME, "UDP", HealthCheckSwitch="off")
    ask = lab.begin("client", "ask", VIP4, NAME, 40007, 1)
    wait_until(lambda: lab.server("Master")["Counters"]["PacketsOut"] > 50)
    lab.api(
        "DeleteLoadBalancerListener",
        LoadBalancerId=balancer,
        ListenerPort=NAME,
        ListenerProtocol="udp",
    )
    answered = time.monotonic()
    assert lab.api.listeners() == []
    wait_until(lambda: lab.reasons()["pass_not_ours"] > 0)
    seen, arrived = lab.finish(ask), lab.finish(server)
    assert seen["sent"][-1] > answered, "the client went on sending"
    # What was under way on the wires has arrived within a few milliseconds.
    assert max(when for when, _ in arrived) < answered + 0.02


@pytest.mark.parametrize("other", [{"queues": 4}], indirect=True)
def test_devices_with_several_queues_work_without_being_told_and_counters_sum_up(other):
    up(other)
    before = other.server("Master")["Counters"]
    load = other.begin("client", "load", VIP4, 80, 4)
    wait_until(lambda: other.server("Master")["Counters"]["Syn"] > before["Syn"] + 300)
    results = other.finish(load)
    assert {(who, error) for _, _, who, error in results} == {("srv1", "")}
    counters = other.server("Master")["Counters"]
    assert counters["Syn"] - before["Syn"] == len(results)
    assert counters["SynAck"] - before["SynAck"] == len(results)


def on_bridges(the_lab):
    """Put each device of the gateway under a bridge, which has no native XDP."""
    for device in list(the_lab.devices):
        bridge = "b" + device[1:]
        the_lab.run("gateway", f"ip link add {bridge} type bridge; ip link set {bridge} up")
        addresses = the_lab.run("gateway", f"ip -o addr show {device} scope global")
        found = re.findall(r"inet6? (\S+)", addresses)
        the_lab.run("gateway", f"ip addr flush dev {device}; ip link set {device} master {bridge}")
        for address in found:
            nodad = " nodad" if ":" in address else ""
            the_lab.run("gateway", f"ip addr add {address} dev {bridge}{nodad}")
    the_lab.devices = ["b" + device[1:] for device in the_lab.devices]


@pytest.mark.parametrize("other", [{"arms": "two"}, {"arms": "one"}], indirect=True)
def test_an_interface_without_native_xdp_is_served_in_generic_mode_and_said_so(other):
    on_bridges(other)
    if other.arms == "one":
        other.run("gateway", "sysctl -qw net.ipv4.conf.b0.send_redirects=0")
    up(other)
    assert "mode=generic" in other.agent_log.read_text()
    assert "xdpgeneric" in other.run("gateway", "ip link show b0")
    assert other.get() == "srv1"
    assert other.get(f"http://[{VIP6}]/") == "srv1"
    size = other.run("client", f"curl -s --max-time 20 http://{VIP4}/big | wc -c")
    assert int(size) == 64 << 20
    # And in place over a restart.
    other.stop_agent()
    assert other.get() == "srv1"
    other.start_agent()
    assert other.get() == "srv1"


def test_a_veth_whose_peer_leaves_checksums_to_the_device_is_not_served_as_the_manual_says(other):
    """XDP meets half a checksum, and the receiver drops what is redirected with it."""
    up(other)
    other.run("client", "ethtool -K eth0 tx on")
    assert other.get(timeout=0.5) == ""
    other.run("client", "ethtool -K eth0 tx off")
    assert other.get() == "srv1"
    manual = (lab_module.ROOT / "tools/man/tandemd.8").read_text()
    assert "ethtool -K PEER tx off" in manual
    # Behind a bridge whose port computes them it is served, with all offloads at the far end.
    for name in SERVERS4:
        other.run(name, "ethtool -K eth0 tx on; ethtool -K eth0 tso on; ethtool -K eth0 gso on")
    size = other.run("client", f"curl -s --max-time 20 http://{VIP4}/big | wc -c")
    assert int(size) == 64 << 20


def test_the_vip_is_put_on_the_interface_and_announced(other):
    """A client that had another gateway's MAC for it follows at once: GARP and NA."""
    lab = other
    lab.start_agent()
    for address in (VIP4, VIP6):
        lab.run("client", f"ip neigh replace {address} lladdr 02:00:00:00:00:99 dev eth0 nud stale")
    capture = lab.start(
        "client",
        ["tcpdump", "--immediate-mode", "-lnni", "eth0", "arp or icmp6"],
        stdout=lab_module.subprocess.PIPE,
        stderr=lab_module.subprocess.PIPE,
        text=True,
    )
    assert "listening on" in capture.stderr.readline() + capture.stderr.readline()
    first, second = lab.balancer(), lab.balancer(VIP6)
    mac = re.search(r"ether (\S+)", lab.run("gateway", "ip link show g0"))[1]

    def learned(address):
        return mac in lab.run("client", f"ip neigh show {address}")

    wait_until(lambda: learned(VIP4) and learned(VIP6), why="the client follows the announcements")
    lab.stop(capture)
    seen = capture.stdout.read()
    assert f"who-has {VIP4} tell {VIP4}" in seen or f"Reply {VIP4} is-at {mac}" in seen
    assert f"neighbor advertisement, tgt is {VIP6}" in seen
    shown = lab.run("gateway", "ip addr show g0")
    assert f"{VIP4}/32" in shown and f"{VIP6}/128" in shown
    for balancer in (first, second):
        lab.api("DeleteLoadBalancer", LoadBalancerId=balancer)
    shown = lab.run("gateway", "ip addr show")
    assert VIP4 not in shown and VIP6 not in shown


def test_with_manage_vip_off_the_agent_leaves_addresses_to_others(other):
    lab = other
    lab.run("client", f"ip route add {VIP4} via 10.1.0.1; ip -6 route add {VIP6} via fd01::1")
    up(lab, manage_vip=False)
    shown = lab.run("gateway", "ip addr show")
    assert VIP4 not in shown and VIP6 not in shown
    assert lab.get() == "srv1"
    assert lab.get(f"http://[{VIP6}]/") == "srv1"
    lab.stop_agent()
    lab.run("gateway", f"ip addr add {VIP4}/32 dev g0")
    assert lab.tandemd("--purge").returncode == 0
    assert VIP4 in lab.run("gateway", "ip addr show g0"), "purge takes only what the agent put"


@pytest.mark.parametrize("other", [{"arms": "one"}], indirect=True)
def test_with_one_arm_nobody_is_told_to_go_around_the_gateway(other):
    up(other)
    capture = other.start(
        "client",
        [
            "tcpdump",
            "--immediate-mode",
            "-lnni",
            "eth0",
            "icmp[0] == 5 or (icmp6 and ip6[40] == 137)",
        ],
        stdout=lab_module.subprocess.PIPE,
        stderr=lab_module.subprocess.PIPE,
        text=True,
    )
    assert "listening on" in capture.stderr.readline() + capture.stderr.readline()
    for _ in range(20):
        assert other.get() == "srv1"
        assert other.get(f"http://[{VIP6}]/") == "srv1"
    other.stop(capture)
    assert capture.stdout.read().strip() == ""
