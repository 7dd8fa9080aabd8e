# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Requests that are refused, for every action: each gets its code, and changes nothing.

"Nothing" is compared after each test: all Describe answers, the database read from a copy, and
the maps. Covers of the field reports: C4 and C8 (conflicting objects are refused, both named), D5
and F4 (a server twice) on the way.
"""

import http.client
import json
import re
import urllib.parse

import pytest
from lab import VIP4, VIP6, Lab, UnixConnection
from observe import everything

OTHER_VIP = "10.1.0.101"


def backends(*servers):
    """A list of servers as JSON text; each server's keys over good defaults."""
    result = []
    for number, server in enumerate(servers):
        base = {"ServerId": f"10.2.0.{51 + number}", "Port": 9001, "ServerType": "Master"}
        if number:
            base["ServerType"] = "Slave"
        result.append({k: v for k, v in {**base, **server}.items() if v is not None})
    return json.dumps(result)


class Configured:
    """A lab with one object of each kind, whose ids stand for {names} in the tables below."""

    def __init__(self, lab):
        self.lab = lab
        self.seen = None  # all there is, as the last test left it
        api = lab.api
        for name, address in {"i-a": "10.2.0.11", "i-b": "10.2.0.12", "i-6": "fd02::11"}.items():
            api("RegisterServer", ServerId=name, ServerIp=address)
        api("RegisterServer", ServerId="i-net", ServerIp="10.2.0.77", VpcId="vpc-other")
        balancer = lab.balancer()
        self.ids = {
            "lb": balancer,
            "lb_other": api("CreateLoadBalancer", Address=OTHER_VIP, VpcId="vpc-one")[
                "LoadBalancerId"
            ],
            "lb6": lab.balancer(VIP6),
            "lb_kept": api("CreateLoadBalancer", Address="10.1.0.102", DeleteProtection="on")[
                "LoadBalancerId"
            ],
            "group": lab.group(balancer, servers=["i-a", "i-b"]),
            "unused": lab.group(balancer, port=9000, servers=["i-a", "i-b"]),
            "empty": api("CreateMasterSlaveServerGroup", LoadBalancerId=balancer)[
                "MasterSlaveServerGroupId"
            ],
        }
        self.ids["group_other"] = lab.group(
            self.ids["lb_other"], servers=["10.2.0.13", "10.2.0.14"]
        )
        self.ids["same_endpoint"] = lab.group(
            self.ids["lb_other"], servers=["10.2.0.11", "10.2.0.15"]
        )
        for protocol in ("TCP", "UDP"):
            lab.listener(balancer, self.ids["group"], 80, protocol, HealthCheckSwitch="off")

    def fill(self, text):
        """@text with ids for names."""
        return re.sub(r"\{(\w+)\}", lambda name: self.ids[name[1]], text)

    def send(self, pairs):
        """One request; (status, body)."""
        connection = UnixConnection(self.lab.socket)
        try:
            body = urllib.parse.urlencode([(name, self.fill(str(value))) for name, value in pairs])
            headers = {"Content-Type": "application/x-www-form-urlencoded"}
            connection.request("POST", "/", body, headers)
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())
        finally:
            connection.close()


@pytest.fixture(scope="module", name="configured")
def configured_fixture():
    """A gateway with objects of all kinds, and nothing that moves by itself."""
    lab = Lab()
    try:
        lab.start_agent()
        yield Configured(lab)
    finally:
        lab.close()


@pytest.fixture(autouse=True)
def nothing_changes(configured):
    """Compare all there is with what it was before the test."""
    before = configured.seen or everything(configured.lab)
    configured.seen = None
    yield
    after = everything(configured.lab)
    for part, value in before.items():
        assert after[part] == value, f"the {part} changed"
    configured.seen = after


