# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What a test compares before and after: maps by libbpf, the database, answers, packets counted."""

import ctypes
import errno
import functools
import hashlib
import itertools
import json
import mmap
import pathlib
import shutil
import sqlite3
import tempfile

# Not configuration: they count, cache, or cannot be read.
MOVING_MAPS = (
    "counters reasons send_errors route_cache4 route_cache6 route_question fragments4 fragments6"
    " events devices links"
).split()
ARRAY = 2  # BPF_MAP_TYPE_ARRAY


class MapInfo(ctypes.Structure):
    """The start of struct bpf_map_info."""

    _fields_ = [
        ("type", ctypes.c_uint32),
        ("id", ctypes.c_uint32),
        ("key_size", ctypes.c_uint32),
        ("value_size", ctypes.c_uint32),
        ("max_entries", ctypes.c_uint32),
    ]


class PinnedMap:
    """A pinned BPF map as bytes; bpftool would take seconds for the large ones."""

    def __init__(self, path):
        self.lib = ctypes.CDLL("libbpf.so.1", use_errno=True)
        self.fd = self.lib.bpf_obj_get(str(path).encode())
        if self.fd < 0:
            raise OSError(ctypes.get_errno(), f"open {path}")
        self.info = MapInfo()
        size = ctypes.c_uint32(ctypes.sizeof(self.info))
        self._check(
            self.lib.bpf_obj_get_info_by_fd(self.fd, ctypes.byref(self.info), ctypes.byref(size))
        )

    def _check(self, result):
        if result < 0:
            raise OSError(ctypes.get_errno() or -result, "bpf")

    @staticmethod
    @functools.lru_cache(maxsize=None)
    def _buffer(_purpose, size):
        """Kept, since getting megabytes from the kernel takes longer than filling them."""
        return ctypes.create_string_buffer(size)

    def _read(self):
        """All elements at once: the buffers of keys and values, and how many there are."""
        keys = self._buffer("keys", self.info.key_size * self.info.max_entries)
        values = self._buffer("values", self.info.value_size * self.info.max_entries)
        batch = ctypes.create_string_buffer(max(self.info.key_size, 8))
        count = ctypes.c_uint32(self.info.max_entries)
        result = self.lib.bpf_map_lookup_batch(
            self.fd, None, batch, keys, values, ctypes.byref(count), None
        )
        if result < 0 and ctypes.get_errno() != errno.ENOENT:  # ENOENT: that was all
            self._check(result)
        return keys, values, count.value

    def dump(self):
        """All elements in the order of their keys, as (key, value)."""
        key_size, value_size = self.info.key_size, self.info.value_size
        keys, values, count = self._read()
        keys, values = keys.raw, values.raw
        return sorted(
            (
                keys[i * key_size : (i + 1) * key_size],
                values[i * value_size : (i + 1) * value_size],
            )
            for i in range(count)
        )

    def used(self):
        """The elements of a hash, and those of an array that are not all zero."""
        if self.info.type != ARRAY:
            return self.dump()
        zero = bytes(self.info.value_size)
        return [(key, value) for key, value in self.dump() if value != zero]

    def content(self):
        """Something to compare, quickly: an array's digest, a hash's elements."""
        if self.info.type != ARRAY:
            return self.dump()
        try:
            size = (self.info.value_size + 7) // 8 * 8 * self.info.max_entries
            with mmap.mmap(self.fd, size, prot=mmap.PROT_READ) as memory:
                return hashlib.blake2b(memory).hexdigest()
        except OSError:  # not a map that can be mapped
            return hashlib.blake2b(self._read()[1]).hexdigest()

    def update(self, key, value):
        """Write one element."""
        self._check(self.lib.bpf_map_update_elem(self.fd, key, value, ctypes.c_uint64(0)))

    def delete(self, key):
        """Remove one element of a hash."""
        self._check(self.lib.bpf_map_delete_elem(self.fd, key))

    def close(self):
        """Give the file descriptor back."""
        ctypes.CDLL(None).close(self.fd)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def map_used(lab, name):
    """The elements of one map; of an array, those that are not all zero."""
    with PinnedMap(lab.pins / name) as pinned:
        return pinned.used()


