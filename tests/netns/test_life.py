# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The agent comes and goes, packets do not notice; and what it leaves, or does not.

Covers of the field reports: R1, R11, D84 (restart without a lost packet or a link event), F3, D4
(state after a restart), U5, R7 (purge), R16 (loading fails), R12 (another ABI), X6 (lost database),
DS9 (killed agent), A1 (an answered change is durable).
"""

import hashlib
import json
import re
import signal
import subprocess

import lab as lab_module
import pytest
from lab import SERVERS4, VIP4, wait_until

HOWS = {"SIGTERM": signal.SIGTERM, "SIGKILL": signal.SIGKILL}
NAME = 7778


def up(the_lab):
    """Agent, nginx and the naming UDP server on both servers, a listener of each."""
    # With so small a window no queue on the way overflows, and without tail loss probes nothing is
    # sent again that was not lost.
    for name in ("client", *SERVERS4):
        the_lab.run(name, "sysctl -qw net.ipv4.tcp_rmem='4096 65536 65536'")
        the_lab.run(name, "sysctl -qw net.ipv4.tcp_early_retrans=0")
    the_lab.start_agent()
    the_lab.nginx = {name: the_lab.start_nginx(name) for name in SERVERS4}
    for name in SERVERS4:
        the_lab.start_end(name, "name", NAME, name)
    balancer, _ = the_lab.web()
    group = the_lab.group(balancer, NAME)
    the_lab.listener(
        balancer, group, NAME, "UDP", HealthCheckType="tcp", HealthCheckConnectPort=8080
    )
    the_lab.balancer_id = balancer
    the_lab.healthy(4)


def unlisten(the_lab, port):
    """Delete a TCP listener."""
    the_lab.api(
        "DeleteLoadBalancerListener",
        LoadBalancerId=the_lab.balancer_id,
        ListenerPort=port,
        ListenerProtocol="tcp",
    )


@pytest.fixture(scope="module")
def base():
    """The lab of those tests that leave things as they were."""
    the_lab = lab_module.Lab("two")
    try:
        up(the_lab)
        yield the_lab
    finally:
        the_lab.close()


@pytest.fixture
def lab(base):
    """With an agent, its two listeners, and both servers up."""
    yield base
    if base.agent.poll() is not None:
        base.start_agent(interfaces=base.devices)
    for listener in base.api.listeners():
        if listener["ListenerPort"] not in (80, NAME):
            unlisten(base, listener["ListenerPort"])
    for name, process in base.nginx.items():
        if process.poll() is not None:
            base.nginx[name] = base.start_nginx(name)
    base.healthy(4)


@pytest.fixture
def fresh():
    """A lab of the test's own, without an agent."""
    the_lab = lab_module.Lab("two")
    try:
        yield the_lab
    finally:
        the_lab.close()


def pinned(the_lab):
    """The ids of all pinned maps, and of the links on interfaces, by their path."""
    ids = {}
    for path in sorted(the_lab.pins.rglob("*")):
        # A restart renews the tracepoint programs, which only count, with their links.
        if path.is_dir() or path.name.startswith("count_"):
            continue
        kind = "link" if path.parent.name == "links" else "map"
        shown = json.loads(the_lab.run("gateway", f"bpftool -j {kind} show pinned {path}"))
        ids[str(path)] = (kind, shown["id"])
    return ids


def carrier_changes(the_lab):
    """How often the links of the gateway went up or down."""
    files = " ".join(f"/sys/class/net/{device}/carrier_changes" for device in the_lab.devices)
    return the_lab.run("gateway", f"unshare -m sh -c 'mount -t sysfs none /sys; cat {files}'")


def tcp_counters(the_lab, name):
    """The kernel's TCP counters of a namespace."""
    rows = [
        line.split()[1:]
        for line in the_lab.run(name, "cat /proc/net/snmp").splitlines()
        if line.startswith("Tcp:")
    ]
    return dict(zip(rows[0], map(int, rows[1])))