# What each action takes, at its least: (required, the rest).
GOOD = {
    "CreateLoadBalancer": ({"RegionId": "local"}, {"Address": "10.1.0.110"}),
    "DescribeLoadBalancers": ({"RegionId": "local"}, {}),
    "DescribeLoadBalancerAttribute": ({"LoadBalancerId": "{lb}"}, {}),
    "DeleteLoadBalancer": ({"LoadBalancerId": "{lb_kept}"}, {}),
    "CreateMasterSlaveServerGroup": (
        {"RegionId": "local", "LoadBalancerId": "{lb}"},
        {"MasterSlaveBackendServers": backends({}, {})},
    ),
    "DescribeMasterSlaveServerGroups": ({"RegionId": "local", "LoadBalancerId": "{lb}"}, {}),
    "DescribeMasterSlaveServerGroupAttribute": (
        {"RegionId": "local", "MasterSlaveServerGroupId": "{group}"},
        {},
    ),
    "DeleteMasterSlaveServerGroup": (
        {"RegionId": "local", "MasterSlaveServerGroupId": "{group}"},
        {},
    ),
    "CreateLoadBalancerTCPListener": (
        {
            "LoadBalancerId": "{lb}",
            "ListenerPort": "81",
            "MasterSlaveServerGroupId": "{unused}",
        },
        {"Bandwidth": "-1"},
    ),
    "CreateLoadBalancerUDPListener": (
        {
            "LoadBalancerId": "{lb}",
            "ListenerPort": "81",
            "MasterSlaveServerGroupId": "{unused}",
        },
        {"Bandwidth": "-1", "HealthCheckSwitch": "off"},
    ),
    "StartLoadBalancerListener": (
        {"LoadBalancerId": "{lb}", "ListenerPort": "80"},
        {"ListenerProtocol": "tcp"},
    ),
    "StopLoadBalancerListener": (
        {"LoadBalancerId": "{lb}", "ListenerPort": "80"},
        {"ListenerProtocol": "tcp"},
    ),
    "DeleteLoadBalancerListener": (
        {"LoadBalancerId": "{lb}", "ListenerPort": "80"},
        {"ListenerProtocol": "tcp"},
    ),
    "DescribeLoadBalancerTCPListenerAttribute": (
        {"LoadBalancerId": "{lb}", "ListenerPort": "80"},
        {},
    ),
    "DescribeLoadBalancerUDPListenerAttribute": (
        {"LoadBalancerId": "{lb}", "ListenerPort": "80"},
        {},
    ),
    "DescribeHealthStatus": ({"LoadBalancerId": "{lb}"}, {"ListenerPort": "80"}),
    "RegisterServer": ({"ServerId": "i-new", "ServerIp": "10.2.0.99"}, {}),
    "DeregisterServer": ({"ServerId": "i-a"}, {}),
    "DescribeServers": ({}, {"ServerId": "i-a"}),
    "DescribeStatus": ({}, {"LoadBalancerId": "{lb}"}),
    "DescribeDoctor": ({}, {}),
}


def good(action):
    """All parameters of a request that would be granted (or nearly)."""
    required, rest = GOOD[action]
    return {"Action": action, **required, **rest}


def check_refused(configured, pairs, status, code, words=()):
    """Send what has to be refused, and look at the answer."""
    got_status, body = configured.send(pairs)
    assert (got_status, body.get("Code")) == (status, code), body
    assert set(body) - {"Recommend"} == {"RequestId", "HostId", "Code", "Message"}
    assert body["HostId"] == "tandem"
    assert re.fullmatch(r"[0-9A-F]{8}(-[0-9A-F]{4}){3}-[0-9A-F]{12}", body["RequestId"])
    for word in words:
        assert configured.fill(word) in body["Message"]


@pytest.mark.parametrize(
    "action, missing", [(action, name) for action in GOOD for name in GOOD[action][0]]
)
def test_a_request_without_what_it_must_have_is_refused(configured, action, missing):
    for absent in ("absent", "empty"):
        parameters = good(action)
        if absent == "absent":
            del parameters[missing]
        else:
            parameters[missing] = ""
        check_refused(configured, parameters.items(), 400, "MissingParameter", [missing])


@pytest.mark.parametrize(
    "action, twice", [(action, name) for action in GOOD for name in good(action)]
)
def test_a_parameter_that_is_given_twice_is_refused(configured, action, twice):
    pairs = [*good(action).items(), (twice, good(action)[twice])]
    check_refused(configured, pairs, 400, "DuplicateParameter", [twice])