def maps(lab):
    """What the maps hold that is configuration or state, not a counter."""
    result = {}
    for path in lab.pins.iterdir():
        if path.name not in MOVING_MAPS:
            with PinnedMap(path) as pinned:
                result[path.name] = pinned.content()
    return result


def database(lab):
    """The database as SQL, read from a copy, so that nothing of ours touches it."""
    with tempfile.TemporaryDirectory() as folder:
        for path in (lab.dir / "state").glob("tandem.db*"):
            shutil.copy(path, folder)
        connection = sqlite3.connect(pathlib.Path(folder) / "tandem.db")
        try:
            return list(connection.iterdump())
        finally:
            connection.close()


def strip(answer):
    """An answer without what is new in each: its id."""
    return {key: value for key, value in answer.items() if key != "RequestId"}


def described(lab):
    """All that the API says about what is configured."""
    api = lab.api
    balancers = api("DescribeLoadBalancers", PageNumber=1, PageSize=100)
    seen = [strip(balancers), strip(api("DescribeServers"))]
    for balancer in balancers["LoadBalancers"]["LoadBalancer"]:
        named = {"LoadBalancerId": balancer["LoadBalancerId"]}
        one = strip(api("DescribeLoadBalancerAttribute", **named))
        groups = strip(api("DescribeMasterSlaveServerGroups", IncludeListener="true", **named))
        seen += [one, groups]
        for group in groups["MasterSlaveServerGroups"]["MasterSlaveServerGroup"]:
            identity = group["MasterSlaveServerGroupId"]
            seen.append(
                strip(
                    api(
                        "DescribeMasterSlaveServerGroupAttribute",
                        MasterSlaveServerGroupId=identity,
                    )
                )
            )
        for listener in one["ListenerPortsAndProtocol"]["ListenerPortAndProtocol"]:
            protocol = listener["ListenerProtocol"].upper()
            port = listener["ListenerPort"]
            seen.append(
                strip(
                    api(
                        f"DescribeLoadBalancer{protocol}ListenerAttribute",
                        ListenerPort=port,
                        **named,
                    )
                )
            )
    return seen


def everything(lab):
    """Answers, database and maps together: what a refused request must leave as it was."""
    return {"answers": described(lab), "database": database(lab), "maps": maps(lab)}


def server(lab, role, port=None):
    """The server of that role, of the only listener or of the one at @port."""
    for listener in lab.api.listeners():
        if port in (None, listener["ListenerPort"]):
            for item in listener["Servers"]["Server"]:
                if item["ServerType"] == role:
                    return item
    return None


class Count:
    """Packets that match an nftables expression where they enter (or leave) a namespace."""

    numbers = itertools.count()

    def __init__(self, lab, name, match, hook="prerouting"):
        self.lab, self.name = lab, name
        self.table = f"count{next(self.numbers)}"
        lab.run(
            name,
            f"nft 'add table inet {self.table};"
            f" add chain inet {self.table} c {{ type filter hook {hook} priority -400; }};"
            f" add rule inet {self.table} c {match} counter'",
        )

    def read(self):
        """How many there were so far."""
        listing = json.loads(self.lab.run(self.name, f"nft -j list table inet {self.table}"))
        for item in listing["nftables"]:
            for part in item.get("rule", {}).get("expr", ()):
                if "counter" in part:
                    return part["counter"]["packets"]
        raise AssertionError(f"no counter in {listing}")


def differing(before, after):
    """The names of the maps whose content is not the same: small enough to read in a failure."""
    names = before.keys() | after.keys()
    return {name for name in names if before.get(name) != after.get(name)}