class Traffic:
    """A throttled transfer of 64 MiB, iperf3, and a datagram each millisecond, all at once."""

    def __init__(self, the_lab):
        self.lab = the_lab
        self.before = {name: tcp_counters(the_lab, name) for name in ("client", "srv1")}
        self.transfer = the_lab.start(
            "client",
            ["curl", "-s", "--limit-rate", "24M", f"http://{VIP4}/big", "-o", the_lab.dir / "got"],
        )
        self.ask = the_lab.begin("client", "ask", VIP4, NAME, 40003, 1)
        self.flows(100)

    def flows(self, more):
        """Wait until so many packets more came back from the servers. Needs no agent."""
        path = f"{self.lab.pins}/reasons"

        def total():
            entries = json.loads(self.lab.run("gateway", f"bpftool -j map dump pinned {path}"))
            values = [v["value"] for e in entries for v in e["formatted"]["values"]]
            return sum(value["packets"] for value in values)

        start = total()
        wait_until(lambda: total() > start + more, why="packets flow")

    def check(self):
        """Wait for the ends; nothing was reset, repeated or lost."""
        assert self.transfer.wait(timeout=30) == 0
        want = hashlib.sha256((self.lab.dir / "big").read_bytes()).hexdigest()
        assert hashlib.sha256((self.lab.dir / "got").read_bytes()).hexdigest() == want
        seen = self.lab.finish(self.ask)
        assert set(seen["who"]) == {"srv1"} and not seen["refused"]
        for name, before in self.before.items():
            after = tcp_counters(self.lab, name)
            for counter in ("RetransSegs", "EstabResets", "OutRsts"):
                assert after[counter] == before[counter], (name, counter)


@pytest.mark.parametrize("how", HOWS.values(), ids=HOWS)
def test_a_restart_in_mid_transfer_loses_no_packet_and_resets_nothing(lab, how):
    ids, carrier = pinned(lab), carrier_changes(lab)
    with open(lab.dir / "monitor", "w+", encoding="utf-8") as seen:
        monitor = lab.start("gateway", ["ip", "monitor", "address", "link"], stdout=seen)
        traffic = Traffic(lab)
        lab.stop_agent(how)
        traffic.flows(2000)
        assert lab.get() == "srv1"
        lab.start_agent()
        traffic.flows(1000)
        traffic.check()
        lab.stop(monitor)
        seen.seek(0)
        assert seen.read() == "", "addresses or links were touched"
    assert pinned(lab) == ids
    assert carrier_changes(lab) == carrier


def test_a_restart_in_an_iperf3_run_costs_no_retransmission(lab):
    lab.start("srv1", ["iperf3", "-s", "-p", 5201])
    group = lab.group(lab.balancer_id, 5201)
    lab.listener(lab.balancer_id, group, 5201, HealthCheckConnectPort=8080)
    wait_until(lambda: lab.api.active(5201) == "Master")
    run = lab.start(
        "client",
        ["iperf3", "-J", "-t", 2, "-b", "200M", "-c", VIP4, "-p", 5201],
        stdout=subprocess.PIPE,
        text=True,
    )
    wait_until(lambda: lab.server("Master", 5201)["Counters"]["PacketsIn"] > 1000)
    lab.stop_agent(signal.SIGKILL)
    lab.start_agent()
    report = json.loads(run.communicate(timeout=20)[0])
    assert "error" not in report, report["error"]
    assert report["end"]["sum_sent"]["retransmits"] == 0


@pytest.mark.parametrize("how", HOWS.values(), ids=HOWS)
def test_a_restart_while_the_secondary_serves_never_flips_to_the_dead_primary(lab, how):
    lab.stop(lab.nginx["srv1"], signal.SIGKILL)
    wait_until(lambda: lab.api.active(80) == "Slave" and lab.api.active(NAME) == "Slave")
    load = lab.begin("client", "load", VIP4, 80, 2)
    ask = lab.begin("client", "ask", VIP4, NAME, 40004, 1)
    before = lab.server("Slave", 80)["Counters"]["Syn"]
    lab.stop_agent(how)
    lab.start_agent()
    assert {listener["Active"] for listener in lab.api.listeners()} == {"Slave"}
    wait_until(lambda: lab.server("Slave", 80)["Counters"]["Syn"] > before + 200)
    results, seen = lab.finish(load), lab.finish(ask)
    assert {(who, error) for _, _, who, error in results} == {("srv2", "")}
    assert set(seen["who"]) == {"srv2"}
    assert lab.server("Master", 80)["Health"] == "down"


def test_a_primary_that_dies_while_no_agent_runs_is_noticed_after_the_start(lab):
    lab.stop_agent(signal.SIGKILL)
    lab.stop(lab.nginx["srv1"], signal.SIGKILL)
    assert lab.get() == ""
    lab.start_agent()
    wait_until(lambda: lab.get() == "srv2")


