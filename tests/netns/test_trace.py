# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""tandemctl trace and drops: what they show, and that nothing is left of a trace afterwards."""

import ctypes
import hashlib
import json
import signal
import subprocess

import lab as lab_module
import pytest
from lab import BUILD, CLIENT4, CLIENT6, SERVERS4, SERVERS6, VIP4, VIP6, wait_until

NORMAL, TRACING = "tandem_xdp", "tandem_trace"


class LinkInfo(ctypes.Structure):
    """The start of struct bpf_link_info."""

    _fields_ = [(name, ctypes.c_uint32) for name in ("type", "id", "prog_id", "pad")] + [
        ("rest", ctypes.c_uint8 * 112)
    ]


class ProgramInfo(ctypes.Structure):
    """The start of struct bpf_prog_info."""

    _fields_ = [
        ("before", ctypes.c_uint8 * 64),
        ("name", ctypes.c_char * 16),
        ("rest", ctypes.c_uint8 * 256),
    ]


def info(fd, kind):
    """What the kernel tells about a descriptor."""
    lib = ctypes.CDLL("libbpf.so.1", use_errno=True)
    found, size = kind(), ctypes.c_uint32(ctypes.sizeof(kind))
    result = lib.bpf_obj_get_info_by_fd(fd, ctypes.byref(found), ctypes.byref(size))
    assert result == 0, f"bpf_obj_get_info_by_fd: {result}"
    return found


def programs(lab):
    """The program on each of the lab's pinned XDP links, as a set of (id, name)."""
    lib = ctypes.CDLL("libbpf.so.1", use_errno=True)
    libc = ctypes.CDLL(None)
    seen = set()
    for path in (lab.pins / "links").iterdir():
        if not path.name.isdigit():
            continue
        link = lib.bpf_obj_get(str(path).encode())
        number = info(link, LinkInfo).prog_id
        program = lib.bpf_prog_get_fd_by_id(number)
        seen.add((number, info(program, ProgramInfo).name.decode()))
        libc.close(program)
        libc.close(link)
    return seen


def names(lab):
    """The names of these programs."""
    return {name for _, name in programs(lab)}


class Tracer:
    """A running `tandemctl trace`, with the events that it printed as JSON."""

    def __init__(self, lab, *arguments):
        self.lab = lab
        self.path = lab.dir / "trace.out"
        self.out = open(self.path, "w", encoding="utf-8")
        self.process = lab.start(
            "gateway",
            [BUILD / "tandemctl", "--socket", lab.socket, "trace", "-j", *arguments],
            stdout=self.out,
            stderr=subprocess.PIPE,
            text=True,
        )
        wait_until(lambda: names(lab) == {TRACING}, why="the tracing program is attached")

    def events(self):
        """What was printed so far."""
        return [json.loads(line) for line in self.path.read_text().splitlines()]

    def find(self, **wanted):
        """Events with all these members (of Stages too)."""
        return [
            event
            for event in self.events()
            if all(
                event.get(key, event["Stages"].get(key)) == value for key, value in wanted.items()
            )
        ]

    def expect(self, **wanted):
        """Wait for such an event; return the first."""
        return wait_until(lambda: self.find(**wanted), why=f"{wanted} in {self.events()}")[0]

    def end(self):
        """Ctrl-C; returns what it said at the end."""
        self.process.send_signal(signal.SIGINT)
        _, said = self.process.communicate(timeout=10)
        self.lab.processes.remove(self.process)
        self.out.close()
        assert self.process.returncode == 0, said
        return said


def given_web(lab, vip, servers):
    """A listener on port 80 of the VIP with both servers up; its load balancer."""
    for name in SERVERS4:
        lab.start_nginx(name)
    balancer, _ = lab.web(vip, servers=list(servers.values()))
    lab.healthy()
    return balancer


