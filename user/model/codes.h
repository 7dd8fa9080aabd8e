/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef TANDEM_CODES_H
#define TANDEM_CODES_H

/*
 * The kinds of error of the API (Classic Load Balancer 2014-05-15) and, below, our own: symbol,
 * the code that clients see, the HTTP status that the API documents. `struct error.code` holds one.
 */
#define CODES(X)                                                                                   \
	X(CODE_INTERNAL, "InternalError", 500)                                                     \
	X(CODE_SERVICE_UNAVAILABLE, "ServiceUnavailable", 503)                                     \
	X(CODE_INVALID_ACTION, "InvalidAction.NotFound", 404)                                      \
	X(CODE_UNSUPPORTED_METHOD, "UnsupportedHTTPMethod", 400)                                   \
	X(CODE_INVALID_VERSION, "InvalidVersion", 400)                                             \
	X(CODE_MISSING_PARAMETER, "MissingParameter", 400)                                         \
	X(CODE_INVALID_PARAMETER, "InvalidParameter", 400)                                         \
	X(CODE_INVALID_PARAMETER_NOT_FOUND, "InvalidParameter", 404)                               \
	X(CODE_UNSUPPORTED_PARAMETER, "UnsupportedParameter", 400)                                 \
	X(CODE_INVALID_REGION, "InvalidRegionId.NotFound", 404)                                    \
	X(CODE_INVALID_LOAD_BALANCER, "InvalidLoadBalancerId.NotFound", 404)                       \
	X(CODE_BACKEND_SERVERS_NUM, "BACKEND_SERVERS_NUM_MUST_BE_TWO", 400)                        \
	X(CODE_BACKEND_SERVERS_SAME, "BACKEND_SERVERS_HAVE_SAME_PORT_AND_SERVERID", 400)           \
	X(CODE_BACKEND_SERVERS_ROLES, "BACKEND_SERVERS_CAN_ONLY_CONTAIN_ONE_MASTER_AND_ONE_SLAVE", \
	  400)                                                                                     \
	X(CODE_BACKEND_SERVER_ID_EMPTY, "BACKEND_SERVER_ID_CAN_NOT_EMPTY", 400)                    \
	X(CODE_INVALID_SERVER_TYPE, "INVALID_SERVER_TYPE", 400)                                    \
	X(CODE_BACKEND_SERVER_PORT_EMPTY, "BACKEND_SERVER_PORT_CAN_NOT_EMPTY", 400)                \
	X(CODE_REAL_SERVER_PORT, "RealServerPortNotSupport", 400)                                  \
	X(CODE_MISMATCHED_ZONE, "Mismatched.ZoneId", 400)                                          \
	X(CODE_TUNNEL_GROUP_UNSUPPORTED, "OperationUnsupported.CreateMasterSlaveServerGroup", 400) \
	X(CODE_TRAFFIC_CHANGE_STATUS, "IncorrectStatus.RSByPassToas", 400)                         \
	X(CODE_ACTION_NOT_SUPPORTED, "OperationFailed.ActionNotSupport", 400)                      \
	X(CODE_TUNNEL_NAME_CONFLICT, "RsTunnelIp2VmNameConflict", 400)                             \
	X(CODE_NETWORK_CONFLICT, "NetworkConflict", 400)                                           \
	X(CODE_INVALID_TAG_KEY, "InvalidParam.TagKey", 400)                                        \
	X(CODE_INVALID_TAG_VALUE, "InvalidParam.TagValue", 400)                                    \
	X(CODE_MISSING_TAG_KEY, "MissingParam.TagKey", 400)                                        \
	X(CODE_TAG_LIMIT, "SizeLimitExceeded.Tag", 400)                                            \
	X(CODE_BACKEND_SERVERS_MALFORMED, "BackendServersMalformed", 400)                          \
	X(CODE_INVALID_WEIGHT, "InvalidWeight.Malformed", 400)                                     \
	X(CODE_INVALID_SERVER_ID, "InvalidServerId.NotFound", 404)                                 \
	X(CODE_GROUP_IN_USE, "RspoolVipExist", 400)                                                \
	X(CODE_GROUP_EMPTY, "VServerGroupEmpty", 400)                                              \
	X(CODE_BOTH_GROUPS, "Abs.VServerGroupIdAndMasterSlaveServerGroupId.MissMatch", 400)        \
	X(CODE_DELETE_PROTECTION, "OperationDenied.DeleteProtectionIsOn", 400)                     \
	X(CODE_LISTENER_EXISTS, "ListenerAlreadyExists", 400)                                      \
	X(CODE_LISTENER_LIMIT, "ListenerNumberOverLimit", 400)                                     \
	X(CODE_TOO_MANY_LISTENERS, "TooManyListeners", 400)                                        \
	X(CODE_HEALTH_CHECK_REQ_LENGTH, "InvalidParamLength.HealthCheckReq", 400)                  \
	X(CODE_HEALTH_CHECK_EXP_LENGTH, "InvalidParamLength.HealthCheckExp", 400)                  \
	X(CODE_DUPLICATE_PARAMETER, "DuplicateParameter", 400)                                     \
	X(CODE_REQUEST_TOO_LARGE, "RequestTooLarge", 413)                                          \
	X(CODE_MALFORMED_REQUEST, "MalformedRequest", 400)                                         \
	X(CODE_ADDRESS_IN_USE, "AddressInUse", 400)                                                \
	X(CODE_ADDRESS_FAMILY, "AddressFamilyMismatch", 400)                                       \
	X(CODE_SERVER_IS_VIP, "ServerAddressIsVip", 400)                                           \
	X(CODE_ENDPOINT_IN_USE, "EndpointInUse", 400)                                              \
	X(CODE_SERVER_EXISTS, "ServerAlreadyExists", 400)                                          \
	X(CODE_SERVER_IN_USE, "ServerInUse", 400)                                                  \
	X(CODE_LIMIT, "LimitExceeded", 400)                                                        \
	X(CODE_TRACE_RUNNING, "TraceAlreadyRunning", 400)                                          \
	X(CODE_INVALID_TRACE, "InvalidTraceId.NotFound", 404)

#define CODE_ENUM(symbol, name, status) symbol,
enum code { CODES(CODE_ENUM) CODE_MAX };

/* The code as clients see it, and its HTTP status. @code is one of enum code. */
const char *code_name(int code);
unsigned int code_http_status(int code);

#endif