def test_a_second_agent_is_refused_and_the_first_goes_on(lab):
    second = lab.tandemd()
    assert second.returncode == 1
    assert f"another tandemd (pid {lab.agent.pid})" in second.stderr
    # Another database with the same pins is no way around it.
    config = {**lab.config, "state_dir": str(lab.dir / "other"), "socket": str(lab.dir / "other.s")}
    (lab.dir / "other.json").write_text(json.dumps(config))
    second = lab.tandemd("--config", str(lab.dir / "other.json"))
    assert second.returncode == 1
    assert str(lab.pins) in second.stderr
    assert lab.agent.poll() is None
    assert lab.get() == "srv1"


def test_purge_is_refused_while_the_agent_runs(lab):
    ids = pinned(lab)
    for purge in ("--purge", "--purge=all"):
        done = lab.tandemd(purge)
        assert done.returncode == 1
        assert f"pid {lab.agent.pid}" in done.stderr
    assert pinned(lab) == ids
    assert lab.get() == "srv1"


def test_an_answered_change_survives_a_kill_at_once(lab):
    for port in range(8001, 8006):
        group = lab.group(lab.balancer_id, port)
        lab.listener(lab.balancer_id, group, port)
        lab.stop_agent(signal.SIGKILL)
        # In the maps: nobody listens behind it, and the server says so. No agent is needed for it.
        done = lab.run(
            "client", f"curl -s --max-time 1 http://{VIP4}:{port}/; echo $?", check=False
        )
        assert done.strip() == "7"
        lab.start_agent()
        listener = next(one for one in lab.api.listeners() if one["ListenerPort"] == port)
        assert listener["Status"] == "running"
        assert len(listener["Servers"]["Server"]) == 2
        unlisten(lab, port)
        lab.stop_agent(signal.SIGKILL)
        lab.start_agent()
        assert port not in [one["ListenerPort"] for one in lab.api.listeners()]
        lab.api("DeleteMasterSlaveServerGroup", MasterSlaveServerGroupId=group)


def attached(the_lab, device):
    """Whether an XDP program is on the device."""
    return "prog/xdp" in the_lab.run("gateway", f"ip -d link show {device}")


def test_interfaces_come_and_go_with_a_restart(lab):
    lab.run("gateway", "ip link add x0 type veth peer name x1; ip link set x0 up")
    ids, ask = pinned(lab), lab.begin("client", "ask", VIP4, NAME, 40005, 1)
    lab.stop_agent()
    lab.start_agent(interfaces=[*lab.devices, "x0"])
    assert attached(lab, "x0")
    assert ids.items() <= pinned(lab).items()
    lab.stop_agent()
    lab.start_agent(interfaces=lab.devices)
    assert not attached(lab, "x0")
    assert pinned(lab) == ids
    assert set(lab.finish(ask)["who"]) == {"srv1"}
    lab.run("gateway", "ip link del x0")


def test_an_unknown_interface_is_named_and_nothing_changes(lab):
    ids = pinned(lab)
    lab.stop_agent()
    lab.write_config(interfaces=["g0", "nic7"])
    done = lab.tandemd()
    lab.write_config(interfaces=lab.devices)
    assert done.returncode == 1 and '"nic7"' in done.stderr
    assert pinned(lab) == ids
    assert lab.get() == "srv1"


def test_a_lost_database_is_refused_however_often_and_traffic_goes_on(lab):
    lab.stop_agent()
    state, kept = lab.dir / "state", lab.dir / "kept"
    state.rename(kept)
    state.mkdir()
    for _ in range(3):
        done = lab.tandemd()
        assert done.returncode == 1
        assert "restore the database" in done.stderr
        assert lab.get() == "srv1"
    subprocess.run(["rm", "-r", state], check=True)
    kept.rename(state)
    lab.start_agent()
    assert len(lab.api.listeners()) == 2


def test_a_corrupt_database_is_refused_and_traffic_goes_on(lab):
    lab.stop_agent()
    database = lab.dir / "state" / "tandem.db"
    good = database.read_bytes()
    database.write_bytes(b"no database at all, but long enough" * 200)
    done = lab.tandemd()
    database.write_bytes(good)
    assert done.returncode == 1
    assert str(database) in done.stderr
    assert lab.get() == "srv1"


