# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Real programs through the VIP, with two arms and with one, over IPv4 and IPv6.

Covers of the field reports: D62-D66 (checksums, TTL), D63 and D64 with random payloads, DS6 (port
translation), X4 (what passes to the host), and the bench rule on checksum offload.
"""

import hashlib
import json
import re

import lab as lab_module
import pytest
from lab import SERVERS4, SERVERS6, VIP4, VIP6

VIPS = {"v4": VIP4, "v6": VIP6}
ECHO, NAME, IPERF, DNS = 7777, 7778, 5201, 53


def serve(the_lab):
    """Each program on both servers; one listener of each VIP for each of their ports."""
    for name in SERVERS4:
        the_lab.start_nginx(name)
        the_lab.start_dns(name)
        the_lab.start_end(name, "echo", ECHO)
        the_lab.start_end(name, "name", NAME, name)
        the_lab.start(name, ["iperf3", "-s", "-p", IPERF])
    for vip, servers in ((VIP4, SERVERS4), (VIP6, SERVERS6)):
        balancer = the_lab.balancer(vip)
        for port, target, protocol in (
            (80, 8080, "TCP"),
            (ECHO, ECHO, "TCP"),
            (ECHO, ECHO, "UDP"),
            (NAME, NAME, "UDP"),
            (IPERF, IPERF, "TCP"),
            (IPERF, IPERF, "UDP"),
            (DNS, DNS, "UDP"),
        ):
            group = the_lab.group(balancer, target, list(servers.values()))
            checks = {}
            if port == IPERF:
                # It serves one test at a time; a check would be taken for one.
                checks = {"HealthCheckConnectPort": 8080}
                if protocol == "UDP":
                    checks["HealthCheckType"] = "tcp"
            elif port == NAME:
                checks = {"healthCheckReq": "ping", "healthCheckExp": "ping"}
            the_lab.listener(balancer, group, port, protocol, **checks)
    the_lab.healthy(28)


@pytest.fixture(scope="module", params=["two", "one"])
def lab(request):
    """One lab for the module, with every program served."""
    the_lab = lab_module.Lab(request.param)
    try:
        the_lab.start_agent()
        serve(the_lab)
        yield the_lab
    finally:
        the_lab.close()


def url(vip, path="/"):
    """HTTP at a VIP."""
    return f"http://[{vip}]{path}" if ":" in vip else f"http://{vip}{path}"


def iperf(the_lab, vip, *options):
    """Run iperf3 as the client for a second; return its "end" report."""
    done = the_lab.run(
        "client", f"iperf3 -J -t 1 -c {vip} -p {IPERF} {' '.join(options)}", check=False
    )
    report = json.loads(done)
    assert "error" not in report, report["error"]
    return report["end"]


@pytest.mark.parametrize("vip", VIPS.values(), ids=VIPS)
def test_http_is_served_by_the_primary_with_the_port_translated(lab, vip):
    assert {lab.get(url(vip)) for _ in range(10)} == {"srv1"}


@pytest.mark.parametrize("vip", VIPS.values(), ids=VIPS)
def test_sixty_four_mebibytes_arrive_unharmed(lab, vip):
    want = hashlib.sha256((lab.dir / "big").read_bytes()).hexdigest()
    got = lab.run("client", f"curl -sg --max-time 30 '{url(vip, '/big')}' | sha256sum")
    assert got.split()[0] == want


@pytest.mark.parametrize("vip", VIPS.values(), ids=VIPS)
def test_iperf3_runs_in_both_directions(lab, vip):
    assert iperf(lab, vip)["sum_received"]["bytes"] > 1 << 20
    assert iperf(lab, vip, "-R")["sum_received"]["bytes"] > 1 << 20


def test_iperf3_over_udp_loses_nothing_at_a_moderate_rate(lab):
    for direction in ("", "-R"):
        total = iperf(lab, VIP4, "-u -b 20M", direction)["sum"]
        assert total["packets"] > 1000
        assert total["lost_packets"] == 0


@pytest.mark.parametrize("vip", VIPS.values(), ids=VIPS)
def test_a_dns_server_answers_over_udp(lab, vip):
    answer = lab.run("client", f"dig +short +tries=1 +time=2 @{vip} who.test TXT")
    assert answer.strip() == '"srv1"'


@pytest.mark.parametrize("protocol", ["tcp", "udp"])
@pytest.mark.parametrize("vip", VIPS.values(), ids=VIPS)
def test_receivers_accept_the_checksums_of_random_payloads(lab, vip, protocol):
    """The kernel verifies each: nothing vouches for them on the way, and a bad one counts."""

    def errors():
        text = "".join(lab.run(n, "cat /proc/net/snmp /proc/net/snmp6") for n in ("client", "srv1"))
        udp6 = re.findall(r"Udp6InCsumErrors\s+(\d+)", text)
        rows = [line.split() for line in text.splitlines() if line.startswith(("Tcp:", "Udp:"))]
        total = sum(map(int, udp6))
        for names, values in zip(rows[::2], rows[1::2]):
            total += int(values[names.index("InCsumErrors")])
        return total

    before = errors()
    command = f"/usr/bin/python3 {lab_module.ENDS} payloads {protocol} {vip} {ECHO} 10000"
    assert lab.run("client", command).strip() == "10000"
    assert errors() == before


@pytest.mark.parametrize("vip", VIPS.values(), ids=VIPS)
def test_the_server_sees_a_ttl_of_one_less(lab, vip):
    asked = lab.begin("client", "ask", vip, NAME, 40000, 5)
    lab_module.wait_until(lambda: lab.server("Master", NAME)["Counters"]["PacketsIn"] > 5)
    assert lab.finish(asked)["ttls"] == {"srv1": 63}


@pytest.mark.parametrize("vip", VIPS.values(), ids=VIPS)
def test_the_vip_and_the_gateway_answer_pings(lab, vip):
    own = "fd01::1" if ":" in vip else "10.1.0.1"
    for address in (vip, own):
        assert " 0% packet loss" in lab.run("client", f"ping -c 3 -i 0.01 -W 1 {address}")


def test_the_gateways_own_tcp_server_is_reached(lab):
    """As SSH would be, on the host's address and on a port of the VIP that no listener has."""
    server = lab.start_nginx("gateway", port=2222, body="gateway")
    try:
        for address in ("10.1.0.1", "[fd01::1]", VIP4, f"[{VIP6}]"):
            assert lab.get(f"http://{address}:2222/") == "gateway"
        # The same port number as a listener's, but not the VIP's.
        lab.stop(server)
        server = lab.start_nginx("gateway", port=80, body="gateway")
        assert lab.get("http://10.1.0.1/") == "gateway"
        assert lab.get(url(VIP4)) == "srv1"
    finally:
        lab.stop(server)


