# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The API on its real socket: the shapes of answers, the ways to ask, and hostile clients.

Covers of the field reports: A1 (two writers of one port), S3 (nothing listens on TCP, and the
socket is for its owner and group).
"""

import grp
import json
import os
import re
import socket
import stat
import subprocess
import threading
import time
import urllib.parse

import pytest
from lab import VIP4, ApiError, Lab, UnixConnection, wait_until
from observe import Count, everything, server

TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"


@pytest.fixture(scope="module", name="gateway")
def gateway_fixture():
    """A gateway that serves a load balancer over TCP and UDP at 80, and web servers."""
    lab = Lab()
    try:
        for name in ("srv1", "srv2"):
            lab.start_nginx(name)
        lab.start_agent()
        lab.balancer_id = lab.api(
            "CreateLoadBalancer",
            Address=VIP4,
            LoadBalancerName="shop",
            Tag__1__Key="team",
            Tag__1__Value="web",
        )["LoadBalancerId"]
        lab.group_id = lab.group(lab.balancer_id)
        lab.listener(lab.balancer_id, lab.group_id, 80, HealthCheckConnectPort=8080)
        lab.listener(
            lab.balancer_id,
            lab.group_id,
            80,
            "UDP",
            HealthCheckConnectPort=8080,
            HealthCheckSwitch="off",
        )
        lab.healthy()
        yield lab
    finally:
        lab.close()


# Shapes: a type, {key: shape}, or [shape] for a list, which is looked at where it has elements.
TAGS = {"Tag": [{"TagKey": str, "TagValue": str}]}
BALANCER = dict.fromkeys(
    "Address AddressIPVersion AddressType CreateTime DeleteProtection InstanceChargeType"
    " InternetChargeType LoadBalancerId LoadBalancerName LoadBalancerSpec LoadBalancerStatus"
    " MasterZoneId ModificationProtectionReason ModificationProtectionStatus NetworkType PayType"
    " RegionId RegionIdAlias ResourceGroupId SlaveZoneId VSwitchId VpcId".split(),
    str,
)
BALANCER |= {"Bandwidth": int, "CreateTimeStamp": int, "Tags": TAGS}
MEMBER = {
    "ServerId": str,
    "Port": int,
    "Weight": int,
    "ServerType": str,
    "Type": str,
    "Description": str,
}
MEMBERS = {"MasterSlaveBackendServer": [MEMBER]}
LISTENER = dict.fromkeys(
    "AclId AclStatus AclType Description HealthCheck LoadBalancerId MasterSlaveServerGroupId"
    " Scheduler Status VServerGroupId NoneHealthy".split(),
    str,
)
LISTENER |= dict.fromkeys(
    "Bandwidth HealthCheckConnectPort HealthCheckConnectTimeout HealthCheckInterval"
    " HealthyThreshold UnhealthyThreshold ListenerPort HealthCheckIntervalMs"
    " HealthCheckTimeoutMs".split(),
    int,
)
LISTENER |= {"AclIds": {"AclId": [str]}, "ProxyProtocolV2Enabled": bool, "Tags": TAGS}
HTTP_CHECK = dict.fromkeys(
    "HealthCheckType HealthCheckDomain HealthCheckURI HealthCheckHttpCode"
    " HealthCheckMethod".split(),
    str,
)
REASON = {"Name": str, "Action": str, "Packets": int, "Bytes": int}
COUNTERS = "PacketsIn BytesIn PacketsOut BytesOut Syn SynAck Rst Refused".split()
STATUS_SERVER = {
    **dict.fromkeys(
        "ServerId ServerIp Type ServerType Health LastResult Evidence NextHop".split(), str
    ),
    **dict.fromkeys("Port Weight Consecutive SinceMs LastProbeAgoMs ProbeDurationUs".split(), int),
    "Counters": dict.fromkeys(COUNTERS, int),
}
STATUS_LISTENER = {
    **dict.fromkeys(
        "LoadBalancerId LoadBalancerName Address ListenerProtocol Description Status"
        " MasterSlaveServerGroupId NoneHealthy Active Reason ActiveSince HealthCheck"
        " HealthCheckType".split(),
        str,
    ),
    **dict.fromkeys(
        "ListenerPort Switches Epoch HealthCheckIntervalMs HealthCheckTimeoutMs HealthyThreshold"
        " UnhealthyThreshold".split(),
        int,
    ),
    "Servers": {"Server": [STATUS_SERVER]},
}
INVENTORY = dict.fromkeys("ServerId ServerIp Type ZoneId VpcId Description CreateTime".split(), str)
LB, GROUP, AT_80 = "LoadBalancerId", "MasterSlaveServerGroupId", {"ListenerPort": 80}

# action, parameters over the object's id, the shape beside RequestId.
SHAPES = [
    (
        "DescribeLoadBalancers",
        {},
        {
            "LoadBalancers": {
                "LoadBalancer": [{**BALANCER, "InternetChargeTypeAlias": str}],
            },
            "PageNumber": int,
            "PageSize": int,
            "TotalCount": int,
        },
    ),
    (
        "DescribeLoadBalancerAttribute",
        {LB: "lb"},
        {
            **BALANCER,
            "EndTime": str,
            "EndTimeStamp": int,
            "BackendServers": {"BackendServer": []},
            "ListenerPorts": {"ListenerPort": [int]},
            "ListenerPortsAndProtocol": {
                "ListenerPortAndProtocol": [
                    {
                        "ListenerPort": int,
                        "ListenerProtocol": str,
                        "ListenerForward": str,
                        "Description": str,
                    }
                ]
            },
            "ListenerPortsAndProtocal": {
                "ListenerPortAndProtocal": [{"ListenerPort": int, "ListenerProtocal": str}]
            },
        },
    ),
    (
        "DescribeMasterSlaveServerGroups",
        {LB: "lb", "IncludeListener": "true"},
        {
            "MasterSlaveServerGroups": {
                "MasterSlaveServerGroup": [
                    {
                        "MasterSlaveServerGroupId": str,
                        "MasterSlaveServerGroupName": str,
                        "CreateTime": str,
                        "Tags": TAGS,
                        "AssociatedObjects": {
                            "Listeners": {"Listener": [{"Port": int, "Protocol": str}]}
                        },
                    }
                ]
            }
        },
    ),
    (
        "DescribeMasterSlaveServerGroupAttribute",
        {GROUP: "group"},
        {
            "LoadBalancerId": str,
            "MasterSlaveServerGroupId": str,
            "MasterSlaveServerGroupName": str,
            "CreateTime": str,
            "Tags": TAGS,
            "MasterSlaveBackendServers": MEMBERS,
        },
    ),
    (
        "DescribeLoadBalancerTCPListenerAttribute",
        {LB: "lb", **AT_80},
        {
            **LISTENER,
            **HTTP_CHECK,
            "PersistenceTimeout": int,
            "EstablishedTimeout": int,
            "ConnectionDrain": str,
            "SynProxy": str,
        },
    ),
    (
        "DescribeLoadBalancerUDPListenerAttribute",
        {LB: "lb", **AT_80},
        {
            **LISTENER,
            "HealthCheckReq": str,
            "HealthCheckExp": str,
            "HealthCheckAssumeUpOnSilence": str,
        },
    ),
    (
        "DescribeHealthStatus",
        {LB: "lb"},
        {
            "BackendServers": {
                "BackendServer": [
                    {
                        "ListenerPort": int,
                        "Port": int,
                        "Protocol": str,
                        "ServerHealthStatus": str,
                        "ServerId": str,
                        "ServerIp": str,
                        "Type": str,
                    }
                ]
            }
        },
    ),
    ("DescribeServers", {}, {"Servers": {"Server": [INVENTORY]}}),
    (
        "DescribeDoctor",
        {},
        {
            "Checks": {
                "Check": [
                    {"Name": str, "Subject": str, "Severity": str, "Found": str, "Remedy": str}
                ]
            }
        },
    ),
    (
        "DescribeStatus",
        {},
        {
            "Agent": {
                "Version": str,
                "StartTime": str,
                "Probes": int,
                "RegionId": str,
                "Forwarding": {"IPv4": bool, "IPv6": bool},
                "Interfaces": {
                    "Interface": [
                        {"Name": str, "Index": int, "SendErrors": int, "LastSendError": str}
                    ]
                },
                "Maps": {"Map": [{"Name": str, "Used": int, "Max": int}]},
                "Reasons": {"Reason": [REASON]},
            },
            "Listeners": {"Listener": [STATUS_LISTENER]},
        },
    ),
    ("StartLoadBalancerListener", {LB: "lb", **AT_80, "ListenerProtocol": "tcp"}, {}),
]


def check_shape(value, shape, where):
    """The same keys, and each value of its type; bool is no int here."""
    if isinstance(shape, dict):
        assert isinstance(value, dict), where
        assert set(value) == set(shape), where
        for key, inner in shape.items():
            check_shape(value[key], inner, f"{where}.{key}")
    elif isinstance(shape, list):
        assert isinstance(value, list), where
        for number, item in enumerate(value):
            assert shape, f"{where} has to be empty"
            check_shape(item, shape[0], f"{where}[{number}]")
    else:
        assert type(value) is shape, f"{where}: {value!r}"  # pylint: disable=unidiomatic-typecheck


@pytest.mark.parametrize("action, wanted, shape", SHAPES, ids=[row[0] for row in SHAPES])
def test_an_answer_has_the_keys_and_types_of_the_api(gateway, action, wanted, shape):
    gateway.api("RegisterServer", ServerId="i-shape", ServerIp="10.2.0.90", Replace="true")
    names = {"lb": gateway.balancer_id, "group": gateway.group_id}
    answer = gateway.api(action, **{key: names.get(value, value) for key, value in wanted.items()})
    if action == "DescribeLoadBalancerUDPListenerAttribute":
        assert "HealthCheckType" not in answer, "clients drift where a UDP listener has one"
    check_shape(answer, {"RequestId": str, **shape}, action)
    for moment in re.findall(r'"(?:Create|Start)Time": "([^"]*)"', json.dumps(answer)):
        assert re.fullmatch(TIME, moment)


def test_what_is_created_is_answered_and_described_with_its_defaults(gateway):
    api = gateway.api
    made = api("CreateLoadBalancer", Address="10.1.0.120")
    check_shape(
        made,
        {
            **dict.fromkeys(
                "Address AddressIPVersion LoadBalancerId LoadBalancerName NetworkType RequestId"
                " ResourceGroupId VSwitchId VpcId".split(),
                str,
            ),
            "OrderId": int,
        },
        "CreateLoadBalancer",
    )
    assert made["LoadBalancerId"].startswith("lb-")
    servers = [
        {"ServerId": "10.2.0.21", "Port": "82", "ServerType": "Master"},
        {"ServerId": "10.2.0.22", "Port": 84, "ServerType": "Slave", "Weight": "0"},
    ]
    group = api(
        "CreateMasterSlaveServerGroup",
        LoadBalancerId=made["LoadBalancerId"],
        MasterSlaveBackendServers=json.dumps(servers),
        Tag__1__Key="k",
    )
    check_shape(
        group,
        {"RequestId": str, "MasterSlaveServerGroupId": str, "MasterSlaveBackendServers": MEMBERS},
        "CreateMasterSlaveServerGroup",
    )
    assert group["MasterSlaveServerGroupId"].startswith("rsp-")
    members = [
        {
            "ServerId": "10.2.0.21",
            "Port": 82,
            "Weight": 100,
            "ServerType": "Master",
            "Type": "ecs",
            "Description": "",
        },
        {
            "ServerId": "10.2.0.22",
            "Port": 84,
            "Weight": 0,
            "ServerType": "Slave",
            "Type": "ecs",
            "Description": "",
        },
    ]
    assert group["MasterSlaveBackendServers"]["MasterSlaveBackendServer"] == members
    told = api(
        "DescribeMasterSlaveServerGroupAttribute",
        MasterSlaveServerGroupId=group["MasterSlaveServerGroupId"],
    )
    assert told["MasterSlaveBackendServers"]["MasterSlaveBackendServer"] == members
    assert told["Tags"]["Tag"] == [{"TagKey": "k", "TagValue": ""}]

    named = {"LoadBalancerId": made["LoadBalancerId"], "ListenerPort": 443}
    listener = api(
        "CreateLoadBalancerTCPListener",
        MasterSlaveServerGroupId=group["MasterSlaveServerGroupId"],
        **named,
    )
    assert set(listener) == {"RequestId"}
    told = api("DescribeLoadBalancerTCPListenerAttribute", **named)
    expected = {
        "Status": "stopped",
        "Bandwidth": -1,
        "Scheduler": "wrr",
        "PersistenceTimeout": 0,
        "EstablishedTimeout": 900,
        "HealthCheck": "on",
        "HealthCheckType": "tcp",
        "HealthCheckURI": "",
        "HealthCheckHttpCode": "",
        "HealthCheckInterval": 2,
        "HealthCheckConnectTimeout": 5,
        "HealthyThreshold": 3,
        "UnhealthyThreshold": 3,
        "NoneHealthy": "reject",
        "ProxyProtocolV2Enabled": False,
        "AclStatus": "off",
    }
    assert {key: told[key] for key in expected} == expected
    assert "HealthCheckConnectPort" not in told and "BackendServerPort" not in told
    assert set(api("DeleteLoadBalancer", LoadBalancerId=made["LoadBalancerId"])) == {"RequestId"}


def test_the_group_life_of_terraform_works_end_to_end(gateway):
    """Its single quotes, text numbers, IsBackup and the codes that it waits for."""
    api = gateway.api
    text = (
        "[{'ServerId':'10.2.0.31','Port':'100','Weight':'100', 'Type': 'ecs', 'ServerType':"
        " 'Master', 'IsBackup':'0'},{'ServerId':'10.2.0.32','Port':'100','Weight':'100',"
        " 'Type': 'ecs', 'ServerType': 'Slave', 'IsBackup':'1'}]"
    )
    group = api(
        "CreateMasterSlaveServerGroup",
        LoadBalancerId=gateway.balancer_id,
        MasterSlaveServerGroupName="tf-group",
        MasterSlaveBackendServers=text,
    )["MasterSlaveServerGroupId"]
    told = api("DescribeMasterSlaveServerGroupAttribute", MasterSlaveServerGroupId=group)
    assert [
        (s["ServerId"], s["Port"], s["Weight"], s["Type"], s["ServerType"])
        for s in told["MasterSlaveBackendServers"]["MasterSlaveBackendServer"]
    ] == [("10.2.0.31", 100, 100, "ecs", "Master"), ("10.2.0.32", 100, 100, "ecs", "Slave")]

    named = {"LoadBalancerId": gateway.balancer_id, "ListenerPort": 8100}
    # What its provider sends for a listener with all defaults.
    api(
        "CreateLoadBalancerTCPListener",
        Bandwidth=-1,
        MasterSlaveServerGroupId=group,
        VServerGroupId="",
        Scheduler="wrr",
        PersistenceTimeout=0,
        EstablishedTimeout=900,
        AclStatus="off",
        ProxyProtocolV2Enabled="false",
        HealthCheckType="tcp",
        HealthCheckConnectPort=-520,
        HealthyThreshold=3,
        UnhealthyThreshold=3,
        HealthCheckConnectTimeout=5,
        healthCheckInterval=2,
        **named,
    )
    told = api("DescribeLoadBalancerTCPListenerAttribute", **named)
    assert told["Status"] == "stopped" and told["HealthCheckConnectTimeout"] == 5
    api("StartLoadBalancerListener", ListenerProtocol="tcp", **named)
    assert api("DescribeLoadBalancerTCPListenerAttribute", **named)["Status"] == "running"
    with pytest.raises(ApiError) as refused:
        api("DeleteMasterSlaveServerGroup", MasterSlaveServerGroupId=group)
    assert refused.value.code == "RspoolVipExist"
    api("DeleteLoadBalancerListener", **named)
    with pytest.raises(ApiError) as refused:
        api("DescribeLoadBalancerTCPListenerAttribute", **named)
    assert (refused.value.status, refused.value.code) == (404, "InvalidParameter")
    assert refused.value.body["Message"] == "The specified resource does not exist."
    api("DeleteMasterSlaveServerGroup", MasterSlaveServerGroupId=group)
    with pytest.raises(ApiError) as refused:
        api("DescribeMasterSlaveServerGroupAttribute", MasterSlaveServerGroupId=group)
    assert (refused.value.status, refused.value.code) == (404, "InvalidParameter")
    assert "The specified MasterSlaveGroupId does not exist" in refused.value.body["Message"]


def ask(lab, method, query=None, form=None, chunked=False):
    """One request with parameters in the query, in the form, or in both; (status, body)."""
    connection = UnixConnection(lab.socket)
    try:
        path = "/" + (f"?{query}" if query else "")
        headers = {"Content-Type": "application/x-www-form-urlencoded"} if form else {}
        body = iter([form[:7].encode(), form[7:].encode()]) if chunked else form
        connection.request(method, path, body, headers, encode_chunked=chunked)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    finally:
        connection.close()


def test_parameters_may_come_by_query_form_or_both(gateway):
    wanted = f"LoadBalancerId={gateway.balancer_id}&ListenerPort=80"
    action = "Action=DescribeLoadBalancerTCPListenerAttribute"
    answers = [
        ask(gateway, "GET", query=f"{action}&{wanted}"),
        ask(gateway, "POST", query=f"{action}&{wanted}"),
        ask(gateway, "POST", form=f"{action}&{wanted}"),
        ask(gateway, "POST", query=action, form=wanted),
        ask(gateway, "POST", form=f"{action}&{wanted}", chunked=True),
        ask(gateway, "POST", query=action, form=wanted, chunked=True),
        ask(gateway, "GET", query=f"{action}&Format=json&Version=2014-05-15&OwnerId=1&{wanted}"),
    ]
    bodies = []
    for status, body in answers:
        assert status == 200, body
        bodies.append({key: value for key, value in body.items() if key != "RequestId"})
    assert all(body == bodies[0] for body in bodies)


def test_the_first_letter_of_a_name_may_be_of_either_case(gateway):
    api = gateway.api
    group = gateway.group(gateway.balancer_id, port=9100)
    for port, name in ((9101, "healthCheckInterval"), (9102, "HealthCheckInterval")):
        named = {"loadBalancerId": gateway.balancer_id, "listenerPort": port}
        status, body = api.raw(
            {
                "action": "CreateLoadBalancerTCPListener",
                "masterSlaveServerGroupId": group,
                name: 7,
                **named,
            }
        )
        assert status == 200, body
        told = api(
            "DescribeLoadBalancerTCPListenerAttribute",
            LoadBalancerId=gateway.balancer_id,
            ListenerPort=port,
        )
        assert told["HealthCheckInterval"] == 7
        api("DeleteLoadBalancerListener", LoadBalancerId=gateway.balancer_id, ListenerPort=port)
    api("DeleteMasterSlaveServerGroup", MasterSlaveServerGroupId=group)


def test_blanks_and_other_characters_survive_both_encodings(gateway):
    for encoded in ("a+b%26c%3Dd%C3%A9%7E~", "a%20b%26c%3dd%c3%a9~~"):
        status, body = ask(
            gateway,
            "POST",
            form=f"Action=CreateMasterSlaveServerGroup&RegionId=local"
            f"&LoadBalancerId={gateway.balancer_id}&MasterSlaveServerGroupName={encoded}",
        )
        assert status == 200, body
        group = body["MasterSlaveServerGroupId"]
        named = {"MasterSlaveServerGroupId": group}
        told = gateway.api("DescribeMasterSlaveServerGroupAttribute", **named)
        assert told["MasterSlaveServerGroupName"] == "a b&c=dé~~"
        gateway.api("DeleteMasterSlaveServerGroup", **named)


def test_of_many_writers_of_one_port_one_wins(gateway):
    groups = [gateway.group(gateway.balancer_id, port=9200 + n) for n in range(8)]
    for port in range(9300, 9305):
        start = threading.Barrier(len(groups))
        results = []

        def write(group, port=port, start=start, results=results):
            start.wait()
            try:
                gateway.listener(gateway.balancer_id, group, port, start=False)
                results.append(("won", group))
            except ApiError as error:
                results.append((error.code, group))

        writers = [threading.Thread(target=write, args=(group,)) for group in groups]
        for writer in writers:
            writer.start()
        for writer in writers:
            writer.join()
        codes = sorted(code for code, _ in results)
        assert codes == ["ListenerAlreadyExists"] * 7 + ["won"]
        named = {"LoadBalancerId": gateway.balancer_id, "ListenerPort": port}
        told = gateway.api("DescribeLoadBalancerTCPListenerAttribute", **named)
        assert ("won", told["MasterSlaveServerGroupId"]) in results
        gateway.api("DeleteLoadBalancerListener", **named)
    for group in groups:
        gateway.api("DeleteMasterSlaveServerGroup", MasterSlaveServerGroupId=group)


RAW = [
    b"\x00" * 100,
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(256)),
    b"GET\r\n\r\n",
    b"GET / HTTP/9.9\r\n\r\n",
    b"GET /?" + b"x" * 1_000_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X: y\r\n" * 100_000 + b"\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"y" * 1_000_000 + b"\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9999999999\r\n\r\nx",
    b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\nx",
    b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n"
    b"0\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nAction",
]


@pytest.mark.parametrize("number", range(len(RAW)))
def test_bytes_that_are_no_good_http_do_no_harm(gateway, number):
    before = {k: v for k, v in everything(gateway).items() if k != "maps"}
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        sock.settimeout(15)  # an end that comes with the last bytes is seen when the client is idle
        sock.connect(str(gateway.socket))
        answer = b""
        try:
            sock.sendall(RAW[number])
            sock.shutdown(socket.SHUT_WR)
            while data := sock.recv(65536):
                answer += data
        except (BrokenPipeError, ConnectionResetError):
            pass  # closed in the middle of it: refused too
    assert not answer or re.match(rb"HTTP/1\.[01] (4\d\d|501|505) ", answer), answer[:200]
    assert {k: v for k, v in everything(gateway).items() if k != "maps"} == before
    assert gateway.agent.poll() is None


@pytest.fixture(name="probed")
def probed_fixture(lab):
    """A lab with a check every 10 ms, and a way to time its probes."""
    for name in ("srv1", "srv2"):
        lab.start_nginx(name)
    lab.web(HealthCheckIntervalMs=10, HealthCheckTimeoutMs=10)
    lab.healthy()
    return lab


def time_probes(lab, count=200):
    """Seconds that the next @count probes take; at 10 ms and two servers, 200 ought to take 1."""
    first = lab.api("DescribeStatus")["Agent"]["Probes"]
    begin = time.monotonic()
    wait_until(
        lambda: lab.api("DescribeStatus")["Agent"]["Probes"] >= first + count, 10, "probes go on"
    )
    return time.monotonic() - begin


def test_slow_and_half_open_clients_do_not_disturb_the_checks(probed):
    alone = time_probes(probed)
    held = []
    try:
        for number in range(120):
            sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            sock.settimeout(5)
            sock.connect(str(probed.socket))
            sock.sendall(
                (
                    b"",
                    b"GET /?Action=Desc",
                    b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nAction=",
                )[number % 3]
            )
            held.append(sock)

        done = threading.Event()

        def drip():
            while not done.wait(0.005):
                for sock in held[1::3]:
                    try:
                        sock.send(b"r")
                    except OSError:
                        return

        dripping = threading.Thread(target=drip)
        dripping.start()
        try:
            disturbed = time_probes(probed)
        finally:
            done.set()
            dripping.join()
    finally:
        for sock in held:
            sock.close()
    assert disturbed < 1.5 * max(alone, 1.0), (alone, disturbed)
    assert {server(probed, role)["Health"] for role in ("Master", "Slave")} == {"up"}
    assert probed.api.listeners()[0]["Switches"] == 0


def test_more_clients_than_there_is_room_for_wait_and_the_checks_go_on(probed):
    probes = Count(probed, "srv1", "tcp dport 8080 tcp flags & (syn | ack) == syn")
    held = []
    try:
        for _ in range(200):
            sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            sock.setblocking(False)
            try:
                sock.connect(str(probed.socket))
            except BlockingIOError:
                sock.close()
                break  # the backlog is full
            held.append(sock)
        assert len(held) >= 128
        before = probes.read()
        wait_until(lambda: probes.read() > before + 100, why="the server is probed as before")
    finally:
        for sock in held:
            sock.close()
    assert wait_until(lambda: probed.api("DescribeStatus"), why="the socket answers again")
    assert probed.api.listeners()[0]["Switches"] == 0
    assert {server(probed, role)["Health"] for role in ("Master", "Slave")} == {"up"}


def test_a_flood_of_requests_does_not_disturb_the_checks(probed):
    alone = time_probes(probed)
    done = threading.Event()

    def flood():
        while not done.is_set():
            probed.api.raw({"Action": "DescribeLoadBalancers", "RegionId": "local"})

    threads = [threading.Thread(target=flood) for _ in range(4)]
    for thread in threads:
        thread.start()
    try:
        disturbed = time_probes(probed)
    finally:
        done.set()
        for thread in threads:
            thread.join()
    assert disturbed < 2 * max(alone, 1.0), (alone, disturbed)
    assert probed.api.listeners()[0]["Switches"] == 0


def test_nothing_listens_but_the_socket(gateway):
    listening = gateway.run("gateway", "ss -Hltunp")
    assert listening.strip() == ""
    assert stat.S_ISSOCK(os.stat(gateway.socket).st_mode)


@pytest.mark.parametrize("group, mode", [("adm", 0o660), ("no-such-group", 0o600)])
def test_the_socket_is_for_its_owner_and_its_group(group, mode):
    lab = Lab()
    try:
        os.chmod(lab.dir, 0o755)
        lab.start_agent(socket_group=group)
        found = os.stat(lab.socket)
        assert stat.S_IMODE(found.st_mode) == mode and found.st_uid == 0
        members = grp.getgrnam("adm").gr_gid
        assert found.st_gid == (members if group == "adm" else 0)

        def asked_by(groups):
            query = urllib.parse.urlencode({"Action": "DescribeStatus"})
            return subprocess.run(
                ["setpriv", "--reuid=65534", "--regid=65534", groups]
                + ["curl", "-s", "--unix-socket", lab.socket, f"http://tandem/?{query}"],
                capture_output=True,
                check=False,
            ).returncode

        assert asked_by("--clear-groups") == 7, "a stranger gets no connection"
        assert asked_by(f"--groups={members}") == (0 if group == "adm" else 7)
    finally:
        lab.close()