@pytest.mark.parametrize(
    "vip, client, servers",
    [(VIP4, CLIENT4, SERVERS4), (VIP6, CLIENT6, SERVERS6)],
    ids=["v4", "v6"],
)
def test_a_curl_is_seen_both_ways_with_what_was_decided(lab, vip, client, servers):
    given_web(lab, vip, servers)
    before = programs(lab)
    tracer = Tracer(lab, client)
    host = f"[{vip}]" if ":" in vip else vip
    assert lab.get(f"http://{host}/") == "srv1"

    syn = tracer.expect(TcpFlags="SYN", Destination=vip)
    assert syn["Source"] == client and syn["DestinationPort"] == 80
    assert syn["Interface"] == "g0" and syn["EgressInterface"] == "g1"
    assert syn["Reason"] == "forward_redirect" and syn["Action"] == "redirect"
    assert syn["Stages"]["Found"] == "Listener"
    assert syn["Stages"]["Server"] == syn["Stages"]["Active"] == "Master"
    assert syn["Out"]["Destination"] == servers["srv1"]
    assert syn["Out"]["DestinationPort"] == 8080
    assert syn["Out"]["Source"] == client and syn["Out"]["Ttl"] == syn["Ttl"] - 1

    answer = tracer.expect(TcpFlags="SYN,ACK", Source=servers["srv1"])
    assert answer["Interface"] == "g1" and answer["EgressInterface"] == "g0"
    assert answer["Reason"] == "return_redirect"
    assert answer["Stages"]["Found"] == "Server" and answer["Stages"]["Server"] == "Master"
    assert (answer["Out"]["Source"], answer["Out"]["SourcePort"]) == (vip, 80)
    assert answer["Out"]["DestinationPort"] == syn["SourcePort"]

    said = tracer.end()
    assert ", 0 lost: stopped" in said
    assert programs(lab) == before


def test_filters_show_only_what_was_asked_for(lab):
    balancer = given_web(lab, VIP4, SERVERS4)
    tracer = Tracer(lab, "--lb", balancer, "--port", "80")
    lab.run("client", "ping -c 2 -i 0.01 10.1.0.1")
    assert lab.get() == "srv1"
    tracer.expect(TcpFlags="FIN,ACK", Found="Server")
    tracer.end()
    ports = {80, 8080}
    assert all(ports & {e["SourcePort"], e["DestinationPort"]} for e in tracer.events())
    # Probes of the gateway's own are not the listener's.
    assert {e["Reason"] for e in tracer.events()} == {"forward_redirect", "return_redirect"}

    tracer = Tracer(lab, "--reason", "pass_not_ours", f"{CLIENT4}")
    assert lab.get() == "srv1"
    lab.run("client", "ping -c 2 -i 0.01 10.1.0.1")
    assert tracer.expect(Protocol="icmp", Interface="g0")["IcmpType"] == 8
    tracer.end()
    assert {e["Reason"] for e in tracer.events()} == {"pass_not_ours"}

    tracer = Tracer(lab, f"{CLIENT4}:40001")
    for port in (40000, 40001):
        assert lab.run("client", f"curl -s --local-port {port} http://{VIP4}/") == "srv1"
    tracer.expect(TcpFlags="FIN,ACK", SourcePort=40001)
    tracer.end()
    assert all(40001 in (e["SourcePort"], e["DestinationPort"]) for e in tracer.events())

    lab.run("client", f"ping -c 3 -i 0.01 {VIP4}")
    tracer = Tracer(lab, f"{CLIENT4}", "--every", "4", "--reason", "pass_not_ours")
    lab.run("client", f"ping -c 40 -i 0.01 {VIP4}")
    said = tracer.end()
    assert len(tracer.events()) >= 10
    assert f"{len(tracer.events())} packets shown of " in said
    matched = int(said.split(" shown of ")[1].split()[0])
    assert matched / 4 <= len(tracer.events()) <= matched / 4 + 2


