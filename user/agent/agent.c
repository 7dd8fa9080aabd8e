// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "agent.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <net/if.h>
#include <systemd/sd-daemon.h>
#include <systemd/sd-event.h>

#include "api/api.h"
#include "base/lock.h"
#include "base/log.h"
#include "base/memory.h"
#include "config.h"
#include "dataplane/dataplane.h"
#include "health/health.h"
#include "net/net.h"
#include "service/doctor.h"
#include "service/service.h"
#include "store/store.h"

/* All parts, in the order in which they are built; agent_done() goes backwards. */
struct agent {
	const struct config *config;
	int lock_fd;
	sd_event *event;
	struct store *store;
	bool store_is_new;
	struct net *net;
	struct dataplane *dataplane;
	struct health *health;
	struct service *service;
	struct api *api;
};

static void agent_done(struct agent *agent)
{
	agent->api = api_free(agent->api);
	agent->service = service_free(agent->service);
	agent->health = health_free(agent->health);
	agent->dataplane = dataplane_free(agent->dataplane);
	agent->net = net_free(agent->net);
	agent->store = store_free(agent->store);
	agent->event = sd_event_unref(agent->event);
	close_fdp(&agent->lock_fd);
}

int agent_lock(const struct config *config, int *ret_fd, struct error *reterr)
{
	if (mkdir(config->state_dir, 0700) < 0 && errno != EEXIST)
		return error_errno(reterr, -errno, "create state_dir %s", config->state_dir);
	return lock_folder(config->state_dir, ret_fd, reterr);
}

/* News from the leaves goes up to the service, which may not be there yet. */
static void on_nexthop(const struct netaddr *address, const struct net_nexthop *nexthop,
		       void *userdata)
{
	struct agent *agent = userdata;

	service_on_nexthop(agent->service, address, nexthop);
}

static void on_addresses(void *userdata)
{
	struct agent *agent = userdata;

	service_on_addresses(agent->service);
}

static void on_routes(void *userdata)
{
	struct agent *agent = userdata;

	service_on_routes(agent->service);
}

static void on_unresolved(uint32_t ifindex, const struct netaddr *address, void *userdata)
{
	struct agent *agent = userdata;

	service_on_unresolved(agent->service, ifindex, address);
}

/* Thousands of probes at once need as many descriptors. */
static void raise_file_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
		log_warning("cannot raise the limit of open files: %m");
}

static int event_build(struct agent *agent, struct error *reterr)
{
	sigset_t signals;
	int r;

	r = sd_event_new(&agent->event);
	if (r < 0)
		return error_errno(reterr, r, "create the event loop");
	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	if (sigprocmask(SIG_BLOCK, &signals, NULL) < 0)
		return error_errno(reterr, -errno, "block signals");
	/* Without a handler such a source ends the loop. */
	r = sd_event_add_signal(agent->event, NULL, SIGTERM, NULL, NULL);
	if (r >= 0)
		r = sd_event_add_signal(agent->event, NULL, SIGINT, NULL, NULL);
	if (r < 0)
		return error_errno(reterr, r, "watch signals");
	/* The loop itself pets the watchdog: it stops when the loop does. */
	r = sd_event_set_watchdog(agent->event, true);
	return r < 0 ? error_errno(reterr, r, "set up the watchdog") : 0;
}

static int store_build(struct agent *agent, struct error *reterr)
{
	AUTO(free_memory) char *path = xasprintf("%s/tandem.db", agent->config->state_dir);

	return store_open(path, &agent->store, &agent->store_is_new, reterr);
}

static int net_build(struct agent *agent, struct error *reterr)
{
	static const struct net_callbacks callbacks = {
		.on_nexthop = on_nexthop,
		.on_addresses = on_addresses,
		.on_routes = on_routes,
	};

	return net_new(agent->event, &callbacks, agent, &agent->net, reterr);
}

static int interface_index(const char *key, const char *name, uint32_t *ret, struct error *reterr)
{
	uint32_t ifindex = if_nametoindex(name);

	if (!ifindex)
		return error_set(reterr, 0, key,
				 "%s names \"%s\", but this host has no such network interface",
				 key, name);
	*ret = ifindex;
	return 0;
}

/* Nothing may be attached before every name is known to be right. */
static int interfaces_check(struct agent *agent, struct error *reterr)
{
	uint32_t ifindex;
	int r;

	for (char **name = agent->config->interfaces; *name; name++) {
		r = interface_index("interfaces", *name, &ifindex, reterr);
		if (r < 0)
			return r;
	}
	return interface_index("vip_interface", agent->config->vip_interface, &ifindex, reterr);
}

/* What the interface's own settings have to do with it, for the log. */
static int log_finding(const struct finding *finding, void *userdata)
{
	(void)userdata;
	if (finding->severity >= SEVERITY_WARNING)
		log_warning("preflight interface=%s check=%s: %s%s%s", finding->subject,
			    finding->check, finding->found, finding->remedy[0] ? "; to do: " : "",
			    finding->remedy);
	return 0;
}

static void log_attached(struct agent *agent, uint32_t ifindex, const char *name,
			 enum dataplane_mode mode)
{
	struct dataplane_hook hook = {0};

	if (mode == DATAPLANE_NATIVE) {
		log_info("attached interface=%s mode=native", name);
		return;
	}
	if (dataplane_hook_read(agent->dataplane, ifindex, &hook) < 0)
		hook.refusal[0] = '\0';
	log_warning("attached interface=%s mode=generic: packets cost several times as much%s%s",
		    name, hook.refusal[0] ? "; native mode was refused: " : "", hook.refusal);
}

