#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Measure what the README claims, print it, and write build/bench.json.

Every figure is the median of several runs with its minimum and maximum, all in one go
on one machine: compare ratios, not nanoseconds. The method is in the README.
"""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "netns"))
import lab as lab_module  # noqa: E402

FLOWS = {"1k": 1024, "64k": 65536, "512k": 524288}
LIVE_ROUNDS, LIVE_SECONDS = 7, 1.0
FAILOVERS, FAILOVERS_DEFAULT = 120, 5
GROUPS = 10000


def figure(values):
    """Median, minimum and maximum of the runs."""
    return {"median": statistics.median(values), "min": min(values), "max": max(values)}


def percentile(values, share):
    """The value below which @share of the runs lie, nearest rank."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


class Live:
    """CPU time of the gateway's NAPI thread for each packet that it takes in."""

    def __init__(self, tool):
        self.tool = tool
        self.lab = lab_module.Lab("two")
        self.lab.run("gateway", "ethtool -K g0 gro on; ethtool -K g1 gro on")
        # All of one gateway's work on CPU 1, generator and sink on CPU 0.
        self.thread = self.threaded("gateway", "g0", 1)
        self.live("switch", "sink p-gateway-g1")
        self.threaded("switch", "p-gateway-g1", 0)
        self.mac = self.address("gateway", "g0")

    def live(self, name, command):
        """Run the live tool in a namespace."""
        return self.lab.run(name, f"{self.tool} {command}")

    def address(self, name, device):
        """The MAC address of a device."""
        return json.loads(self.lab.run(name, f"ip -j link show {device}"))[0]["address"]

    def threaded(self, name, device, cpu):
        """Give the device's NAPI a thread on @cpu; return its process id."""
        namespace = f"{self.lab.prefix}-{name}"
        command = f"echo 1 > /sys/class/net/{device}/threaded"
        subprocess.run(["ip", "netns", "exec", namespace, "sh", "-c", command], check=True)

        def find():
            for comm in pathlib.Path("/proc").glob("[0-9]*/comm"):
                try:
                    if comm.read_text().startswith(f"napi/{device}-"[:15]):
                        return int(comm.parent.name)
                except OSError:
                    pass
            return None

        pid = lab_module.wait_until(find, why=f"NAPI thread of {device}")
        os.sched_setaffinity(pid, {cpu})
        return pid

    def packets(self, name="gateway", device="g0"):
        """Packets that the device's NAPI thread has taken in; the gateway's, or the sink's."""
        for line in self.lab.run(name, f"ethtool -S {device}").splitlines():
            if "rx_queue_0_xdp_packets" in line:
                return int(line.split()[-1])
        raise AssertionError("no rx_queue_0_xdp_packets")

    def cpu_ns(self):
        """CPU time of the gateway's NAPI thread."""
        return int(pathlib.Path(f"/proc/{self.thread}/schedstat").read_text().split()[0])

    def measure(self, target, port, flows):
        """One round: nanoseconds of CPU for each packet."""
        packets, cpu = self.packets(), self.cpu_ns()
        arrived = self.packets("switch", "p-gateway-g1")
        self.lab.run(
            "client",
            f"taskset -c 0 nice -n 19 {self.tool} generate eth0 {self.mac} 10.1.0.16 {target}"
            f" {port} {flows} {LIVE_SECONDS}",
        )
        packets, cpu = self.packets() - packets, self.cpu_ns() - cpu
        arrived = self.packets("switch", "p-gateway-g1") - arrived
        # A gateway that drops is cheap, so packets have to get through; a busy sink may lose many.
        assert arrived > packets * 0.05, f"{arrived} of {packets} packets reached the server's side"
        return cpu / packets

    def series(self, key, target, port):
        """All numbers of flows, in turn and several times, so that noise hits them alike."""
        rounds = {name: [] for name in FLOWS}
        for _ in range(LIVE_ROUNDS + 1):
            for name, flows in FLOWS.items():
                rounds[name].append(self.measure(target, port, flows))
        # The first round warms up.
        return {f"{key}_{name}": figure(values[1:]) for name, values in rounds.items()}

    def redirect(self):
        """The limit: redirect, nothing else."""
        server = self.address("srv1", "eth0")
        self.live("gateway", f"redirect g0 g1 {server} {self.address('gateway', 'g1')}")
        try:
            return self.series("live_redirect_ns", "10.2.0.11", 5001)
        finally:
            self.live("gateway", "detach g0")

    def tandem(self):
        """tandem, with the real agent."""
        self.lab.start_agent()
        balancer = self.lab.balancer()
        group = self.lab.group(balancer, port=5001)
        self.lab.listener(balancer, group, port=5001, protocol="UDP", HealthCheckSwitch="off")
        lab_module.wait_until(
            lambda: all(
                server["NextHop"] == "resolved"
                for listener in self.lab.api.listeners()
                for server in listener["Servers"]["Server"]
            ),
            why="next hops are resolved",
        )
        out = self.series("live_forward_v4_ns", lab_module.VIP4, 5001)
        self.lab.stop_agent()
        self.lab.tandemd("--purge")
        return out

    def nft(self):
        """What the kernel offers: DNAT with connection tracking."""
        rules = f"""table ip nat {{
 chain pre {{
  type nat hook prerouting priority dstnat;
  ip daddr {lab_module.VIP4} dnat to 10.2.0.11
 }}
}}"""
        subprocess.run(["sysctl", "-qw", "net.netfilter.nf_conntrack_max=2000000"], check=True)
        self.lab.run("gateway", f"nft -f - <<'END'\n{rules}\nEND")
        server = self.address("srv1", "eth0")
        self.lab.run("gateway", f"ip neigh replace 10.2.0.11 lladdr {server} dev g1 nud permanent")
        try:
            return self.series("live_nft_ns", lab_module.VIP4, 5001)
        finally:
            self.lab.run("gateway", "nft flush ruleset")


