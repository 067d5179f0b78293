/* SPDX-License-Identifier: MIT */
/* system_calls: numbers for model.system_calls. */
#ifndef MODELS_SYSTEM_CALLS_H
#define MODELS_SYSTEM_CALLS_H

#include <sys/syscall.h>

/* epoll(7); newer architectures have no epoll_wait. */
#ifdef SYS_epoll_wait
#define SYSTEM_CALLS_EPOLL SYS_epoll_wait, SYS_epoll_pwait, SYS_epoll_ctl, SYS_epoll_create1
#else
#define SYSTEM_CALLS_EPOLL SYS_epoll_pwait, SYS_epoll_ctl, SYS_epoll_create1
#endif

#endif
