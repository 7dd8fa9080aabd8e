# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""A lab with two routers on each side of the gateway, and narrow links behind them."""

import lab as lab_module
from lab import Lab

FAR4, FAR6 = "10.9.0.2", "fd09::2"
DEEP4, DEEP6 = "10.3.0.11", "fd03::11"
NARROW = 1300


def six(address):
    """The IPv6 address that goes with an IPv4 address of this lab."""
    _, network, _, host = address.split(".")
    return f"fd{int(network):02x}::{host}"


class Paths(Lab):
    """A client far away, and a server deep in the network.

    far --- edge ---+--- ra ---+--- g0 gateway g1 ---+--- rc ---+--- core --- deep
    10.9.0.2  .1    +--- rb ---+                     +--- rd ---+   .1   10.3.0.11
                10.8.0.x   10.1.0.21, .22     10.2.0.21, .22   10.4.0.x

    Toward far, the gateway takes ra, and toward deep, rc. The links between routers and edge, and
    between routers and core, are those that narrow() makes narrow. IPv6 has fd09::2 for 10.9.0.2.
    The namespace "client" is the bridge between g0 and the routers, and a host there; srv1 and
    srv2 are where they are in every lab.
    """

    def _addresses(self, name, **devices):
        for device, address in devices.items():
            self.run(
                name,
                f"ip addr add {address}/24 dev {device};"
                f" ip addr add {six(address)}/64 dev {device} nodad",
            )

    def route(self, name, network, via, how="add"):
        """Add (or replace) a route of both families; @network is the number in 10.x.0.0, or None
        for the default route."""
        destination4 = f"10.{network}.0.0/24" if network else "default"
        destination6 = f"fd{network:02x}::/64" if network else "default"
        self.run(
            name,
            f"ip route {how} {destination4} via {via};"
            f" ip -6 route {how} {destination6} via {six(via)}",
        )

    def _side(self, routers, near, near_bridge, names):
        """Two routers, and behind them a router and a host at the end."""
        (router1, router2), (last, end) = routers, names["hosts"]
        bridge = f"br-{last}"
        self.run("switch", f"ip link add {bridge} type bridge && ip link set {bridge} up")
        for name in (router1, router2, last, end):
            self._namespace(name)
        for number, name in ((21, router1), (22, router2)):
            self._port(name, "eth0", at=near, bridge=near_bridge)
            self._port(name, "eth1", bridge=bridge)
            self._addresses(
                name, eth0=f"10.{names['near']}.0.{number}", eth1=f"10.{names['mid']}.0.{number}"
            )
            self.route(name, None, f"10.{names['near']}.0.1")
            self.route(name, names["far"], f"10.{names['mid']}.0.1")
        self._port(last, "eth0", bridge=bridge)
        self._link(end, "eth0", last, "eth1")
        self._addresses(last, eth0=f"10.{names['mid']}.0.1", eth1=f"10.{names['far']}.0.1")
        self._addresses(end, eth0=names["address"])
        self.route(last, None, f"10.{names['mid']}.0.21")
        self.route(end, None, f"10.{names['far']}.0.1")
        for network in ("far", "mid"):
            self.route("gateway", names[network], f"10.{names['near']}.0.21")
        for name in (router1, router2, last):
            self.run(name, "sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1")
            # What changes its MAC says so, as failing-over routers do.
            self.run(name, "sysctl -qw net.ipv4.conf.eth0.arp_notify=1")
            self.run(name, "sysctl -qw net.ipv6.conf.eth0.ndisc_notify=1")

    def _build(self):
        super()._build()
        self.run(
            "client",
            "ip link add br0 type bridge && ip link set br0 up && ip addr flush dev eth0 &&"
            " ip link set eth0 master br0",
        )
        self._addresses("client", br0=lab_module.CLIENT4)
        self.route("client", None, "10.1.0.1", "replace")
        self._side(
            ("ra", "rb"),
            "client",
            "br0",
            {"near": 1, "mid": 8, "far": 9, "hosts": ("edge", "far"), "address": FAR4},
        )
        self._side(
            ("rc", "rd"),
            "switch",
            "br0",
            {"near": 2, "mid": 4, "far": 3, "hosts": ("core", "deep"), "address": DEEP4},
        )

    def narrow(self, last, mtu=NARROW):
        """Give the link between two routers and "edge" (or "core") an MTU."""
        routers = {"edge": ("ra", "rb"), "core": ("rc", "rd")}[last]
        for name, device in [(last, "eth0")] + [(router, "eth1") for router in routers]:
            self.run("switch", f"ip link set p-{name}-{device} mtu {mtu}")
            self.run(name, f"ip link set {device} mtu {mtu}")

    def forget(self):
        """The hosts at the ends forget what they learned of paths: that goes with its route."""
        for name in ("client", "far", "srv1", "srv2", "deep"):
            for ip in ("ip", "ip -6"):
                self.run(
                    name,
                    f"set -- $({ip} route show default); {ip} route del default;"
                    f" {ip} route add default via $3",
                )

    def path_mtu(self, name, address):
        """What a host learned of the path to an address; 0 where nothing."""
        words = self.run(name, f"ip route get {address}").split()
        return int(words[words.index("mtu") + 1]) if "mtu" in words else 0