@pytest.mark.parametrize("action", GOOD)
def test_what_every_action_shares_is_checked(configured, action):
    for name, value, status, code in (
        ("RegionId", "cn-hangzhou", 404, "InvalidRegionId.NotFound"),
        ("Version", "2014-05-16", 400, "InvalidVersion"),
        ("Format", "XML", 400, "UnsupportedParameter"),
    ):
        check_refused(configured, {**good(action), name: value}.items(), status, code, [value])


NO_LB = ("404", "InvalidLoadBalancerId.NotFound")
NO_GROUP = ("404", "InvalidParameter")
INVALID = ("400", "InvalidParameter")
UNSUPPORTED = ("400", "UnsupportedParameter")
PORTS = ["0", "-1", "65536", "80x", "", "1e3", "0x50", " 80", "99999999999999999999"]

# action, parameter, values, (status, code); the message has to name the parameter and the value.
ONE_BAD_VALUE = [
    ("CreateLoadBalancer", "Address", ["10.1.0", "10.1.0.256", "example.org", "::g"], INVALID),
    ("CreateLoadBalancer", "Address", ["127.0.0.1", "224.0.0.1", "::1", "0.0.0.0"], INVALID),
    ("CreateLoadBalancer", "AddressType", ["public"], INVALID),
    ("CreateLoadBalancer", "AddressIPVersion", ["4"], INVALID),
    ("CreateLoadBalancer", "LoadBalancerName", ["1st", "a b", "x" * 81], INVALID),
    ("CreateLoadBalancer", "DeleteProtection", ["yes"], INVALID),
    ("CreateLoadBalancer", "Bandwidth", ["fast", "5121"], INVALID),
    ("CreateLoadBalancer", "InternetChargeType", ["paybybandwidth"], UNSUPPORTED),
    ("CreateLoadBalancer", "PayType", ["PrePay"], UNSUPPORTED),
    ("DescribeLoadBalancers", "PageSize", ["50"], ("400", "MissingParameter")),
    ("DescribeLoadBalancers", "PageNumber", ["0", "x"], INVALID),
    ("DescribeLoadBalancers", "Tags", ['[{"TagKey":"a"}]'], UNSUPPORTED),
    ("CreateMasterSlaveServerGroup", "MasterSlaveServerGroupName", ["x" * 81, "a\nb"], INVALID),
    ("DescribeMasterSlaveServerGroups", "IncludeListener", ["on", "1"], INVALID),
    ("DescribeHealthStatus", "ListenerPort", ["0", "65536", "x"], INVALID),
    ("DescribeHealthStatus", "ListenerProtocol", ["http"], INVALID),
    ("RegisterServer", "ServerIp", ["10.2.0", "127.0.0.1", "255.255.255.255", "fe80::1"], INVALID),
    ("RegisterServer", "ServerId", ["i a", "x" * 65, "10.2.0.98", "i-ü"], INVALID),
    ("RegisterServer", "Type", ["vm"], INVALID),
    ("RegisterServer", "Replace", ["yes"], INVALID),
]
for _action in ("Start", "Stop", "Delete"):
    ONE_BAD_VALUE += [
        (f"{_action}LoadBalancerListener", "ListenerPort", [p for p in PORTS if p], INVALID),
        (f"{_action}LoadBalancerListener", "ListenerProtocol", ["http", "6"], INVALID),
    ]
for _action in ("CreateLoadBalancerTCPListener", "CreateLoadBalancerUDPListener"):
    ONE_BAD_VALUE += [
        (_action, "ListenerPort", [p for p in PORTS if p], INVALID),
        (_action, "HealthCheckSwitch", ["true"], INVALID),
        (_action, "HealthCheckConnectPort", ["0", "65536", "x"], INVALID),
        (_action, "HealthyThreshold", ["1", "11", "two"], INVALID),
        (_action, "UnhealthyThreshold", ["1", "11", "-3"], INVALID),
        (_action, "healthCheckInterval", ["0", "51", "2s"], INVALID),
        (_action, "HealthCheckIntervalMs", ["9", "50001", "1.5"], INVALID),
        (_action, "HealthCheckConnectTimeout", ["0", "301"], INVALID),
        (_action, "HealthCheckTimeoutMs", ["9", "300001"], INVALID),
        (_action, "NoneHealthy", ["fallback"], INVALID),
        (_action, "Description", ["a b", "x" * 257], INVALID),
        (
            _action,
            "VServerGroupId",
            ["rsp-v"],
            ("400", "Abs.VServerGroupIdAndMasterSlaveServerGroupId.MissMatch"),
        ),
        (_action, "Bandwidth", ["0", "100", "x"], UNSUPPORTED),
        (_action, "Scheduler", ["rr", "sch"], UNSUPPORTED),
        (_action, "AclStatus", ["on"], UNSUPPORTED),
        (_action, "ProxyProtocolV2Enabled", ["true"], UNSUPPORTED),
        (_action, "ConnectionDrain", ["on"], UNSUPPORTED),
        (_action, "PersistenceTimeout", ["60"], UNSUPPORTED),
        (_action, "EstablishedTimeout", ["60"], UNSUPPORTED),
    ]