def test_a_port_of_the_vip_without_a_listener_is_refused_by_the_host(lab):
    before = lab.reasons()["pass_not_ours"]
    done = lab.run("client", f"curl -s --max-time 2 http://{VIP4}:81/; echo $?", check=False)
    assert done.strip() == "7"
    assert lab.reasons()["pass_not_ours"] > before


def test_a_server_is_reached_past_the_vip_on_another_port_and_on_the_idle_one(lab):
    direct = lab.start_nginx("srv1", port=9090, body="direct")
    try:
        assert lab.get("http://10.2.0.11:9090/") == "direct"
        assert lab.get("http://[fd02::11]:9090/") == "direct"
        # The secondary's service port is its own as long as it is idle.
        assert lab.get("http://10.2.0.12:8080/") == "srv2"
    finally:
        lab.stop(direct)


def test_neighbours_are_resolved_through_the_program(lab):
    lab.run("client", "ip neigh flush all; ip -6 neigh flush all")
    assert lab.get(url(VIP4)) == "srv1"
    assert lab.get(url(VIP6)) == "srv1"
    table = lab.run(
        "client", "ip neigh show 10.1.0.1; ip neigh show 10.1.0.100; ip neigh show fd01::100"
    )
    assert table.count("lladdr") >= 2


def test_every_packet_is_counted_under_a_good_reason(lab):
    """Last: what was sent above met no drop but those that are named here."""
    reasons = lab.reasons()
    dropped = {name: n for name, n in reasons.items() if n and name.startswith("drop_")}
    dropped.pop("drop_client_unresolved", None)
    assert dropped == {}
    sent = (
        ("forward_tx", "return_tx")
        if lab.arms == "one"
        else ("forward_redirect", "return_redirect")
    )
    assert all(reasons[name] > 1000 for name in sent)
    # iperf3 at full speed may fill a queue on a busy machine; nothing else may be refused.
    for interface in lab.api("DescribeStatus")["Agent"]["Interfaces"]["Interface"]:
        assert interface["LastSendError"] in ("", "queue full")
        assert interface["SendErrors"] < sum(reasons[name] for name in sent) / 100
    assert lab.server("Slave", 80)["Counters"]["PacketsIn"] == 0
