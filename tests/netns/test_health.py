# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Health checks end to end: what counts as alive, and what clients meet when nothing does.

Covers of the field reports: H1 and D6 (a server returns by itself), H2 (unreachable routes), H6 and
H8 (UDP checks that could never fail are refused, silence is failure), H7 and D29 (ICMP that is rate
limited), H9 (checks on another port), H10 and D30 (expected replies), D9 (isolated misses), F1 (the
standby is always checked), F4 and D5 (a server twice), F7 and F8 (none healthy, weight 0, empty
group), U2, U4 and D8 (nothing healthy, or deleted, under traffic).
"""

import json
import pathlib
import sys

import pytest
from lab import CLIENT4, SERVERS4, VIP4, ApiError, Lab, wait_until
from observe import Count, map_used, server

CHECKED = pathlib.Path(__file__).with_name("checked.py")
UDP_CHECK = {"healthCheckReq": "ping", "healthCheckExp": "pong"}


def start_checked(lab, name, *arguments):
    """Start checked.py in a namespace; returns (process, the file that its lines go to)."""
    log = lab.dir / f"checked-{name}-{arguments[0]}-{arguments[1]}"
    with open(log, "w", encoding="utf-8") as out:
        process = lab.start(name, [sys.executable, CHECKED, *arguments], stdout=out)
    wait_until(log.read_text, why=f"checked.py of {name} is ready")
    return process, log


def start_udp_servers(lab):
    """UDP servers at 9000 that answer "pong" and their name; returns their processes."""
    return {name: start_checked(lab, name, "udp", 9000, f"pong-{name}")[0] for name in SERVERS4}


def udp_service(lab, **parameters):
    """VIP:5000 over UDP to 9000 of both servers; returns (load balancer, group)."""
    balancer = lab.balancer()
    group = lab.group(balancer, port=9000)
    lab.listener(balancer, group, port=5000, protocol="UDP", **parameters)
    return balancer, group


def wait_health(lab, role, health, timeout=5):
    """Wait for the verdict on one server of the only listener; returns the server."""
    wait_until(lambda: server(lab, role)["Health"] == health, timeout, why=f"{role} is {health}")
    return server(lab, role)


def wait_active(lab, role):
    """Wait until @role serves the only listener."""
    wait_until(lambda: lab.api.active() == role, why=f"{role} serves")


def start_web(lab):
    """nginx on both servers; returns their processes."""
    return {name: lab.start_nginx(name) for name in SERVERS4}


HTTP_CHECK = {"HealthCheckType": "http", "HealthCheckURI": "/health"}


@pytest.mark.parametrize(
    "check", [{}, HTTP_CHECK, {**HTTP_CHECK, "HealthCheckHttpCode": "http_2xx,http_3xx"}]
)
def test_a_server_that_returns_serves_again_without_a_restart(lab, check):
    web = start_web(lab)
    lab.web(**check)
    lab.healthy()
    assert lab.get() == "srv1"

    lab.stop(web["srv1"])
    down = wait_health(lab, "Master", "down")
    assert down["LastResult"] == "refused"
    assert lab.get() == "srv2"

    lab.start_nginx("srv1")
    wait_health(lab, "Master", "up")
    assert lab.get() == "srv1"
    assert lab.agent.poll() is None


@pytest.mark.parametrize(
    "codes, status, health",
    [
        (None, "204", "up"),
        (None, "302", "down"),
        (None, "500", "down"),
        ("http_2xx,http_3xx", "302", "up"),
        ("http_4xx", "404", "up"),
        ("http_4xx", "200", "down"),
    ],
)
def test_an_http_check_judges_by_the_class_of_the_status(lab, codes, status, health):
    _, log = start_checked(lab, "srv1", "http", 8080, status)
    wanted = {"HealthCheckHttpCode": codes} if codes else {}
    lab.web(HealthCheckType="http", HealthCheckURI="/alive?x=1", **wanted)
    found = wait_health(lab, "Master", health)
    assert found["LastResult"] == ("ok" if health == "up" else "bad_status")
    assert status in found["Evidence"]
    assert f"HEAD /alive?x=1 10.2.0.11:8080 {status}" in log.read_text().splitlines()[1:]


def test_an_http_check_sends_the_method_and_the_host_that_it_is_told(lab):
    _, log = start_checked(lab, "srv1", "http", 8080, "200")
    lab.web(**HTTP_CHECK, HealthCheckMethod="get", HealthCheckDomain="www.example.org")
    wait_health(lab, "Master", "up")
    assert "GET /health www.example.org:8080 200" in log.read_text().splitlines()


@pytest.mark.parametrize("kind", ["unreachable", "prohibit", "blackhole"])
def test_a_server_behind_an_unreachable_route_is_down_until_the_route_is_gone(lab, kind):
    start_web(lab)
    lab.web()
    lab.healthy()

    lab.run("gateway", f"ip route add {kind} {SERVERS4['srv1']}/32")
    down = wait_health(lab, "Master", "down")
    assert down["LastResult"] in ("unreachable", "local_error"), down
    assert down["Evidence"]
    wait_active(lab, "Slave")
    assert lab.get() == "srv2"

    lab.run("gateway", f"ip route del {kind} {SERVERS4['srv1']}/32")
    wait_health(lab, "Master", "up")
    assert lab.get() == "srv1"


def test_a_udp_check_needs_its_reply(lab):
    servers = start_udp_servers(lab)
    udp_service(lab, **UDP_CHECK)
    lab.healthy()

    # Silence: the datagrams are lost on the way in.
    lab.run(
        "srv1",
        "nft 'add table inet lost; add chain inet lost c { type filter hook"
        " prerouting priority 0; }; add rule inet lost c udp dport 9000 drop'",
    )
    assert wait_health(lab, "Master", "down")["LastResult"] == "timeout"
    wait_active(lab, "Slave")
    lab.run("srv1", "nft delete table inet lost")
    wait_health(lab, "Master", "up")
    wait_active(lab, "Master")

    # Refused: nobody listens.
    lab.stop(servers["srv1"])
    wait_health(lab, "Master", "down")
    wait_active(lab, "Slave")

    # The wrong reply.
    start_checked(lab, "srv1", "udp", 9000, "bye")
    wait_until(lambda: server(lab, "Master")["LastResult"] == "bad_reply", why="bye is no pong")
    assert server(lab, "Master")["Health"] == "down"
    wait_active(lab, "Slave")


def test_a_udp_server_without_a_neighbour_is_down_even_where_silence_is_good(lab):
    start_udp_servers(lab)
    udp_service(lab)
    lab.healthy()
    lab.run("srv1", "ip link set eth0 down")
    lab.run("gateway", "sysctl -qw net.ipv4.neigh.g1.retrans_time_ms=100; ip neigh flush dev g1")
    down = wait_health(lab, "Master", "down")
    assert down["LastResult"] == "unreachable", down
    wait_active(lab, "Slave")


def test_silence_is_good_only_where_it_was_asked_for(lab):
    for name in SERVERS4:
        start_checked(lab, name, "udp", 9000, "")
    udp_service(lab)
    lab.healthy()
    assert "silent" in server(lab, "Master")["Evidence"]


@pytest.mark.parametrize("check", [UDP_CHECK, {"HealthCheckAssumeUpOnSilence": "on"}])
def test_a_dead_udp_server_is_found_while_a_flood_uses_up_its_icmp_errors(lab, check):
    lab.run("srv1", "sysctl -qw net.ipv4.icmp_ratelimit=1000")
    servers = start_udp_servers(lab)
    udp_service(lab, **check)
    lab.healthy()
    lab.start("client", [sys.executable, CHECKED, "send", VIP4, 5000])
    wait_until(lambda: server(lab, "Master")["Counters"]["PacketsIn"] > 200, why="the flood runs")

    lab.stop(servers["srv1"])
    wait_health(lab, "Master", "down", timeout=10)
    wait_active(lab, "Slave")


def test_a_closed_udp_port_is_down_and_stays_down(lab):
    start_checked(lab, "srv2", "udp", 9000, "x")
    udp_service(lab)
    wait_health(lab, "Master", "down", timeout=10)
    seen = set()

    def settled():
        item = server(lab, "Master")
        seen.add(item["Health"])
        return item["SinceMs"] > 2000

    wait_until(settled, timeout=10, why="the verdict is two seconds old")
    assert seen == {"down"}, "the verdict alternated while nothing listened"
    assert lab.api.listeners()[0]["Switches"] <= 1


@pytest.mark.parametrize("kind", ["tcp", "http"])
def test_a_udp_service_can_be_checked_over_tcp_or_http_on_another_port(lab, kind):
    web = start_web(lab)
    for name in SERVERS4:
        lab.start_dns(name)
    balancer = lab.balancer()
    group = lab.group(balancer, port=53)
    check = {"HealthCheckType": kind, "HealthCheckConnectPort": 8080}
    if kind == "http":
        check["HealthCheckURI"] = "/health"
    lab.listener(balancer, group, 53, "UDP", HealthCheckAssumeUpOnSilence="off", **check)
    lab.healthy()
    ask = f"dig +short +time=1 +tries=1 @{VIP4} who.test TXT"
    assert lab.run("client", ask).strip() == '"srv1"'
    told = lab.api(
        "DescribeLoadBalancerUDPListenerAttribute", LoadBalancerId=balancer, ListenerPort=53
    )
    assert (told["HealthCheckType"], told["HealthCheckConnectPort"]) == (kind, 8080)

    lab.stop(web["srv1"])
    wait_active(lab, "Slave")
    assert lab.run("client", ask).strip() == '"srv2"'


def test_isolated_misses_do_not_bring_a_server_down(lab):
    _, log = start_checked(lab, "srv1", "http", 8080, "200x4,500,200x3,500")
    start_checked(lab, "srv2", "http", 8080, "200")
    lab.web(
        HealthCheckType="http",
        HealthCheckURI="/x",
        HealthCheckIntervalMs=20,
        HealthCheckTimeoutMs=20,
    )
    lab.healthy()
    seen = set()

    def enough():
        seen.add(server(lab, "Master")["Health"])
        return log.read_text().count(" 500") >= 12

    wait_until(enough, timeout=20, why="twelve single misses")
    assert seen == {"up"}
    assert lab.api.listeners()[0]["Switches"] == 0


def test_a_dead_standby_is_known_and_never_switched_to(lab):
    web = start_web(lab)
    balancer, _ = lab.web()
    lab.healthy()
    assert "redundancy" not in lab.ctl("status").stdout

    lab.stop(web["srv2"])
    wait_health(lab, "Slave", "down")
    health = {
        item["ServerIp"]: item["ServerHealthStatus"]
        for item in lab.api("DescribeHealthStatus", LoadBalancerId=balancer)["BackendServers"][
            "BackendServer"
        ]
    }
    assert health == {"10.2.0.11": "normal", "10.2.0.12": "abnormal"}
    assert lab.api.active() == "Master" and lab.get() == "srv1"
    assert "redundancy lost: 10.2.0.12 (secondary) is down" in lab.ctl("status").stdout

    arrivals = Count(lab, "srv2", f"ip saddr {CLIENT4}")
    lab.stop(web["srv1"])
    wait_active(lab, "none")
    assert lab.run("client", f"curl -s --max-time 2 http://{VIP4}/; echo $?").strip() == "7"
    assert arrivals.read() == 0, "traffic went to a server that was known to be dead"
    listener = lab.api.listeners()[0]
    assert listener["Reason"] == "both_down"

    lab.start_nginx("srv2")
    wait_active(lab, "Slave")
    assert lab.get() == "srv2"


@pytest.mark.parametrize("policy, code", [("reject", 7), ("drop", 28), ("last", 7)])
def test_none_healthy_does_what_the_policy_says(lab, policy, code):
    """curl: 7 is refused at once, 28 is no answer in time."""
    web = start_web(lab)
    lab.web(NoneHealthy=policy)
    lab.healthy()
    for process in web.values():
        lab.stop(process)
    wait_until(
        lambda: {server(lab, role)["Health"] for role in ("Master", "Slave")} == {"down"},
        why="both are down",
    )
    before = lab.reasons()
    last = lab.api.active()
    assert last == ("none" if policy != "last" else last) and last is not None
    out = lab.run("client", f"curl -s --connect-timeout 0.5 http://{VIP4}/; echo $?")
    assert out.strip() == str(code)

    now = lab.reasons()
    moved = {name for name in now if now[name] > before[name]}
    expected = {
        "reject": "reject_tcp_reset",
        "drop": "drop_none_healthy",
        "last": "forward_redirect",
    }
    assert expected[policy] in moved
    assert not moved & (set(expected.values()) - {expected[policy], "forward_redirect"})
    assert ("forward_redirect" in moved) == (policy == "last")

    for name in SERVERS4:
        lab.start_nginx(name)
    wait_active(lab, "Master")
    assert lab.get() == "srv1"


def test_weight_zero_takes_no_traffic_whatever_the_health(lab):
    start_web(lab)
    balancer = lab.balancer()

    def group(primary, secondary):
        backends = [
            {"ServerId": "10.2.0.11", "Port": 8080, "ServerType": "Master", "Weight": primary},
            {"ServerId": "10.2.0.12", "Port": 8080, "ServerType": "Slave", "Weight": secondary},
        ]
        return lab.api(
            "CreateMasterSlaveServerGroup",
            LoadBalancerId=balancer,
            MasterSlaveBackendServers=json.dumps(backends),
        )["MasterSlaveServerGroupId"]

    lab.listener(balancer, group(0, 100))
    lab.healthy()
    assert lab.api.active() == "Slave" and lab.get() == "srv2"
    assert lab.api.listeners()[0]["Reason"] == "primary_weight_zero"
    lab.api("DeleteLoadBalancerListener", LoadBalancerId=balancer, ListenerPort=80)

    lab.listener(balancer, group(0, 0), NoneHealthy="last")
    lab.healthy()
    assert lab.api.active() == "none"
    assert lab.api.listeners()[0]["Reason"] == "weights_zero"
    assert lab.run("client", f"curl -s --max-time 2 http://{VIP4}/; echo $?").strip() == "7"


def test_an_empty_group_is_no_group_to_listen_with(lab):
    balancer = lab.balancer()
    group = lab.api("CreateMasterSlaveServerGroup", LoadBalancerId=balancer)
    with pytest.raises(ApiError) as refused:
        lab.listener(balancer, group["MasterSlaveServerGroupId"])
    assert refused.value.code == "VServerGroupEmpty"
    assert lab.api.listeners() == []


@pytest.mark.parametrize("second", ["10.2.0.11", "i-same"])
def test_one_endpoint_cannot_be_both_primary_and_secondary(lab, second):
    balancer = lab.balancer()
    lab.api("RegisterServer", ServerId="i-same", ServerIp="10.2.0.11")
    with pytest.raises(ApiError) as refused:
        lab.group(balancer, servers=["10.2.0.11", second])
    assert refused.value.code == "BACKEND_SERVERS_HAVE_SAME_PORT_AND_SERVERID"
    groups = lab.api("DescribeMasterSlaveServerGroups", LoadBalancerId=balancer)
    assert groups["MasterSlaveServerGroups"]["MasterSlaveServerGroup"] == []


def test_datagrams_are_dropped_by_policy_while_none_is_healthy_then_go_to_the_living(lab):
    servers = start_udp_servers(lab)
    udp_service(lab, **UDP_CHECK, NoneHealthy="drop")
    lab.healthy()
    arrivals = {name: Count(lab, name, f"ip saddr {CLIENT4} udp dport 9000") for name in SERVERS4}
    lab.start("client", [sys.executable, CHECKED, "send", VIP4, 5000])
    wait_until(lambda: arrivals["srv1"].read() > 50, why="datagrams reach the primary")

    for process in servers.values():
        lab.stop(process)
    wait_active(lab, "none")
    before = {name: count.read() for name, count in arrivals.items()}
    dropped = lab.reasons()["drop_none_healthy"]
    wait_until(lambda: lab.reasons()["drop_none_healthy"] > dropped + 300, why="drops are counted")
    assert {name: count.read() for name, count in arrivals.items()} == before

    start_checked(lab, "srv2", "udp", 9000, "pong")
    wait_active(lab, "Slave")
    wait_until(lambda: arrivals["srv2"].read() > before["srv2"] + 50, why="the living serves")
    assert arrivals["srv1"].read() == before["srv1"]


@pytest.mark.parametrize("what", ["stop", "listener", "balancer"])
@pytest.mark.parametrize("state", ["Master", "Slave", "none"])
def test_nothing_is_delivered_after_a_deletion_was_answered(lab, what, state):
    servers = start_udp_servers(lab)
    balancer, group = udp_service(lab, **UDP_CHECK)
    lab.healthy()
    arrivals = {name: Count(lab, name, f"ip saddr {CLIENT4} udp dport 9000") for name in SERVERS4}
    sent = Count(lab, "client", f"ip daddr {VIP4} udp dport 5000", hook="output")
    lab.start("client", [sys.executable, CHECKED, "send", VIP4, 5000])
    wait_until(lambda: arrivals["srv1"].read() > 50, why="datagrams reach the primary")
    for name in {"Master": (), "Slave": ("srv1",), "none": ("srv1", "srv2")}[state]:
        lab.stop(servers[name])
    wait_active(lab, state)

    named = {"LoadBalancerId": balancer}
    if what == "stop":
        lab.api("StopLoadBalancerListener", ListenerPort=5000, **named)
    elif what == "listener":
        lab.api("DeleteLoadBalancerListener", ListenerPort=5000, **named)
    else:
        lab.api("DeleteLoadBalancer", **named)
    before = {name: count.read() for name, count in arrivals.items()}
    so_far = sent.read()
    wait_until(lambda: sent.read() > so_far + 300, why="the client goes on")
    assert {name: count.read() for name, count in arrivals.items()} == before

    for name in ("services4", "endpoints4", "service_table"):
        assert map_used(lab, name) == [], name
    maps = lab.api("DescribeStatus")["Agent"]["Maps"]["Map"]
    assert {m["Name"]: m["Used"] for m in maps}["groups"] == 0
    if what == "listener":
        lab.api("DeleteMasterSlaveServerGroup", MasterSlaveServerGroupId=group)


REFUSED_CHECKS = [
    # protocol, parameters, code, what the message has to name
    ("UDP", {}, "MissingParameter", ["healthCheckReq", "HealthCheckAssumeUpOnSilence=on"]),
    (
        "UDP",
        {"healthCheckReq": "hi"},
        "MissingParameter",
        ["healthCheckExp", "HealthCheckSwitch=off"],
    ),
    (
        "UDP",
        {"healthCheckExp": "hi"},
        "MissingParameter",
        ["healthCheckReq", "HealthCheckType=tcp"],
    ),
    (
        "UDP",
        {"healthCheckReq": "\x01", "healthCheckExp": "x"},
        "InvalidParameter",
        ["healthCheckReq"],
    ),
    (
        "UDP",
        {"healthCheckReq": "x" * 501, "healthCheckExp": "x"},
        "InvalidParamLength.HealthCheckReq",
        ["healthCheckReq", "500"],
    ),
    (
        "UDP",
        {"healthCheckReq": "x", "healthCheckExp": "x" * 501},
        "InvalidParamLength.HealthCheckExp",
        ["healthCheckExp", "500"],
    ),
    (
        "UDP",
        {"HealthCheckType": "tcp", "healthCheckExp": "pong"},
        "InvalidParameter",
        ["healthCheckExp", "udp"],
    ),
    (
        "UDP",
        {"HealthCheckType": "http", "HealthCheckAssumeUpOnSilence": "on"},
        "InvalidParameter",
        ["HealthCheckAssumeUpOnSilence"],
    ),
    ("UDP", {**UDP_CHECK, "HealthCheckURI": "/x"}, "InvalidParameter", ["HealthCheckURI", "http"]),
    ("TCP", {"healthCheckExp": "pong"}, "InvalidParameter", ["healthCheckExp", "udp"]),
    ("TCP", {"healthCheckReq": "ping"}, "InvalidParameter", ["healthCheckReq", "udp"]),
    ("TCP", {"HealthCheckType": "udp"}, "InvalidParameter", ["HealthCheckType"]),
    (
        "TCP",
        {"HealthCheckType": "tcp", "HealthCheckURI": "/x"},
        "InvalidParameter",
        ["HealthCheckURI"],
    ),
    ("TCP", {"HealthCheckHttpCode": "http_2xx"}, "InvalidParameter", ["HealthCheckHttpCode"]),
    ("TCP", {"HealthCheckDomain": "a.test"}, "InvalidParameter", ["HealthCheckDomain"]),
    ("TCP", {"HealthCheckMethod": "get"}, "InvalidParameter", ["HealthCheckMethod"]),
    (
        "TCP",
        {"HealthCheckType": "http", "HealthCheckHttpCode": "200"},
        "InvalidParameter",
        ["HealthCheckHttpCode", "http_2xx"],
    ),
    (
        "TCP",
        {"HealthCheckType": "http", "HealthCheckURI": "/a b"},
        "InvalidParameter",
        ["HealthCheckURI"],
    ),
    (
        "TCP",
        {"HealthCheckType": "http", "HealthCheckDomain": "a\r\nX: y"},
        "InvalidParameter",
        ["HealthCheckDomain"],
    ),
]


@pytest.fixture(scope="module", name="idle")
def idle_fixture():
    """A lab with a load balancer and a group, for what is refused: (lab, their ids)."""
    the_lab = Lab()
    try:
        the_lab.start_agent()
        balancer = the_lab.balancer()
        yield the_lab, balancer, the_lab.group(balancer)
    finally:
        the_lab.close()


@pytest.mark.parametrize("protocol, check, code, named", REFUSED_CHECKS)
def test_a_check_that_could_not_work_is_refused_by_name(idle, protocol, check, code, named):
    lab, balancer, group = idle
    status, body = lab.api.raw(
        {
            "Action": f"CreateLoadBalancer{protocol}Listener",
            "LoadBalancerId": balancer,
            "ListenerPort": 80,
            "Bandwidth": -1,
            "MasterSlaveServerGroupId": group,
            **check,
        }
    )
    assert (status, body["Code"]) == (400, code), body
    for word in named:
        assert word in body["Message"]
    assert lab.api.listeners() == []