def bench_live(tool):
    """The live path: CPU time of the driver's receive path."""
    live = Live(tool)
    try:
        return {**live.redirect(), **live.tandem(), **live.nft()}
    finally:
        live.lab.close()


class Failover:
    """A server that falls silent, and the connections that a client opens each millisecond."""

    def __init__(self, tool):
        self.tool = tool
        self.lab = lab_module.Lab("two")
        self.lab.start_agent()
        for name in ("srv1", "srv2"):
            self.lab.start(name, [tool, "serve", name, "8080"])
        self.balancer = self.lab.balancer()
        self.group = self.lab.group(self.balancer)

    def switches(self, count, timeout, **check):
        """Silence the primary @count times; return the gaps in milliseconds."""
        self.lab.listener(self.balancer, self.group, **check)
        self.lab.healthy()
        watch = self.lab.start(
            "client",
            [self.tool, "watch", lab_module.VIP4, "80"],
            stdout=subprocess.PIPE,
            text=True,
        )
        gaps, line = [], watch.stdout.readline().split()
        assert line == ["first", "srv1"], line
        for _ in range(count):
            self.lab.run("switch", "ip link set p-srv1-eth0 down")
            line = watch.stdout.readline().split()
            assert line[:3] == ["change", "srv1", "srv2"], line
            gaps.append(int(line[3]) / 1000)
            self.lab.run("switch", "ip link set p-srv1-eth0 up")
            line = watch.stdout.readline().split()
            assert line[:3] == ["change", "srv2", "srv1"], line
            lab_module.wait_until(lambda: self.lab.healthy() is None, timeout=timeout)
        self.lab.stop(watch)
        self.lab.api("DeleteLoadBalancerListener", LoadBalancerId=self.balancer, ListenerPort=80)
        return gaps


def bench_failover(tool):
    """From the last answer of the primary to the first of the secondary."""
    failover = Failover(tool)
    try:
        fast = failover.switches(
            FAILOVERS,
            5,
            HealthCheckIntervalMs=10,
            HealthCheckTimeoutMs=10,
            UnhealthyThreshold=3,
            HealthyThreshold=3,
        )
        failover.lab.api = lab_module.Api(failover.lab.socket)
        slow = failover.switches(
            FAILOVERS_DEFAULT,
            20,
            HealthCheckIntervalMs=2000,
            HealthCheckTimeoutMs=2000,
            UnhealthyThreshold=3,
            HealthyThreshold=3,
        )
        spread = {"min": min(fast), "max": max(fast)}
        return {
            "failover_ms_p50": {"median": percentile(fast, 0.5), **spread},
            "failover_ms_p99": {"median": percentile(fast, 0.99), **spread},
            "failover_default_ms_p50": figure(slow),
        }
    finally:
        failover.lab.close()