@pytest.mark.parametrize("action, name, values, expected", ONE_BAD_VALUE)
def test_a_value_that_is_none_of_what_it_must_be_is_refused(
    configured, action, name, values, expected
):
    for value in values:
        words = [name] if expected[1] != "MissingParameter" else ["PageNumber"]
        pairs = {**good(action), name: value}.items()
        check_refused(configured, pairs, int(expected[0]), expected[1], words)


# What goes into MasterSlaveBackendServers: the list, the code, words of the message.
BAD_SERVERS = [
    ("[]", "BACKEND_SERVERS_NUM_MUST_BE_TWO", ["2"]),
    (backends({}), "BACKEND_SERVERS_NUM_MUST_BE_TWO", ["2"]),
    (backends({}, {}, {}), "BACKEND_SERVERS_NUM_MUST_BE_TWO", ["2"]),
    ("[", "BackendServersMalformed", []),
    ("{}", "BackendServersMalformed", []),
    ("[1,2]", "BackendServersMalformed", []),
    ("null", "BackendServersMalformed", []),
    ("[" * 60000, "BackendServersMalformed", []),
    (backends({"ServerId": None}, {}), "BACKEND_SERVER_ID_CAN_NOT_EMPTY", []),
    (backends({"ServerId": " "}, {}), "BACKEND_SERVER_ID_CAN_NOT_EMPTY", []),
    (backends({"Port": None}, {}), "BACKEND_SERVER_PORT_CAN_NOT_EMPTY", []),
    (backends({"Port": 0}, {}), "RealServerPortNotSupport", []),
    (backends({}, {"Port": 65536}), "RealServerPortNotSupport", ["65536"]),
    (backends({"Port": "eighty"}, {}), "RealServerPortNotSupport", ["eighty"]),
    (backends({"Port": -1}, {}), "RealServerPortNotSupport", []),
    (backends({"Weight": 101}, {}), "InvalidWeight.Malformed", ["101"]),
    (backends({"Weight": -1}, {}), "InvalidWeight.Malformed", []),
    (backends({"Weight": "much"}, {}), "InvalidWeight.Malformed", ["much"]),
    (backends({"ServerType": "Main"}, {}), "INVALID_SERVER_TYPE", ["Main"]),
    (backends({"Type": "vm"}, {}), "INVALID_SERVER_TYPE", ["vm"]),
    (
        backends({}, {"ServerType": "Master"}),
        "BACKEND_SERVERS_CAN_ONLY_CONTAIN_ONE_MASTER_AND_ONE_SLAVE",
        [],
    ),
    (
        backends({"ServerType": None}, {"ServerType": None}),
        "BACKEND_SERVERS_CAN_ONLY_CONTAIN_ONE_MASTER_AND_ONE_SLAVE",
        [],
    ),
    (
        backends({"ServerType": "Slave"}, {}),
        "BACKEND_SERVERS_CAN_ONLY_CONTAIN_ONE_MASTER_AND_ONE_SLAVE",
        [],
    ),
    (
        backends({}, {"ServerId": "10.2.0.51"}),
        "BACKEND_SERVERS_HAVE_SAME_PORT_AND_SERVERID",
        [],
    ),
    (
        backends({"ServerId": "i-a"}, {"ServerId": "10.2.0.11"}),
        "BACKEND_SERVERS_HAVE_SAME_PORT_AND_SERVERID",
        ["i-a", "10.2.0.11"],
    ),
    (backends({"Description": "a b!"}, {}), "InvalidParameter", ["Description"]),
    (backends({"ServerId": "i-unknown"}, {}), "InvalidServerId.NotFound", ["i-unknown"]),
    (backends({"ServerIp": "10.2"}, {}), "InvalidParameter", ["ServerIp"]),
    (backends({"ServerIp": "127.0.0.1"}, {}), "InvalidParameter", ["127.0.0.1"]),
    (backends({"ServerId": "i-6"}, {}), "AddressFamilyMismatch", ["i-6", "{lb}", VIP4]),
    (backends({"ServerId": VIP4}, {}), "ServerAddressIsVip", [VIP4, "{lb}"]),
    (backends({"ServerId": OTHER_VIP}, {}), "ServerAddressIsVip", [OTHER_VIP, "{lb_other}"]),
    (backends({"ServerId": "10.2.0.1"}, {}), "InvalidParameter", ["10.2.0.1"]),
]


