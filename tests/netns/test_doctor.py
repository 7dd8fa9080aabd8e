# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""tandemctl doctor: each thing that namespaces can put wrong is found, with what to do about it,
is found no more when it is put right, and nothing on the host is changed by looking.

Covers of the field reports: D72 (forwarding), D78 and D76 by example (native mode refused, in the
kernel's words), D79 (membership), D80 and D81 (frames that are not taken, egress without a
program), D83 (another XDP program), D90 and X3 (rp_filter), X1 (next hops).
"""

import contextlib
import json
import pathlib
import subprocess

import lab as lab_module
import observe
import pytest
from lab import BUILD, VIP4, wait_until

BAD = ("warning", "error")


@pytest.fixture(scope="module")
def lab():
    """One lab with two good servers behind VIP:80."""
    the_lab = lab_module.Lab("two")
    try:
        the_lab.start_agent()
        for name in lab_module.SERVERS4:
            the_lab.start_nginx(name)
        the_lab.web()
        the_lab.healthy()
        yield the_lab
    finally:
        the_lab.close()


def checks(lab):
    """What the doctor finds now."""
    return lab.api("DescribeDoctor")["Checks"]["Check"]


def bad(lab, name=None):
    """Findings that are warnings or errors, of all checks or of one."""
    return [c for c in checks(lab) if c["Severity"] in BAD and name in (None, c["Name"])]


def find(lab, name, subject="", timeout=5.0):
    """Wait until the check finds something bad about the subject; return the finding."""

    def found():
        return next((c for c in bad(lab, name) if subject in c["Subject"]), None)

    return wait_until(found, timeout, f"{name} finds something about {subject or 'it'}")


@contextlib.contextmanager
def changed(lab, where, command, back):
    """Run a command in a namespace, and another one at the end; then all must be good again."""
    assert bad(lab) == []
    try:
        lab.run(where, command)
        yield
    finally:
        lab.run(where, back)
    wait_until(lambda: bad(lab) == [], 20, "what was put right is good again")


def test_a_good_gateway_has_nothing_wrong(lab):
    assert lab.get() == "srv1"
    done = lab.ctl("doctor")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith("nothing is wrong\n")
    names = {check["Name"] for check in checks(lab)}
    assert {"vip", "route", "replies", "attachment", "queues", "rp_filter", "pins"} <= names
    for device in lab.devices:
        assert f"attachment    {device}: attached in native mode" in done.stdout


def test_findings_are_printed_with_their_remedy_and_exit_1(lab):
    with changed(
        lab, "gateway", "sysctl -qw net.ipv4.ip_forward=0", "sysctl -qw net.ipv4.ip_forward=1"
    ):
        done = lab.ctl("doctor")
        assert done.returncode == 1
        assert "error    forwarding    g1: ipv4 forwarding is off" in done.stdout
        assert "-> sysctl -w net.ipv4.ip_forward=1\n" in done.stdout
        assert done.stdout.endswith("2 errors, 0 warnings\n")
        answer = lab.ctl("doctor", "-j")
        assert answer.returncode == 1
        assert json.loads(answer.stdout)["Checks"]["Check"]


def test_forwarding_that_is_off_on_one_interface_is_found(lab):
    switch = "net.ipv4.conf.g1.forwarding"
    with changed(lab, "gateway", f"sysctl -qw {switch}=0", f"sysctl -qw {switch}=1"):
        assert find(lab, "forwarding", "g1")["Remedy"] == "sysctl -w net/ipv4/conf/g1/forwarding=1"


def test_a_server_whose_replies_go_elsewhere_is_found(lab):
    assert lab.get() == "srv1"
    gone = "ip route del default"
    with changed(lab, "srv1", gone, "ip route add default via 10.2.0.1"):
        lab.run("client", f"for i in 1 2 3; do curl -s -m 0.2 http://{VIP4}/; done", check=False)
        finding = find(lab, "replies", "10.2.0.11:8080")
        assert finding["Severity"] == "error"
        assert "saw no reply, while its checks are good" in finding["Found"]
        assert "via 10.2.0.1" in finding["Remedy"]
        lab.run("srv1", "ip route add default via 10.2.0.1")
        assert lab.get() == "srv1"
        lab.run("srv1", gone)  # for the context to put back


def test_a_server_that_is_gone_is_found_by_its_checks_and_its_next_hop(lab):
    # The switch forgets nothing: the server's own end goes down, and comes back with its route.
    back = "ip link set eth0 up; ip route add default via 10.2.0.1"
    with changed(lab, "srv1", "ip link set eth0 down", back):
        health = find(lab, "health", "10.2.0.11")
        assert "timeout" in health["Found"] or "unreachable" in health["Found"]
        # Else the neighbour stays reachable for as long as the kernel is used to.
        lab.run("gateway", "ip neigh del 10.2.0.11 dev g1")
        hop = find(lab, "next_hop", "10.2.0.11", 10)
        assert "does not answer ARP on g1" in hop["Found"]


def test_a_server_without_a_route_is_found(lab):
    route = "unreachable 10.2.0.11/32"
    with changed(lab, "gateway", f"ip route add {route}", f"ip route del {route}"):
        assert "no route leads to it" in find(lab, "route", "10.2.0.11")["Found"]


def test_a_server_behind_an_interface_without_the_program_is_found(lab):
    add = (
        "ip link add g9 type veth peer name g8; ip link set g8 up; ip link set g9 up;"
        " ip route add 10.2.0.11/32 dev g9"
    )
    with changed(lab, "gateway", add, "ip link del g9"):
        finding = find(lab, "route", "10.2.0.11")
        assert "leave by g9" in finding["Found"]
        assert 'add "g9" to "interfaces"' in finding["Remedy"]


def test_a_veth_whose_other_end_takes_no_frames_is_found(lab):
    port = "p-gateway-g1"
    with changed(lab, "switch", f"ethtool -K {port} gro off", f"ethtool -K {port} gro on"):
        finding = find(lab, "veth_peer", "g1")
        assert finding["Severity"] == "error"
        assert "gro on at the other end" in finding["Remedy"]
        assert lab.get(timeout=0.3) == ""
        assert "refused since the last look" in find(lab, "send_errors", "g1")["Found"]


def test_an_interface_that_is_down_or_without_carrier_is_found(lab):
    with changed(lab, "gateway", "ip link set g1 down", "ip link set g1 up"):
        finding = find(lab, "interface", "g1")
        assert (finding["Found"], finding["Remedy"]) == ("it is down", "ip link set dev g1 up")
    port = "p-gateway-g1"
    with changed(lab, "switch", f"ip link set {port} down", f"ip link set {port} up"):
        assert "no carrier" in find(lab, "interface", "g1")["Found"]


def test_a_member_of_a_bridge_is_found(lab):
    add = "ip link add br9 type bridge; ip link set g1 master br9"
    with changed(lab, "gateway", add, "ip link set g1 nomaster; ip link del br9"):
        finding = find(lab, "membership", "g1")
        assert "a member of the bridge br9" in finding["Found"]
        assert "ip link set dev g1 nomaster" in finding["Remedy"]


def test_a_vip_that_was_taken_off_is_put_back_before_anybody_looks(lab):
    lab.run("gateway", f"ip addr del {VIP4}/32 dev g0")
    wait_until(lambda: VIP4 in lab.run("gateway", "ip addr show g0"), why="the VIP is back")
    assert bad(lab, "vip") == []


def test_a_vip_for_which_nobody_answers_arp_is_found(lab):
    switch = "net.ipv4.conf.g0.arp_ignore"
    with changed(lab, "gateway", f"sysctl -qw {switch}=8", f"sysctl -qw {switch}=0"):
        assert "arp_ignore=8" in find(lab, "vip", VIP4)["Found"]


def test_strict_rp_filter_is_found_where_it_drops(lab):
    switch = "net.ipv4.conf.g1.rp_filter"
    strict = f"sysctl -qw net.ipv4.conf.all.rp_filter=0 {switch}=1"
    with changed(lab, "gateway", strict, f"sysctl -qw {switch}=0"):
        assert bad(lab) == []
        # A packet from the clients' network comes in on the servers' side.
        lab.run("srv1", "ip addr add 10.1.0.77/32 dev lo")
        try:
            lab.run("srv1", "ping -c 1 -W 0.1 -I 10.1.0.77 10.2.0.1", check=False)
        finally:
            lab.run("srv1", "ip addr del 10.1.0.77/32 dev lo")
        finding = find(lab, "rp_filter", "g1")
        assert "dropped" in finding["Found"]
        assert "rp_filter=2" in finding["Remedy"]
        assert bad(lab) == [], "nothing was dropped since that look"


def test_a_port_that_the_host_may_take_is_found_until_it_is_reserved(lab):
    balancer = lab.api.listeners()[0]["LoadBalancerId"]
    group = lab.group(balancer, 8081)
    lab.listener(balancer, group, 40000, HealthCheckConnectPort=8080)
    reserved = "net.ipv4.ip_local_reserved_ports"
    try:
        finding = find(lab, "local_port", f"{VIP4}:40000/tcp")
        assert finding["Remedy"] == f"sysctl -w {reserved}=40000"
        lab.run("gateway", finding["Remedy"])
        assert bad(lab, "local_port") == []
    finally:
        lab.run("gateway", f"sysctl -qw {reserved}=")
        lab.api("DeleteLoadBalancerListener", LoadBalancerId=balancer, ListenerPort=40000)


def host(lab):
    """All that a doctor could have changed."""
    parts = [lab.run("gateway", r"sysctl -a --pattern '^net\.(core|ipv4|ipv6)'", quiet=True)]
    for command in ("addr", "link", "route show table all", "-6 route show table all", "rule"):
        parts.append(lab.run("gateway", f"ip {command}"))
    for device in lab.devices:
        for what in ("-k", "-l", "-c", "-g"):
            parts.append(lab.run("gateway", f"ethtool {what} {device}", check=False))
    return parts, observe.everything(lab)


def test_looking_changes_nothing_on_the_host(lab):
    wrong = (
        "sysctl -qw net.ipv4.ip_forward=0 net.ipv4.conf.g1.rp_filter=1"
        " net.ipv4.conf.g0.arp_ignore=8"
    )
    back = (
        "sysctl -qw net.ipv4.ip_forward=1 net.ipv4.conf.g1.rp_filter=0"
        " net.ipv4.conf.g0.arp_ignore=0"
    )
    with changed(lab, "gateway", wrong, back):
        find(lab, "vip")
        before = host(lab)
        for _ in range(3):
            assert lab.ctl("doctor").returncode == 1
        assert host(lab) == before


@pytest.fixture
def bare():
    """A lab whose agent has not been started."""
    the_lab = lab_module.Lab("two")
    try:
        yield the_lab
    finally:
        the_lab.close()


def test_a_driver_that_refuses_native_mode_is_heard_and_the_remedy_works(bare):
    queues = "numrxqueues 2 numtxqueues 2"
    bare.run(
        "gateway",
        f"ip link del g1; ip link add g1 {queues} type veth peer name p1 {queues}"
        f" netns {bare.prefix}-switch; ethtool -L g1 rx 1; ip link set g1 up",
    )
    bare.run("switch", "ip link set p1 up; ethtool -K p1 gro on")
    bare.start_agent()
    words = "XDP expects number of rx queues not less than peer tx queues"
    log = bare.agent_log.read_text()
    assert "attached interface=g1 mode=generic" in log
    assert f"native mode was refused: No space left on device: veth: {words}" in log
    assert "preflight interface=g1 check=queues: " in log
    assert words in find(bare, "attachment", "g1")["Found"]
    remedy = find(bare, "queues", "g1")["Remedy"]
    assert remedy.startswith("ethtool -L g1 rx 2, ")
    bare.run("gateway", remedy.split(",")[0])
    bare.stop_agent()
    assert bare.tandemd("--purge").returncode == 0
    bare.start_agent()
    assert bad(bare) == []
    found = {
        check["Subject"]: check["Found"] for check in checks(bare) if check["Name"] == "attachment"
    }
    assert found["g1"] == "attached in native mode"


FOREIGN = """
#define SEC(name) __attribute__((section(name), used))
SEC("xdp") int somebody_elses(void *ctx) { return 2; }
char licence[] SEC("license") = "GPL";
"""


def test_another_xdp_program_is_named_and_left_alone(bare):
    source = bare.dir / "foreign.c"
    source.write_text(FOREIGN)
    pin = pathlib.Path(f"{bare.pins}-foreign")
    subprocess.run(
        ["clang", "-O2", "-g", "-target", "bpf", "-c", source, "-o", bare.dir / "foreign.o"],
        check=True,
    )
    tool = "/usr/sbin/bpftool"
    try:
        subprocess.run([tool, "prog", "load", bare.dir / "foreign.o", pin], check=True)
        bare.run("gateway", f"{tool} net attach xdpgeneric pinned {pin} dev g1")
        program = json.loads(bare.run("gateway", "ip -j -d link show g1"))[0]["xdp"]["prog"]["id"]
        path = bare.write_config()
        done = subprocess.run(
            [
                "nsenter",
                f"--net=/run/netns/{bare.prefix}-gateway",
                BUILD / "tandemd",
                "--config",
                path,
            ],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 1
        assert f"somebody_elses (id {program})" in done.stderr
        assert "check=attachment: another XDP program has the interface" in done.stderr
        after = json.loads(bare.run("gateway", "ip -j -d link show g1"))[0]["xdp"]["prog"]["id"]
        assert after == program
    finally:
        pin.unlink(missing_ok=True)