static int dataplane_attach_all(struct agent *agent, struct error *reterr)
{
	int r, r_preflight;

	for (char **name = agent->config->interfaces; *name; name++) {
		enum dataplane_mode mode;
		uint32_t ifindex = 0;

		r = interface_index("interfaces", *name, &ifindex, reterr);
		if (r < 0)
			return r;
		r = dataplane_attach(agent->dataplane, ifindex, *name, &mode, reterr);
		if (r >= 0)
			log_attached(agent, ifindex, *name, mode);
		/* After the attempt: its outcome says which settings matter. */
		r_preflight = service_doctor_preflight(agent->dataplane, *name, log_finding, NULL);
		if (r < 0)
			return r;
		if (r_preflight < 0)
			log_error_errno(r_preflight, "preflight interface=%s", *name);
	}
	return dataplane_detach_others(agent->dataplane, reterr);
}

static int dataplane_build(struct agent *agent, struct error *reterr)
{
	const struct dataplane_options options = {
		.pin_dir = agent->config->pin_dir,
		.on_unresolved = on_unresolved,
		.userdata = agent,
	};
	int r;

	r = dataplane_open(agent->event, &options, &agent->dataplane, reterr);
	if (r < 0)
		return r;
	/* A lost database must not detach or change anything: service_new() says why. */
	if (agent->store_is_new && dataplane_adopted_services(agent->dataplane) > 0)
		return 0;
	return dataplane_attach_all(agent, reterr);
}

static int service_build(struct agent *agent, struct error *reterr)
{
	struct service_options options = {
		.store = agent->store,
		.dataplane = agent->dataplane,
		.net = agent->net,
		.health = agent->health,
		.store_is_new = agent->store_is_new,
		.manage_vip = agent->config->manage_vip,
		.interfaces = (const char *const *)agent->config->interfaces,
	};
	int r;

	r = interface_index("vip_interface", agent->config->vip_interface, &options.vip_ifindex,
			    reterr);
	if (r < 0)
		return r;
	return service_new(agent->event, &options, &agent->service, reterr);
}

/* The folder of the socket, where nobody made it: /run is empty after a boot. */
static int socket_folder(const char *socket_path, struct error *reterr)
{
	AUTO(free_memory) char *folder = xstrdup(socket_path);
	char *slash = strrchr(folder, '/');

	if (!slash || slash == folder)
		return 0;
	*slash = '\0';
	if (mkdir(folder, 0755) < 0 && errno != EEXIST)
		return error_errno(reterr, -errno, "create the socket's folder %s", folder);
	return 0;
}

static int api_build(struct agent *agent, struct error *reterr)
{
	const struct api_options options = {
		.socket_path = agent->config->socket,
		.socket_group = agent->config->socket_group,
		.region_id = agent->config->region_id,
	};
	int r;

	r = socket_folder(options.socket_path, reterr);
	if (r < 0)
		return r;
	return api_new(agent->event, agent->service, &options, &agent->api, reterr);
}

static int health_build(struct agent *agent, struct error *reterr)
{
	int r = health_new(agent->event, &agent->health);

	return r < 0 ? error_errno(reterr, r, "start health checks") : 0;
}

static int agent_build(struct agent *agent, struct error *reterr)
{
	static int (*const steps[])(struct agent * agent, struct error * reterr) = {
		interfaces_check, event_build,	store_build,   net_build,
		dataplane_build,  health_build, service_build, api_build,
	};
	int r;

	r = agent_lock(agent->config, &agent->lock_fd, reterr);
	for (size_t i = 0; r >= 0 && i < ARRAY_SIZE(steps); i++)
		r = steps[i](agent, reterr);
	return r;
}

/*
 * A start that failed leaves the host as it was: what was adopted goes on, what is new goes. The
 * database too: an empty one that is found by the next start would say that the listeners in the
 * adopted maps were deleted.
 */
static void agent_undo(struct agent *agent)
{
	struct error error = {0};
	bool take_down = agent->dataplane && !dataplane_was_adopted(agent->dataplane);
	int r = 0;

	if (agent->dataplane && !agent->service)
		dataplane_detach_fresh(agent->dataplane);
	agent->service = service_free(agent->service);
	agent->health = health_free(agent->health);
	agent->dataplane = dataplane_free(agent->dataplane);
	agent->net = net_free(agent->net);
	agent->store = store_free(agent->store);
	if (take_down)
		r = agent_take_down(agent->config, false, &error);
	if (r >= 0 && agent->store_is_new)
		r = agent_database_erase(agent->config, &error);
	if (r < 0)
		log_warning("undo_failed: %s", error.message);
}

int agent_run(const struct config *config, struct error *reterr)
{
	struct agent agent = {.config = config, .lock_fd = -1};
	int r;

	raise_file_limit();
	r = agent_build(&agent, reterr);
	if (r >= 0) {
		log_notice("ready version=%s interfaces=%s socket=%s", TANDEM_VERSION,
			   config->interfaces[0], config->socket);
		sd_notify(0, "READY=1\nSTATUS=balancing");
		r = sd_event_loop(agent.event);
		if (r < 0)
			(void)error_errno(reterr, r, "run the event loop");
		sd_notify(0, "STOPPING=1");
		log_notice("stopping: packets go on being forwarded");
	} else {
		agent_undo(&agent);
	}
	agent_done(&agent);
	return r;
}