def test_a_syn_to_a_dead_group_shows_the_reject(lab):
    lab.web()  # nobody listens at the servers
    wait_until(lambda: lab.server("Master")["Health"] == "down", why="the primary is down")
    wait_until(lambda: lab.api.active() == "none", why="nobody serves")
    tracer = Tracer(lab, CLIENT4)
    assert lab.run("client", f"curl -s http://{VIP4}/; echo $?", check=False).strip() == "7"
    syn = tracer.expect(TcpFlags="SYN")
    assert syn["Reason"] == "reject_tcp_reset" and syn["Action"] == "tx"
    assert syn["Stages"]["Found"] == "Listener" and syn["Stages"]["Server"] == "none"
    assert syn["Out"]["TcpFlags"] == "RST,ACK" and syn["EgressInterface"] == "g0"
    assert (syn["Out"]["Source"], syn["Out"]["Destination"]) == (VIP4, CLIENT4)
    tracer.end()


def test_a_line_for_people_names_every_stage(lab):
    given_web(lab, VIP4, SERVERS4)
    tracer = lab.start(
        "gateway",
        [BUILD / "tandemctl", "--socket", lab.socket, "trace", f"{CLIENT4}:40000", "--count", "2"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    wait_until(lambda: names(lab) == {TRACING}, why="the tracing program is attached")
    lab.run("client", f"curl -s --local-port 40000 http://{VIP4}/")
    lines, said = tracer.communicate(timeout=10)
    lab.processes.remove(tracer)
    first, second = lines.splitlines()
    assert f"g0 {CLIENT4}:40000 > {VIP4}:80 tcp SYN" in first
    assert "toward service 0: primary" in first and "(active: primary)" in first
    assert f"| {CLIENT4}:40000 > 10.2.0.11:8080 tcp SYN" in first and "by g1 to" in first
    assert first.endswith("| forward_redirect")
    assert "from service 0's primary" in second and second.endswith("| return_redirect")
    assert said.startswith("tandemctl: 2 packets shown of ")
    assert "as many as were asked for" in said
    assert names(lab) == {NORMAL}


def test_a_trace_ends_with_its_time(lab):
    given_web(lab, VIP4, SERVERS4)
    before = programs(lab)
    done = lab.ctl("trace", "--for", "300ms", "-j")
    assert done.returncode == 0
    assert done.stderr.endswith("its time is over\n")
    assert programs(lab) == before


def test_a_second_trace_is_refused_and_a_killed_client_is_not_waited_for(lab):
    given_web(lab, VIP4, SERVERS4)
    before = programs(lab)
    tracer = Tracer(lab, "--for", "10m")
    second = lab.ctl("trace")
    assert second.returncode == 1 and "runs already" in second.stderr
    assert names(lab) == {TRACING}
    lab.stop(tracer.process, signal.SIGKILL)
    wait_until(lambda: programs(lab) == before, timeout=10, why="the usual program is back")
    assert lab.ctl("trace", "--for", "100ms").returncode == 0


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM], ids=["kill", "term"])
def test_the_usual_program_is_back_after_the_agent_ended_in_the_middle(lab, how):
    given_web(lab, VIP4, SERVERS4)
    tracer = Tracer(lab)
    lab.stop_agent(how)
    assert names(lab) == {TRACING if how == signal.SIGKILL else NORMAL}
    _, said = tracer.process.communicate(timeout=10)
    lab.processes.remove(tracer.process)
    assert tracer.process.returncode == 2, said
    assert lab.get() == "srv1"
    lab.start_agent()
    assert names(lab) == {NORMAL}
    assert lab.get() == "srv1"
    lab.stop_agent(signal.SIGKILL)
    assert names(lab) == {NORMAL}
    lab.start_agent()