@pytest.mark.parametrize("servers, code, words", BAD_SERVERS, ids=lambda value: str(value)[:40])
def test_a_list_of_servers_that_is_no_pair_is_refused(configured, servers, code, words):
    pairs = {**good("CreateMasterSlaveServerGroup"), "MasterSlaveBackendServers": servers}.items()
    status = 404 if code.endswith("NotFound") else 400
    check_refused(configured, pairs, status, code, words)


BAD_TAGS = [
    ({"Tag.1.Value": "v"}, "MissingParam.TagKey"),
    ({"Tag.1.Key": "", "Tag.1.Value": "v"}, "MissingParam.TagKey"),
    ({"Tag.1.Key": "x" * 65}, "InvalidParam.TagKey"),
    ({"Tag.1.Key": "aliyun-x"}, "InvalidParam.TagKey"),
    ({"Tag.1.Key": "acs:x"}, "InvalidParam.TagKey"),
    ({"Tag.1.Key": "http://x"}, "InvalidParam.TagKey"),
    ({"Tag.1.Key": "k", "Tag.2.Key": "k"}, "InvalidParam.TagKey"),
    ({"Tag.1.Key": "k", "Tag.1.Value": "x" * 129}, "InvalidParam.TagValue"),
    ({"Tag.1.Key": "k", "Tag.1.Value": "https://x"}, "InvalidParam.TagValue"),
    ({f"Tag.{n}.Key": f"k{n}" for n in range(1, 22)}, "SizeLimitExceeded.Tag"),
]
TAGGED = [action for action in GOOD if action.startswith("Create")]


@pytest.mark.parametrize("tags, code", BAD_TAGS, ids=lambda value: str(value)[:40])
def test_tags_that_break_the_rules_are_refused(configured, tags, code):
    for action in TAGGED:
        check_refused(configured, {**good(action), **tags}.items(), 400, code)


