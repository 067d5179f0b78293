/* SPDX-License-Identifier: MIT */
#include "bench/caller.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/resource.h>
#include <unistd.h>

static struct {
        sigset_t mask;
        bool ignores[NSIG]; /* execve(2) resets signals that are caught, but leaves those that are ignored */
        struct rlimit limits[RLIM_NLIMITS];
        cpu_set_t cpus;
        bool cpus_known; /* false on a machine of more CPUs than the set has bits */
} caller;

void caller_save(void)
{
        struct sigaction action;

        (void)sigprocmask(SIG_BLOCK, NULL, &caller.mask); /* valid arguments, here and below */
        for (int i = 1; i < NSIG; i++)
                caller.ignores[i] = sigaction(i, NULL, &action) == 0 && action.sa_handler == SIG_IGN;
        for (int i = 0; i < RLIM_NLIMITS; i++)
                (void)getrlimit((__rlimit_resource_t)i, &caller.limits[i]);
        caller.cpus_known = sched_getaffinity(0, sizeof caller.cpus, &caller.cpus) == 0;
}

void caller_restore(void)
{
        int null = open("/dev/null", O_RDONLY | O_CLOEXEC);

        /* What cannot be set stays as bench has it, such as the CPUs if one of them has gone. */
        for (int i = 0; i < RLIM_NLIMITS; i++)
                (void)setrlimit((__rlimit_resource_t)i, &caller.limits[i]);
        if (caller.cpus_known)
                (void)sched_setaffinity(0, sizeof caller.cpus, &caller.cpus);
        for (int i = 1; i < NSIG; i++)
                (void)signal(i, caller.ignores[i] ? SIG_IGN : SIG_DFL); /* EINVAL: SIGKILL and SIGSTOP */
        if (null >= 0)
                (void)dup2(null, STDIN_FILENO);
        (void)sigprocmask(SIG_SETMASK, &caller.mask, NULL);
}
