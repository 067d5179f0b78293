/* SPDX-License-Identifier: MIT */
/* shim: a library to preload into a dynamically linked echo-c. By $ECHO_C_SHIM, ended by a comma each:
 *
 *     short=SEED,   reads and writes move fewer bytes than asked for, as the seed says, and every eighth is interrupted;
 *                   every other close, after it was done, says EINTR. Reads only where the socket is a blocking one: of
 *                   others epoll(7) promises that a read which comes up short has emptied the socket
 *     alloc=N,      the N-th malloc, calloc, realloc or mmap finds no memory, and a line on stderr says so
 *
 * It sees what the program calls by name. What the C library does inside itself (the stacks that pthread_create(3) maps),
 * and io_uring's requests, it does not. */
#include "base/random.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

/* glibc's own, under names that this library does not take */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *old, size_t size);

/* The number behind a name in $ECHO_C_SHIM; 0: it is not there. */
static uint64_t setting(const char *name)
{
        const char *text = getenv("ECHO_C_SHIM"), *found = text ? strstr(text, name) : NULL;

        return found ? strtoull(found + strlen(name), NULL, 10) : 0;
}

static bool ready; /* the program itself has begun */

static bool allocation_fails(void)
{
        static atomic_ullong count;
        uint64_t which = setting("alloc=");
        static const char line[] = "shim: no memory\n";

        if (which == 0 || !ready || atomic_fetch_add(&count, 1) + 1 != which)
                return false;
        (void)!write(STDERR_FILENO, line, sizeof line - 1);
        errno = ENOMEM;
        return true;
}

void *malloc(size_t size)
{
        return allocation_fails() ? NULL : __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
        return allocation_fails() ? NULL : __libc_calloc(count, size);
}

void *realloc(void *old, size_t size)
{
        return allocation_fails() ? NULL : __libc_realloc(old, size);
}

static long (*real_syscall)(long, ...);
static int (*real_close)(int);
static void *(*real_mmap)(void *, size_t, int, int, int, off_t);

static void __attribute__((constructor)) names_find(void)
{
        *(void **)&real_syscall = dlsym(RTLD_NEXT, "syscall");
        *(void **)&real_close = dlsym(RTLD_NEXT, "close");
        *(void **)&real_mmap = dlsym(RTLD_NEXT, "mmap");
        ready = true;
}

void *mmap(void *at, size_t size, int protection, int flags, int fd, off_t offset)
{
        if (allocation_fails())
                return MAP_FAILED;
        return real_mmap(at, size, protection, flags, fd, offset);
}

/* From 1 to `size`, small sizes and large ones alike; 0: the call is interrupted. */
static size_t size_drawn(size_t size)
{
        static _Thread_local uint64_t state;
        uint64_t seed = setting("short=");

        if (seed == 0 || size == 0)
                return size;
        if (state == 0)
                state = seed ^ (uint64_t)(uintptr_t)&state;
        if (random_below(&state, 8) == 0)
                return 0;
        return 1 + random_below(&state, size >> random_below(&state, 12));
}

/* base/sys.h makes its calls by this function; no other of the program has more than six arguments either. */
long syscall(long number, ...)
{
        long a[6];
        va_list arguments;

        va_start(arguments, number);
        for (int i = 0; i < 6; i++)
                a[i] = va_arg(arguments, long);
        va_end(arguments);
        if (number == SYS_recvfrom || number == SYS_sendto) {
                size_t size = size_drawn((size_t)a[2]);
                if (number == SYS_recvfrom && size != 0 && (fcntl((int)a[0], F_GETFL) & O_NONBLOCK))
                        size = (size_t)a[2];
                if (size == 0 && a[2] != 0) {
                        errno = EINTR;
                        return -1;
                }
                a[2] = (long)size;
        }
        return real_syscall(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

int close(int fd)
{
        static atomic_uint count;
        int result = real_close(fd);

        if (result == 0 && setting("short=") && atomic_fetch_add(&count, 1) % 2 == 1) {
                errno = EINTR;
                return -1;
        }
        return result;
}
