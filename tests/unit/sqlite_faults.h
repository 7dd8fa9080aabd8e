/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef TANDEM_SQLITE_FAULTS_H
#define TANDEM_SQLITE_FAULTS_H

#include <signal.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

/* SQLite between us and a file system and an allocator of which the n-th call fails. */

enum fault {
	FAULT_NONE,
	FAULT_WRITE,	  /* half of the bytes are written, then an error */
	FAULT_FULL,	  /* the disk is full, once */
	FAULT_FULL_STAYS, /* and for all calls that follow */
	FAULT_SYNC,
	FAULT_MEMORY,
	FAULT_MEMORY_STAYS,
	FAULT_KILL, /* SIGKILL with half of the bytes written, or instead of a sync or cut */
	FAULT_MAX
};

/* What is to fail, and what happened since it was armed. */
static struct {
	enum fault fault;
	unsigned int nth;
	unsigned int calls;
	bool fired;
	bool log_unsynced; /* bytes of the write-ahead log are not on the disk yet */
} faults;

/* SQLite locks its files by one table of methods and its journals by another; the writes are the
 * same. */
static const sqlite3_io_methods *real_methods;
static sqlite3_io_methods locking_methods;
static sqlite3_io_methods plain_methods;
static sqlite3_mem_methods real_memory;
static sqlite3_vfs *real_vfs;
static sqlite3_vfs vfs;
static sqlite3_file *log_file;

static inline void arm(enum fault fault, unsigned int nth)
{
	faults.fault = fault;
	faults.nth = nth;
	faults.calls = 0;
	faults.fired = false;
}

static inline bool disarm(void)
{
	faults.fault = FAULT_NONE;
	return faults.fired;
}

/* Whether the call that runs, one of those that @fault counts, is to fail. */
static inline bool fires(enum fault fault, bool stays)
{
	if (faults.fault != fault)
		return false;
	faults.calls++;
	if (faults.calls < faults.nth || (faults.calls > faults.nth && !stays))
		return false;
	faults.fired = true;
	return true;
}

static inline int faulty_write(sqlite3_file *file, const void *bytes, int count,
			       sqlite3_int64 offset)
{
	if (fires(FAULT_FULL, false) || fires(FAULT_FULL_STAYS, true))
		return SQLITE_FULL;
	if (fires(FAULT_WRITE, false)) {
		real_methods->xWrite(file, bytes, count / 2, offset);
		return SQLITE_IOERR_WRITE;
	}
	if (fires(FAULT_KILL, false)) {
		real_methods->xWrite(file, bytes, count / 2, offset);
		kill(getpid(), SIGKILL);
	}
	if (file == log_file)
		faults.log_unsynced = true;
	return real_methods->xWrite(file, bytes, count, offset);
}

static inline int faulty_sync(sqlite3_file *file, int flags)
{
	if (fires(FAULT_SYNC, false))
		return SQLITE_IOERR_FSYNC;
	if (fires(FAULT_KILL, false))
		kill(getpid(), SIGKILL);
	if (file == log_file)
		faults.log_unsynced = false;
	/* A process that dies loses nothing that it wrote, so the disk need not be waited for. */
	(void)flags;
	return SQLITE_OK;
}

static inline int faulty_truncate(sqlite3_file *file, sqlite3_int64 size)
{
	if (fires(FAULT_KILL, false))
		kill(getpid(), SIGKILL);
	return real_methods->xTruncate(file, size);
}

static inline int faulty_open(sqlite3_vfs *self, sqlite3_filename name, sqlite3_file *file,
			      int flags, int *ret_flags)
{
	int rc = real_vfs->xOpen(real_vfs, name, file, flags, ret_flags);
	sqlite3_io_methods *wrapped;

	(void)self;
	if (rc != SQLITE_OK)
		return rc;
	wrapped = flags & SQLITE_OPEN_MAIN_DB ? &locking_methods : &plain_methods;
	if (!real_methods)
		real_methods = file->pMethods;
	if (file->pMethods->xWrite != real_methods->xWrite)
		abort(); /* another kind of file than the one that is wrapped */
	*wrapped = *file->pMethods;
	wrapped->xWrite = faulty_write;
	wrapped->xSync = faulty_sync;
	wrapped->xTruncate = faulty_truncate;
	file->pMethods = wrapped;
	if (flags & SQLITE_OPEN_WAL)
		log_file = file;
	return SQLITE_OK;
}

static inline void *faulty_malloc(int size)
{
	if (fires(FAULT_MEMORY, false) || fires(FAULT_MEMORY_STAYS, true))
		return NULL;
	return real_memory.xMalloc(size);
}

static inline void *faulty_realloc(void *pointer, int size)
{
	if (fires(FAULT_MEMORY, false) || fires(FAULT_MEMORY_STAYS, true))
		return NULL;
	return real_memory.xRealloc(pointer, size);
}

static inline int wrap_sqlite(void **state)
{
	sqlite3_mem_methods memory;

	(void)state;
	if (sqlite3_config(SQLITE_CONFIG_GETMALLOC, &real_memory) != SQLITE_OK)
		return -1;
	memory = real_memory;
	memory.xMalloc = faulty_malloc;
	memory.xRealloc = faulty_realloc;
	/* Without the look-aside buffers every small allocation can fail, too. */
	if (sqlite3_config(SQLITE_CONFIG_MALLOC, &memory) != SQLITE_OK ||
	    sqlite3_config(SQLITE_CONFIG_LOOKASIDE, 0, 0) != SQLITE_OK)
		return -1;
	real_vfs = sqlite3_vfs_find(NULL);
	vfs = *real_vfs;
	vfs.zName = "faulty";
	vfs.xOpen = faulty_open;
	return sqlite3_vfs_register(&vfs, 1) == SQLITE_OK ? 0 : -1;
}

#endif