# action, parameters over the good ones, status, code, words of the message.
CONFLICTS = [
    ("CreateLoadBalancer", {"Address": ""}, 400, "UnsupportedParameter", ["Address"]),
    ("CreateLoadBalancer", {"Address": VIP4}, 400, "AddressInUse", [VIP4, "{lb}"]),
    ("CreateLoadBalancer", {"Address": "10.2.0.11"}, 400, "ServerAddressIsVip", ["10.2.0.11"]),
    ("CreateLoadBalancer", {"Address": "10.2.0.13"}, 400, "ServerAddressIsVip", ["10.2.0.13"]),
    ("CreateLoadBalancer", {"Address": "10.1.0.1"}, 400, "AddressInUse", ["10.1.0.1"]),
    (
        "CreateLoadBalancer",
        {"AddressIPVersion": "ipv6"},
        400,
        "AddressFamilyMismatch",
        ["10.1.0.110", "ipv4"],
    ),
    ("DescribeLoadBalancerAttribute", {"LoadBalancerId": "lb-no"}, *NO_LB, ["lb-no"]),
    ("DeleteLoadBalancer", {"LoadBalancerId": "lb-no"}, *NO_LB, ["lb-no"]),
    ("DeleteLoadBalancer", {}, 400, "OperationDenied.DeleteProtectionIsOn", ["DeleteProtection"]),
    ("CreateMasterSlaveServerGroup", {"LoadBalancerId": "lb-no"}, *NO_LB, ["lb-no"]),
    (
        "CreateMasterSlaveServerGroup",
        {"LoadBalancerId": "{lb6}"},
        400,
        "AddressFamilyMismatch",
        ["10.2.0.51", VIP6, "{lb6}"],
    ),
    (
        "CreateMasterSlaveServerGroup",
        {
            "LoadBalancerId": "{lb_other}",
            "MasterSlaveBackendServers": backends({"ServerId": "i-net"}, {}),
        },
        400,
        "NetworkConflict",
        ["i-net", "vpc-other", "vpc-one"],
    ),
    ("DescribeMasterSlaveServerGroups", {"LoadBalancerId": "lb-no"}, *NO_LB, ["lb-no"]),
    (
        "DescribeMasterSlaveServerGroupAttribute",
        {"MasterSlaveServerGroupId": "rsp-no"},
        *NO_GROUP,
        ["The specified MasterSlaveGroupId does not exist"],
    ),
    ("DeleteMasterSlaveServerGroup", {"MasterSlaveServerGroupId": "rsp-no"}, *NO_GROUP, []),
    (
        "DeleteMasterSlaveServerGroup",
        {},
        400,
        "RspoolVipExist",
        ["there are vips associating with this vServer group."],
    ),
    ("RegisterServer", {"ServerId": "i-a"}, 400, "ServerAlreadyExists", ["i-a", "10.2.0.11"]),
    ("RegisterServer", {"ServerIp": VIP4}, 400, "ServerAddressIsVip", [VIP4, "{lb}"]),
    (
        "RegisterServer",
        {"ServerId": "i-a", "ServerIp": VIP4, "Replace": "true"},
        400,
        "ServerAddressIsVip",
        [VIP4],
    ),
    (
        "RegisterServer",
        {"ServerId": "i-a", "ServerIp": "fd02::99", "Replace": "true"},
        400,
        "AddressFamilyMismatch",
        ["i-a", "fd02::99"],
    ),
    (
        "RegisterServer",
        {"ServerId": "i-a", "ServerIp": "10.2.0.12", "Replace": "true"},
        400,
        "BACKEND_SERVERS_HAVE_SAME_PORT_AND_SERVERID",
        ["10.2.0.12"],
    ),
    ("DeregisterServer", {"ServerId": "i-no"}, 404, "InvalidServerId.NotFound", ["i-no"]),
    ("DeregisterServer", {}, 400, "ServerInUse", ["i-a", "rsp-"]),
    ("DescribeServers", {"ServerId": "i-no"}, 404, "InvalidServerId.NotFound", ["i-no"]),
    ("DescribeStatus", {"LoadBalancerId": "lb-no"}, *NO_LB, ["lb-no"]),
    ("DescribeHealthStatus", {"LoadBalancerId": "lb-no"}, *NO_LB, ["lb-no"]),
    ("DescribeHealthStatus", {"ListenerPort": "81"}, *NO_GROUP, ["does not exist"]),
]
for _action in ("Start", "Stop", "Delete"):
    _name = f"{_action}LoadBalancerListener"
    CONFLICTS += [
        (_name, {"LoadBalancerId": "lb-no"}, *NO_LB, ["lb-no"]),
        (_name, {"ListenerPort": "81"}, *NO_GROUP, ["The specified resource does not exist."]),
        (_name, {"ListenerProtocol": ""}, 400, "TooManyListeners", ["ListenerProtocol"]),
    ]
