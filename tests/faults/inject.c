/* SPDX-License-Identifier: MIT */
#include "inject.h"

#include "../conformance/check.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

static struct {
        pthread_mutex_t mutex; /* guards the rest, but for what only the main thread sets before a start */
        bool armed;
        struct fault fault;
        uint64_t matched, hits;
        uint64_t seen[INJECT_CALLS_MAX];
        int numbers[INJECT_CALLS_MAX];
        size_t count;
        int ends[2]; /* of a socket pair, by which a child passes its filter's descriptor */
} inject = {.mutex = PTHREAD_MUTEX_INITIALIZER};

/* Sends a descriptor (unix(7), SCM_RIGHTS); returns false if that failed. */
static bool descriptor_send(int socket, int fd)
{
        char byte = 0, control[CMSG_SPACE(sizeof fd)] __attribute__((aligned(sizeof(size_t)))) = {0};
        struct iovec vector = {&byte, 1};
        struct msghdr message = {.msg_iov = &vector,
                                 .msg_iovlen = 1,
                                 .msg_control = control,
                                 .msg_controllen = sizeof control};
        struct cmsghdr *passed = CMSG_FIRSTHDR(&message);

        *passed = (struct cmsghdr){
                .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof fd)};
        memcpy(CMSG_DATA(passed), &fd, sizeof fd);
        return sendmsg(socket, &message, MSG_NOSIGNAL) == 1;
}

static int descriptor_receive(int socket)
{
        char byte, control[CMSG_SPACE(sizeof(int))] __attribute__((aligned(sizeof(size_t))));
        struct iovec vector = {&byte, 1};
        struct msghdr message = {.msg_iov = &vector,
                                 .msg_iovlen = 1,
                                 .msg_control = control,
                                 .msg_controllen = sizeof control};
        int fd = -1;

        if (recvmsg(socket, &message, MSG_CMSG_CLOEXEC) == 1 && message.msg_controllen >= CMSG_LEN(sizeof fd))
                memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof fd);
        return fd;
}

/* In the child, just before it becomes the server. On a failure it ends, and the parent sees no descriptor. */
static void filter_install(void)
{
        struct sock_filter code[INJECT_CALLS_MAX + 3];
        unsigned short length = 0;

        code[length++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
                                                      offsetof(struct seccomp_data, nr));
        for (size_t i = 0; i < inject.count; i++)
                code[length++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K,
                                                              (unsigned)inject.numbers[i],
                                                              (unsigned char)(inject.count - i), 0);
        code[length++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
        code[length++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF);
        const struct sock_fprog program = {.len = length, .filter = code};

        if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
                _exit(127);
        long fd = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &program);
        if (fd < 0 || !descriptor_send(inject.ends[1], (int)fd))
                _exit(127);
}

/* Counts a call, and decides what it is answered with: 0, it is made, or an errno. */
static int call_judge(int number)
{
        size_t call = 0;
        int error = 0;

        pthread_mutex_lock(&inject.mutex);
        while (call < inject.count && inject.numbers[call] != number)
                call++;
        inject.seen[call]++;
        if (inject.armed && inject.fault.call == (int)call) {
                uint64_t n = inject.matched++;
                if (n >= inject.fault.skip && n - inject.fault.skip < inject.fault.count)
                        error = inject.fault.error;
        }
        inject.hits += error != 0;
        pthread_mutex_unlock(&inject.mutex);
        return error;
}

/* Answers the calls of one server until it has ended. */
static void *calls_answer(void *argument)
{
        struct pollfd p = {.fd = (int)(intptr_t)argument, .events = POLLIN};

        while (poll(&p, 1, -1) < 0 || !(p.revents & (POLLHUP | POLLERR | POLLNVAL))) {
                struct seccomp_notif call = {0};
                if (ioctl(p.fd, SECCOMP_IOCTL_NOTIF_RECV, &call) != 0)
                        continue; /* a signal has taken the caller out of it meanwhile: ENOENT */
                int error = call_judge(call.data.nr);
                struct seccomp_notif_resp answer = {
                        .id = call.id,
                        .error = -error,
                        .flags = error ? 0 : (uint32_t)SECCOMP_USER_NOTIF_FLAG_CONTINUE};
                if (ioctl(p.fd, SECCOMP_IOCTL_NOTIF_SEND, &answer) != 0 && error) {
                        pthread_mutex_lock(&inject.mutex);
                        inject.hits--; /* likewise: it makes the call again, after the signal */
                        pthread_mutex_unlock(&inject.mutex);
                }
        }
        (void)close(p.fd); /* nobody uses it any more */
        return NULL;
}

void inject_start(struct process *p, const char *const arguments[], const int *numbers, size_t count)
{
        pthread_t thread;

        if (count > INJECT_CALLS_MAX || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, inject.ends) != 0)
                check_fail("%zu calls cannot be watched: %s", count, strerror(errno));
        memcpy(inject.numbers, numbers, count * sizeof *numbers);
        memset(inject.seen, 0, sizeof inject.seen);
        inject.count = count;
        process_prepare = filter_install;
        process_start(p, arguments);
        process_prepare = NULL;
        (void)close(inject.ends[1]); /* the child has it: without the child, the next call returns */
        int fd = descriptor_receive(inject.ends[0]);
        (void)close(inject.ends[0]);
        if (fd < 0)
                check_skip("seccomp_unotify(2) is not to be had here");
        if (pthread_create(&thread, NULL, calls_answer, (void *)(intptr_t)fd) != 0)
                check_fail("no thread for the calls' answers");
        (void)pthread_detach(thread); /* of one that is joinable */
}

void inject_arm(struct fault fault)
{
        pthread_mutex_lock(&inject.mutex);
        inject.fault = fault;
        inject.matched = inject.hits = 0;
        inject.armed = true;
        pthread_mutex_unlock(&inject.mutex);
}

uint64_t inject_hits(void)
{
        pthread_mutex_lock(&inject.mutex);
        uint64_t hits = inject.hits;
        pthread_mutex_unlock(&inject.mutex);
        return hits;
}

uint64_t inject_disarm(void)
{
        pthread_mutex_lock(&inject.mutex);
        inject.armed = false;
        pthread_mutex_unlock(&inject.mutex);
        return inject_hits();
}

uint64_t inject_seen(size_t call)
{
        pthread_mutex_lock(&inject.mutex);
        uint64_t seen = inject.seen[call];
        pthread_mutex_unlock(&inject.mutex);
        return seen;
}
