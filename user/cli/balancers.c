/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "cli/balancers.h"

#include <string.h>

#include "base/memory.h"
#include "base/netaddr.h"
#include "cli/handlers.h"

enum { PAGE_SIZE = 100 }; /* the most that the API gives */

enum exit_status tags_read(const struct invocation *invocation, struct params *params)
{
	const char *text;

	for (size_t i = 0; (text = invocation_option_at(invocation, "tag", i)); i++) {
		size_t length = strcspn(text, "=");
		AUTO(free_memory) char *key = xasprintf("%.*s", (int)length, text);

		if (!length || !text[length]) {
			complain("--tag: \"%s\" is not KEY=VALUE", text);
			return STATUS_USAGE;
		}
		params_add_tag(params, key, text + length + 1);
	}
	return STATUS_OK;
}

static enum exit_status fetch_page(struct session *session, unsigned int number, json_t *list,
				   size_t *ret_count)
{
	AUTO_PARAMS params = {};
	AUTO(free_memory) char *page = xasprintf("%u", number);
	AUTO(free_memory) char *size = xasprintf("%u", (unsigned int)PAGE_SIZE);
	json_auto_t *answer = NULL;
	enum exit_status status;
	json_t *items;

	params_add(&params, "RegionId", session->region);
	params_add(&params, "PageNumber", page);
	params_add(&params, "PageSize", size);
	status = session_call(session, "DescribeLoadBalancers", &params, &answer);
	if (status)
		return status;
	items = answer_list(answer, "LoadBalancers", "LoadBalancer");
	json_array_extend(list, items);
	*ret_count = json_array_size(items);
	return STATUS_OK;
}

enum exit_status balancers_fetch(struct session *session, json_t **ret_list)
{
	json_auto_t *list = json_array();
	size_t count = PAGE_SIZE;

	for (unsigned int number = 1; count == PAGE_SIZE; number++) {
		enum exit_status status = fetch_page(session, number, list, &count);

		if (status)
			return status;
	}
	*ret_list = json_incref(list);
	return STATUS_OK;
}

enum exit_status run_lb_create(struct session *session, const struct invocation *invocation)
{
	AUTO_PARAMS params = {};
	json_auto_t *answer = NULL;
	char text[NETADDR_TEXT_MAX];
	struct netaddr address;
	enum exit_status status;

	if (netaddr_parse(invocation_option(invocation, "address"), &address) < 0)
		return STATUS_USAGE;
	status = session_params(session, invocation, &params);
	if (!status)
		status = tags_read(invocation, &params);
	if (status)
		return status;
	params_add(&params, "Address", netaddr_format(&address, text));
	params_add(&params, "AddressIPVersion", address.family == AF_INET6 ? "ipv6" : "ipv4");
	status = session_call(session, "CreateLoadBalancer", &params, &answer);
	if (status)
		return status;
	if (session->json)
		session_print_json(answer);
	else
		puts(answer_text(answer, "LoadBalancerId"));
	return STATUS_OK;
}

static void print_balancers(const struct session *session, const json_t *list)
{
	static const struct column columns[] = {{"ID", COLUMN_TEXT},
						{"NAME", COLUMN_ELASTIC},
						{"ADDRESS", COLUMN_TEXT},
						{"TYPE", COLUMN_TEXT},
						{"STATUS", COLUMN_TEXT},
						{"CREATED", COLUMN_TEXT},
						{}};
	AUTO(table_free) struct table *table = table_new(columns);
	const json_t *item;
	size_t i;

	json_array_foreach (list, i, item) {
		table_cell(table, STYLE_PLAIN, "%s", answer_text(item, "LoadBalancerId"));
		table_cell(table, STYLE_PLAIN, "%s", answer_text(item, "LoadBalancerName"));
		table_cell(table, STYLE_BOLD, "%s", answer_text(item, "Address"));
		table_cell(table, STYLE_PLAIN, "%s", answer_text(item, "AddressType"));
		table_cell(table, STYLE_PLAIN, "%s", answer_text(item, "LoadBalancerStatus"));
		table_cell(table, STYLE_PLAIN, "%s", answer_text(item, "CreateTime"));
	}
	session_print_table(session, table);
}

enum exit_status run_lb_list(struct session *session, const struct invocation *invocation)
{
	json_auto_t *list = NULL;
	json_auto_t *answer = NULL;
	enum exit_status status = balancers_fetch(session, &list);

	(void)invocation;
	if (status)
		return status;
	if (!session->json) {
		print_balancers(session, list);
		return STATUS_OK;
	}
	answer = json_pack("{s{sO}, si}", "LoadBalancers", "LoadBalancer", list, "TotalCount",
			   (int)json_array_size(list));
	session_print_json(answer);
	return STATUS_OK;
}

static void add_row(struct table *table, const char *label, const char *value)
{
	table_cell(table, STYLE_BOLD, "%s", label);
	table_cell(table, STYLE_PLAIN, "%s", value);
}

static void print_balancer(const struct session *session, const json_t *answer)
{
	static const struct column columns[] = {{"", COLUMN_TEXT}, {"", COLUMN_TEXT}, {}};
	static const struct {
		const char *label;
		const char *key;
	} rows[] = {
		{"id", "LoadBalancerId"},
		{"name", "LoadBalancerName"},
		{"address", "Address"},
		{"type", "AddressType"},
		{"status", "LoadBalancerStatus"},
		{"network", "VpcId"},
		{"delete protection", "DeleteProtection"},
		{"created", "CreateTime"},
	};
	AUTO(table_free) struct table *table = table_new(columns);
	const char *description;
	const json_t *item;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(rows); i++)
		add_row(table, rows[i].label, answer_text(answer, rows[i].key));
	json_array_foreach (answer_list(answer, "Tags", "Tag"), i, item) {
		table_cell(table, STYLE_BOLD, "tag");
		table_cell(table, STYLE_PLAIN, "%s=%s", answer_text(item, "TagKey"),
			   answer_text(item, "TagValue"));
	}
	json_array_foreach (
		answer_list(answer, "ListenerPortsAndProtocol", "ListenerPortAndProtocol"), i,
		item) {
		table_cell(table, STYLE_BOLD, "listener");
		description = answer_text(item, "Description");
		table_cell(table, STYLE_PLAIN, "%" JSON_INTEGER_FORMAT "/%s%s%s",
			   answer_number(item, "ListenerPort"),
			   answer_text(item, "ListenerProtocol"), *description ? " " : "",
			   description);
	}
	session_print_table(session, table);
}

enum exit_status run_lb_show(struct session *session, const struct invocation *invocation)
{
	json_auto_t *answer = NULL;
	enum exit_status status =
		session_run(session, invocation, "DescribeLoadBalancerAttribute", &answer);

	if (status)
		return status;
	if (session->json)
		session_print_json(answer);
	else
		print_balancer(session, answer);
	return STATUS_OK;
}

enum exit_status run_lb_delete(struct session *session, const struct invocation *invocation)
{
	return session_run(session, invocation, "DeleteLoadBalancer", NULL);
}