def test_no_packet_is_lost_while_traces_come_and_go(lab):
    """64 MiB and pings of its own while the program is switched dozens of times."""
    given_web(lab, VIP4, SERVERS4)
    want = hashlib.sha256((lab.dir / "big").read_bytes()).hexdigest()
    pings = lab.start(
        "client", ["ping", "-q", "-i", "0.002", VIP4], stdout=subprocess.PIPE, text=True
    )
    download = lab.start(
        "client",
        ["sh", "-c", f"curl -s --limit-rate 16M --max-time 60 http://{VIP4}/big | sha256sum"],
        stdout=subprocess.PIPE,
        text=True,
    )
    before = {name: n for name, n in lab.reasons().items() if name.startswith("drop_")}
    switches = 0
    while download.poll() is None:
        identity = lab.api("StartTrace", SampleEvery=1000)["TraceId"]
        lab.api("DescribeTrace", TraceId=identity)
        lab.api("StopTrace", TraceId=identity)
        switches += 2
    assert download.communicate()[0].split()[0] == want
    lab.processes.remove(download)
    pings.send_signal(signal.SIGINT)
    assert ", 0% packet loss" in pings.communicate(timeout=10)[0]
    lab.processes.remove(pings)
    assert {n: v for n, v in lab.reasons().items() if n.startswith("drop_")} == before
    assert switches > 20
    assert names(lab) == {NORMAL}


def test_a_trace_of_everything_does_not_harm_a_transfer(lab):
    given_web(lab, VIP4, SERVERS4)
    want = hashlib.sha256((lab.dir / "big").read_bytes()).hexdigest()
    tracer = Tracer(lab)
    got = lab.run("client", f"curl -s --max-time 60 http://{VIP4}/big | sha256sum")
    assert got.split()[0] == want
    said = tracer.end()
    assert int(said.split(" shown of ")[1].split()[0]) > 20000
    assert lab.api.active() == "Master"


def test_drops_shows_what_went_wrong_and_how_fast(lab):
    lab.web()
    wait_until(lambda: lab.api.active() == "none", why="nobody serves")
    assert "nothing was dropped" in lab.ctl("drops", "--once").stdout
    lab.run("client", f"curl -s http://{VIP4}/", check=False)

    table = lab.ctl("drops", "--once").stdout.splitlines()
    assert table[0].split() == ["REASON", "ACTION", "PACKETS", "BYTES"]
    assert table[1].split()[:3] == ["reject_tcp_reset", "tx", "1"]
    assert not any(line.startswith(("pass_not_ours", "forward")) for line in table)
    everything = lab.ctl("drops", "--once", "--all").stdout
    assert "pass_not_ours" in everything and "drop_bad_index" in everything
    once = json.loads(lab.ctl("drops", "--once", "-j").stdout)["Reasons"]
    assert {r["Name"]: r["Packets"] for r in once} == {"reject_tcp_reset": 1}

    command = [BUILD / "tandemctl", "--socket", lab.socket, "drops", "--interval", "50ms", "-j"]
    watch = lab.start("gateway", command, stdout=subprocess.PIPE, text=True)
    for _ in range(200):
        lab.run("client", f"curl -s http://{VIP4}/", check=False)
        look = json.loads(watch.stdout.readline())
        rates = {r["Name"]: r["PacketsPerSecond"] for r in look["Reasons"]}
        if rates["reject_tcp_reset"] > 0:
            break
    assert 0 < rates["reject_tcp_reset"] < 1000
    assert 50 <= look["IntervalMs"] < 5000
    watch.send_signal(signal.SIGINT)
    watch.communicate(timeout=10)
    lab.processes.remove(watch)
    assert watch.returncode == 0

    for wrong in ("9ms", "1"):
        done = lab.ctl("drops", "--interval", wrong)
        assert done.returncode == 2 and wrong in done.stderr


def test_the_lab_names_what_it_uses():
    """The names of the programs are those of the sources."""
    source = lab_module.ROOT / "bpf"
    assert f"int {NORMAL}(" in (source / "tandem.bpf.c").read_text()
    assert f"int {TRACING}(" in (source / "tandem_trace.bpf.c").read_text()