for _protocol in ("TCP", "UDP"):
    _name = f"CreateLoadBalancer{_protocol}Listener"
    CONFLICTS += [
        (_name, {"LoadBalancerId": "lb-no"}, *NO_LB, ["lb-no"]),
        (_name, {"ListenerPort": "80"}, 400, "ListenerAlreadyExists", ["80", "{lb}"]),
        (_name, {"MasterSlaveServerGroupId": "rsp-no"}, *NO_GROUP, ["does not exist"]),
        (_name, {"MasterSlaveServerGroupId": "{group_other}"}, *NO_GROUP, ["does not exist"]),
        (_name, {"MasterSlaveServerGroupId": "{empty}"}, 400, "VServerGroupEmpty", ["{empty}"]),
        (
            _name,
            {"MasterSlaveServerGroupId": "{group}"},
            400,
            "EndpointInUse",
            ["10.2.0.11", "8080", "{lb}", "80"],
        ),
        (
            _name,
            {"LoadBalancerId": "{lb_other}", "MasterSlaveServerGroupId": "{same_endpoint}"},
            400,
            "EndpointInUse",
            ["10.2.0.11", "{lb}"],
        ),
        (
            _name,
            {"MasterSlaveServerGroupId": "", "VServerGroupId": "rsp-v"},
            400,
            "UnsupportedParameter",
            ["VServerGroupId"],
        ),
        (
            _name,
            {"MasterSlaveServerGroupId": "", "BackendServerPort": "8080"},
            400,
            "UnsupportedParameter",
            ["BackendServerPort", "MasterSlaveServerGroupId"],
        ),
        (
            _name,
            {"healthCheckInterval": "2", "HealthCheckIntervalMs": "2000"},
            400,
            "InvalidParameter",
            ["healthCheckInterval", "HealthCheckIntervalMs"],
        ),
    ]
    _name = f"DescribeLoadBalancer{_protocol}ListenerAttribute"
    CONFLICTS += [
        (_name, {"LoadBalancerId": "lb-no"}, *NO_GROUP, ["The specified resource does not exist."]),
        (_name, {"ListenerPort": "81"}, *NO_GROUP, ["The specified resource does not exist."]),
    ]


@pytest.mark.parametrize("action, changed, status, code, words", CONFLICTS)
def test_what_conflicts_with_what_is_there_is_refused(
    configured, action, changed, status, code, words
):
    pairs = {**good(action), **changed}.items()
    check_refused(configured, pairs, int(status), code, words)


@pytest.mark.parametrize(
    "pairs, status, code",
    [
        ([], 400, "MissingParameter"),
        ([("Action", "")], 400, "MissingParameter"),
        ([("Action", "DropTables")], 404, "InvalidAction.NotFound"),
        ([("Action", "describestatus")], 404, "InvalidAction.NotFound"),
        (
            [("Action", "DescribeStatus")] + [(f"x{n}", "") for n in range(600)],
            413,
            "RequestTooLarge",
        ),
    ],
    ids=lambda value: str(value)[:40],
)
def test_an_action_that_does_not_exist_is_refused(configured, pairs, status, code):
    check_refused(configured, pairs, status, code)


@pytest.mark.parametrize(
    "method, path, headers, body, status, code",
    [
        ("PUT", "/", {}, None, 400, "UnsupportedHTTPMethod"),
        ("DELETE", "/?Action=DescribeStatus", {}, None, 400, "UnsupportedHTTPMethod"),
        ("GET", "/v1/listeners", {}, None, 404, "InvalidAction.NotFound"),
        ("GET", "/?Action=%zz", {}, None, 400, "MalformedRequest"),
        ("GET", "/?Action=%00", {}, None, 400, "MalformedRequest"),
        ("GET", "/?Action=%ff%fe", {}, None, 400, "MalformedRequest"),
        ("GET", "/?=DescribeStatus", {}, None, 400, "MalformedRequest"),
        ("POST", "/", {"Content-Type": "application/json"}, "{}", 400, "MalformedRequest"),
        ("POST", "/", {}, "Action=DescribeStatus", 400, "MalformedRequest"),
        (
            "POST",
            "/",
            {"Content-Type": "application/x-www-form-urlencoded"},
            "Action=DescribeStatus&x=" + "y" * 300_000,
            413,
            "RequestTooLarge",
        ),
    ],
    ids=lambda value: str(value)[:24],
)
def test_http_that_is_not_what_the_api_speaks_is_refused(
    configured, method, path, headers, body, status, code
):
    connection = UnixConnection(configured.lab.socket)
    try:
        connection.putrequest(method, path)
        for name, value in headers.items():
            connection.putheader(name, value)
        if body is not None:
            connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body.encode() if body is not None else None)
        answer = connection.getresponse()
        told = json.loads(answer.read())
    except http.client.HTTPException as error:
        raise AssertionError(f"no answer: {error!r}") from error
    finally:
        connection.close()
    assert (answer.status, told["Code"]) == (status, code), told
    assert set(told) - {"Recommend"} == {"RequestId", "HostId", "Code", "Message"}