def words(the_lab, values=None):
    """Read, or write, the bytes of the settings map's one element."""
    path = the_lab.pins / "settings"
    if values:
        text = " ".join(values)
        the_lab.run("gateway", f"bpftool map update pinned {path} key 0 0 0 0 value hex {text}")
    got = the_lab.run("gateway", f"bpftool -j map lookup pinned {path} key 0 0 0 0")
    return [byte[2:] for byte in json.loads(got)["value"]]


def test_maps_of_another_abi_are_refused_and_left_alone(lab):
    ids, good = pinned(lab), words(lab)
    lab.stop_agent()
    words(lab, ["63", *good[1:]])
    done = lab.tandemd()
    assert done.returncode == 1
    assert "ABI" in done.stderr or "layout" in done.stderr, done.stderr
    assert pinned(lab) == ids
    assert lab.get() == "srv1"
    words(lab, ["%02x" % int(good[0], 16), *words(lab)[1:]])
    lab.start_agent()
    assert pinned(lab) == ids


def limited(the_lab, files):
    """Start tandemd with so few file descriptors allowed; whether it failed."""
    command = f"prlimit --nofile={files}:{files} timeout 3 {lab_module.BUILD}/tandemd --config "
    done = the_lab.run("gateway", f"{command}{the_lab.dir}/tandem.json; echo $?", check=False)
    return done.split()[-1] == "1"


def test_a_start_that_runs_out_of_descriptors_leaves_what_was(lab):
    ids = pinned(lab)
    lab.stop_agent()
    failed = 0
    while failed < 20 and limited(lab, 8 + 6 * failed):
        assert pinned(lab) == ids
        failed += 1
    assert failed >= 4
    assert pinned(lab) == ids
    assert lab.get() == "srv1"
    assert (lab.dir / "state" / "tandem.db").exists()


def test_a_first_start_that_fails_leaves_nothing(fresh):
    fresh.write_config()
    failed = 0
    while limited(fresh, 8 + 6 * failed):
        assert not fresh.pins.exists(), failed
        assert not any(attached(fresh, device) for device in fresh.devices), failed
        assert not fresh.socket.exists()
        failed += 1
    assert failed >= 4
    assert fresh.tandemd("--purge").returncode == 0
    fresh.write_config(pin_dir=str(fresh.dir / "pins"))
    done = fresh.tandemd()
    assert done.returncode == 1
    assert "not on a BPF file system" in done.stderr
    assert not any(attached(fresh, device) for device in fresh.devices)
    fresh.start_agent(pin_dir=str(fresh.pins))


def test_an_interface_with_another_xdp_program_is_left_alone(fresh):
    """D83: no half-attached state; g0 is freed again when g1 is occupied."""
    fresh.run("gateway", f"ip link set g1 xdp obj {lab_module.BUILD}/bpf/live.bpf.o sec xdp")
    fresh.write_config()
    done = fresh.tandemd()
    assert done.returncode == 1
    assert "g1 has another XDP program" in done.stderr
    assert not attached(fresh, "g0") and attached(fresh, "g1")
    assert not fresh.pins.exists()


def exists(kind, number):
    """Whether the kernel still has a map, link or program of this id."""
    done = subprocess.run(
        ["bpftool", "-j", kind, "show", "id", str(number)], capture_output=True, check=False
    )
    return done.returncode == 0


def test_purge_leaves_nothing_and_a_start_brings_everything_back(fresh):
    up(fresh)
    ids = list(pinned(fresh).values())
    program = int(re.search(r"prog/xdp id (\d+)", fresh.run("gateway", "ip -d link show g0"))[1])
    assert VIP4 in fresh.run("gateway", "ip addr show g0")
    fresh.stop_agent()
    done = fresh.tandemd("--purge")
    assert done.returncode == 0, done.stderr
    assert VIP4 in done.stdout
    assert not fresh.pins.exists()
    assert not fresh.socket.exists()
    assert VIP4 not in fresh.run("gateway", "ip addr")
    assert not any(attached(fresh, device) for device in fresh.devices)
    wait_until(lambda: not exists("prog", program), why="the program is gone")
    wait_until(lambda: not any(exists(*one) for one in ids), why="maps and links are gone")
    assert fresh.tandemd("--purge").returncode == 0, "there is nothing left, and that is fine"

    fresh.start_agent()
    fresh.healthy(4)
    assert fresh.get() == "srv1"
    fresh.stop_agent()
    assert fresh.tandemd("--purge=all").returncode == 0
    assert not list((fresh.dir / "state").glob("tandem.db*"))
    assert not fresh.pins.exists()
