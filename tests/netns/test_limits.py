# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Where things run full, go wrong a thousand times, or are many.

Covers of the field reports: A2 (a thousand invalid writes leave no trace), M8 (a full map), and the
scale of the first issue in small: 2,000 groups and 500 listeners, a restart and a fresh start with
them. Ten thousand groups are the bench's.
"""

import http.client
import json
import os
import time
import urllib.parse

import pytest
from lab import VIP4, ApiError, Lab, UnixConnection, wait_until
from observe import PinnedMap, database, differing, everything, map_used, maps


@pytest.fixture(name="quiet")
def quiet_fixture(lab):
    """A lab that serves VIP:80 without checks, so that nothing moves by itself."""
    for name in ("srv1", "srv2"):
        lab.start_nginx(name)
    lab.web(HealthCheckSwitch="off")
    wait_until(lambda: lab.get() == "srv1", why="the VIP serves")
    return lab


def footprint(process):
    """(open file descriptors, resident KiB) of a process."""
    with open(f"/proc/{process.pid}/status", encoding="ascii") as status:
        resident = next(int(line.split()[1]) for line in status if line.startswith("VmRSS:"))
    listing = os.listdir(f"/proc/{process.pid}/fd")
    return len(listing), resident


def invalid_writes(balancer):
    """Requests that fail at the parameters, in the model, in the store, and in use."""
    pair = [
        {"ServerId": "10.2.0.71", "Port": 1, "ServerType": "Master"},
        {"ServerId": "10.2.0.72", "Port": 1, "ServerType": "Slave"},
    ]
    create = {"Action": "CreateMasterSlaveServerGroup", "LoadBalancerId": balancer}
    return [
        {"Action": "CreateLoadBalancer", "Address": VIP4},
        {"Action": "CreateLoadBalancer", "Address": "10.2.0.11"},
        {"Action": "DeleteLoadBalancer", "LoadBalancerId": "lb-none"},
        {**create, "MasterSlaveBackendServers": json.dumps(pair[:1])},
        {**create, "MasterSlaveBackendServers": json.dumps([*pair, *pair])},
        {**create, "LoadBalancerId": "lb-none", "MasterSlaveBackendServers": json.dumps(pair)},
        {**create, "MasterSlaveBackendServers": "[{'ServerId':"},
        {"Action": "CreateLoadBalancerTCPListener", "LoadBalancerId": balancer},
        {
            "Action": "CreateLoadBalancerTCPListener",
            "LoadBalancerId": balancer,
            "ListenerPort": 80,
            "MasterSlaveServerGroupId": "rsp-none",
        },
        {"Action": "RegisterServer", "ServerId": "i-x", "ServerIp": VIP4},
        {"Action": "NoSuchAction", "x": "y" * 10000},
    ]


def test_a_thousand_invalid_writes_leave_no_trace(quiet):
    lab = quiet
    balancer = lab.api.listeners()[0]["LoadBalancerId"]
    requests = invalid_writes(balancer)

    def send(count):
        for number in range(count):
            status, _ = lab.api.raw({"RegionId": "local", **requests[number % len(requests)]})
            assert status >= 400

    send(300)  # what is allocated once is allocated now
    before = everything(lab)
    descriptors, resident = footprint(lab.agent)
    send(1000)
    wait_until(lambda: footprint(lab.agent)[0] <= descriptors, why="all connections are closed")
    assert footprint(lab.agent)[1] < resident + 512, "the agent grew by more than 512 KiB"
    assert everything(lab) == before

    lab.listener(balancer, lab.group(balancer, port=9000), 9000)
    assert lab.get() == "srv1"


@pytest.mark.parametrize("name", ["endpoints4", "services4"])
def test_a_full_map_refuses_a_listener_and_takes_it_once_there_is_room(quiet, name):
    lab = quiet
    balancer = lab.api.listeners()[0]["LoadBalancerId"]
    group = lab.group(balancer, port=8081)
    lab.start_nginx("srv1", 8081)
    lab.listener(balancer, group, 81, HealthCheckSwitch="off", start=False)
    named = {"LoadBalancerId": balancer, "ListenerPort": 81}

    with PinnedMap(lab.pins / name) as full:
        # Documentation addresses, so that no packet ever meets them.
        room = full.info.max_entries - len(full.dump())
        keys = [
            bytes([198, 18 + (n >> 16), n >> 8 & 255, n & 255, 0, 1, 6, 0]) for n in range(room)
        ]
        for key in keys:
            full.update(key, bytes(full.info.value_size))
        before = everything(lab)
        for _ in range(3):
            with pytest.raises(ApiError) as refused:
                lab.api("StartLoadBalancerListener", **named)
            assert (refused.value.status, refused.value.code) == (400, "LimitExceeded")
            assert f"{VIP4} port 81/tcp" in refused.value.body["Message"]
            assert name in refused.value.body["Message"]
            after = everything(lab)
            assert after["answers"] == before["answers"] and after["database"] == before["database"]
            # What nothing names means nothing: groups, and references of quick4 without a key.
            moved = differing(before["maps"], after["maps"])
            assert moved <= {"groups", "group_state", "quick4"}
        assert lab.get() == "srv1", "what is served goes on"
        told = lab.api("DescribeLoadBalancerTCPListenerAttribute", **named)
        assert told["Status"] == "stopped"

        for key in keys:
            full.delete(key)
    lab.api("StartLoadBalancerListener", **named)
    assert lab.get(f"http://{VIP4}:81/") == "srv1"


GROUPS, LISTENERS = 2000, 500


class Connection:
    """The API over one kept connection: what a program that creates thousands uses."""

    def __init__(self, path):
        self.http = UnixConnection(path, timeout=30)
        self.http.auto_open = 1

    def __call__(self, action, **parameters):
        body = urllib.parse.urlencode({"Action": action, "RegionId": "local", **parameters})
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        self.http.request("POST", "/", body, headers)
        answer = self.http.getresponse()
        decoded = json.loads(answer.read())
        assert answer.status == http.client.OK, decoded
        return decoded


def create_many(lab):
    """GROUPS groups, and LISTENERS running listeners without checks; the seconds of each."""
    api = Connection(lab.socket)
    balancer = api("CreateLoadBalancer", Address=VIP4)["LoadBalancerId"]
    begin = time.monotonic()
    groups = []
    for number in range(GROUPS):
        servers = [
            {"ServerId": address, "Port": 10000 + number, "ServerType": role}
            for address, role in (("10.2.0.11", "Master"), ("10.2.0.12", "Slave"))
        ]
        groups.append(
            api(
                "CreateMasterSlaveServerGroup",
                LoadBalancerId=balancer,
                MasterSlaveBackendServers=json.dumps(servers),
            )["MasterSlaveServerGroupId"]
        )
    middle = time.monotonic()
    for number in range(LISTENERS):
        named = {"LoadBalancerId": balancer, "ListenerPort": 20000 + number}
        api(
            "CreateLoadBalancerTCPListener",
            MasterSlaveServerGroupId=groups[number],
            HealthCheckSwitch="off",
            **named,
        )
        api("StartLoadBalancerListener", **named)
    return middle - begin, time.monotonic() - middle


def start_timed(lab):
    """Start the agent; returns the seconds until it answered."""
    begin = time.monotonic()
    lab.start_agent()
    return time.monotonic() - begin


def test_thousands_of_groups_are_quick_to_create_and_to_start_with():
    lab = Lab()
    try:
        lab.start_nginx("srv1", 10000 + LISTENERS - 1)
        url = f"http://{VIP4}:{20000 + LISTENERS - 1}/"
        lab.start_agent()
        for_groups, for_listeners = create_many(lab)
        assert for_groups < 12, f"{GROUPS} groups took {for_groups:.1f} s"
        assert for_listeners < 6, f"{LISTENERS} listeners took {for_listeners:.1f} s"
        assert footprint(lab.agent)[1] < 100 * 1024
        assert lab.get(url) == "srv1"
        assert len(map_used(lab, "services4")) == LISTENERS + 1  # and the VIP itself

        before = maps(lab), database(lab)
        lab.stop_agent()
        seconds = start_timed(lab)
        assert seconds < 5, f"the restart took {seconds:.1f} s"
        assert differing(before[0], maps(lab)) <= {"settings"}  # which number generations
        assert database(lab) == before[1]
        assert lab.get(url) == "srv1"

        # From the database alone.
        lab.stop_agent()
        assert lab.tandemd("--purge").returncode == 0
        assert not lab.pins.exists()
        assert lab.get(url, timeout=1) == ""
        seconds = start_timed(lab)
        assert seconds < 5, f"the start from nothing took {seconds:.1f} s"
        wait_until(lambda: lab.get(url) == "srv1", why="the listeners are back")
        assert database(lab) == before[1]
        assert len(map_used(lab, "services4")) == LISTENERS + 1
    finally:
        lab.close()