def bench_scale():
    """Many groups through the API, the agent's size, and a restart with all of them."""
    lab = lab_module.Lab("two")
    try:
        lab.start_agent()
        balancer = lab.balancer()
        start = time.monotonic()
        for _ in range(GROUPS):
            lab.group(balancer)
        created = time.monotonic() - start
        status = pathlib.Path(f"/proc/{lab.agent.pid}/status").read_text()
        size = next(int(x.split()[1]) for x in status.splitlines() if x.startswith("VmRSS"))
        lab.stop_agent()
        start = time.monotonic()
        lab.start_agent()
        restarted = time.monotonic() - start
        return {
            "groups_10k_create_s": figure([created]),
            "groups_10k_agent_mib": figure([size / 1024]),
            "groups_10k_restart_s": figure([restarted]),
        }
    finally:
        lab.close()


def ratios(result):
    """What counts: each figure against the floor or the limit of the same run."""

    def median(key):
        return result[key]["median"]

    out = {}
    for way in ("forward_v4", "return_v4", "forward_v6", "return_v6"):
        for size in ("1", "1k", "1m"):
            out[f"{way}_{size}_per_floor"] = median(f"{way}_ns_{size}") / median("floor_ns")
        out[f"{way}_1m_per_1"] = median(f"{way}_ns_1m") / median(f"{way}_ns_1")
    for size in FLOWS:
        forward = median(f"live_forward_v4_ns_{size}")
        out[f"live_forward_per_redirect_{size}"] = forward / median(f"live_redirect_ns_{size}")
        out[f"live_nft_per_forward_{size}"] = median(f"live_nft_ns_{size}") / forward
    out["live_forward_512k_per_1k"] = median("live_forward_v4_ns_512k") / median(
        "live_forward_v4_ns_1k"
    )
    return out


def show(result, shares):
    """Print the figures for a person."""
    print(f"{'figure':32} {'median':>10} {'min':>10} {'max':>10}")
    for key, value in result.items():
        print(f"{key:32} {value['median']:10.1f} {value['min']:10.1f} {value['max']:10.1f}")
    if shares:
        print(f"\n{'ratio':40} {'value':>8}")
    for key, value in shares.items():
        print(f"{key:40} {value:8.2f}")


def flat(result, shares):
    """For programs: the figure itself under its key, its extremes beside it."""
    out = {}
    for key, value in result.items():
        out[key] = value["median"]
        out[key + "_min"], out[key + "_max"] = value["min"], value["max"]
    return {**out, **shares}


def main():
    """Run all parts, or those that are named."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", default="build", help="where the programs are")
    parser.add_argument("--out", default="build/bench.json", help="where the figures go")
    parser.add_argument("--only", choices=("testrun", "live", "failover", "scale"), action="append")
    arguments = parser.parse_args()
    tools = pathlib.Path(arguments.build).resolve() / "tests" / "bench"
    parts = {
        "testrun": lambda: json.loads(subprocess.check_output([str(tools / "testrun")])),
        "live": lambda: bench_live(tools / "live"),
        "failover": lambda: bench_failover(tools / "failover"),
        "scale": bench_scale,
    }
    result = {}
    for name, part in parts.items():
        if not arguments.only or name in arguments.only:
            print(f"bench: {name} ...", file=sys.stderr)
            result.update(part())
    shares = {} if arguments.only else ratios(result)
    out = flat(result, shares)
    # Left there by `make test-vm`.
    other_kernels = pathlib.Path(arguments.build) / "vm.json"
    if other_kernels.exists():
        out.update(json.loads(other_kernels.read_text(encoding="utf-8")))
    pathlib.Path(arguments.out).write_text(json.dumps(out, indent=1) + "\n", encoding="utf-8")
    show(result, shares)


if __name__ == "__main__":
    main()
