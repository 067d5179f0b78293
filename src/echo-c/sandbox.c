/* SPDX-License-Identifier: MIT */
#include "echo-c/sandbox.h"

#include "base/sanitizers.h"

#include <asm/unistd.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/bpf.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

/* A sanitizer opens files and asks for memory as it likes. */
#define SANDBOX_IS_OFF (WITH_ASAN || WITH_TSAN)

/* Headers may be older than the kernel (linux/landlock.h). The size that is passed says which members there are. */
struct ruleset {
        uint64_t fs, net, scoped;
};
enum {
        FS_RIGHTS_1 = 13, /* how many there are from each ABI on */
        FS_RIGHTS_2 = 14,
        FS_RIGHTS_3 = 15,
        FS_RIGHTS_5 = 16,
        NET_BIND_AND_CONNECT = 3,      /* ABI 4 */
        SCOPE_ABSTRACT_AND_SIGNAL = 3, /* ABI 6 */
};

static struct ruleset ruleset_of(int abi)
{
        int rights = abi >= 5 ? FS_RIGHTS_5 : abi >= 3 ? FS_RIGHTS_3 : abi == 2 ? FS_RIGHTS_2 : FS_RIGHTS_1;

        return (struct ruleset){.fs = (UINT64_C(1) << rights) - 1,
                                .net = abi >= 4 ? NET_BIND_AND_CONNECT : 0,
                                .scoped = abi >= 6 ? SCOPE_ABSTRACT_AND_SIGNAL : 0};
}

/* The file of a unix socket is removed at the end, which is a right on its directory. */
static void removal_allow(int rules, const struct listener *l)
{
        char directory[sizeof(((struct sockaddr_un *)NULL)->sun_path) + 2];
        const char *slash = l->path ? strrchr(l->path, '/') : NULL;

        if (!l->path || *l->path == '\0')
                return;
        if (slash)
                (void)snprintf(directory, sizeof directory, "%.*s",
                               slash == l->path ? 1 : (int)(slash - l->path), l->path);
        else
                (void)snprintf(directory, sizeof directory, ".");
        struct landlock_path_beneath_attr rule = {.allowed_access = LANDLOCK_ACCESS_FS_REMOVE_FILE,
                                                  .parent_fd = open(directory, O_PATH | O_CLOEXEC)};
        if (rule.parent_fd < 0)
                return; /* then it stays, and the next server replaces it */
        (void)syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
        (void)close(rule.parent_fd);
}

/* Returns the ABI whose rules hold from now on; 0: none. */
static int landlock_enter(const struct server *s, const struct listener *metrics)
{
        int abi = (int)syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);

        if (abi < 1)
                return 0;
        struct ruleset attributes = ruleset_of(abi);
        size_t size = abi >= 6 ? 3 * sizeof(uint64_t) : abi >= 4 ? 2 * sizeof(uint64_t) : sizeof(uint64_t);
        int rules = (int)syscall(SYS_landlock_create_ruleset, &attributes, size, 0);
        if (rules < 0)
                return 0;
        for (size_t i = 0; i < s->listener_count; i++)
                removal_allow(rules, &s->listeners[i]);
        removal_allow(rules, metrics);
        bool holds = syscall(SYS_landlock_restrict_self, rules, 0) == 0;
        (void)close(rules);
        return holds ? abi : 0;
}

/* What every model does, the C library and the other threads of echo-c included. */
static const int common_calls[] = {
        __NR_read,
        __NR_write,
        __NR_close,
        __NR_accept4,
        __NR_recvfrom,
        __NR_sendto,
        __NR_shutdown,
        __NR_getsockopt,
        __NR_setsockopt,
        __NR_ppoll,
        __NR_pread64,
        __NR_fstat,
        __NR_newfstatat,
        __NR_unlinkat,
        __NR_lseek,
        __NR_eventfd2,
        __NR_brk,
        __NR_munmap,
        __NR_mremap,
        __NR_madvise,
        __NR_futex,
        __NR_set_robust_list,
        __NR_rseq,
        __NR_exit,
        __NR_exit_group,
        __NR_gettid,
        __NR_getpid,
        __NR_sched_setaffinity,
        __NR_sched_getaffinity,
        __NR_sched_yield,
        __NR_rt_sigprocmask,
        __NR_rt_sigaction,
        __NR_rt_sigreturn,
        __NR_rt_sigtimedwait,
        __NR_restart_syscall,
        __NR_seccomp, /* which only takes more away */
        __NR_nanosleep,
        __NR_clock_nanosleep,
        __NR_clock_gettime,
        __NR_getrandom,
        __NR_prlimit64,
#ifdef __NR_poll
        __NR_poll,
        __NR_unlink,
        __NR_lstat,
#endif
};

/* A call that is allowed if the low word of argument `index`, masked, is this; several rows of one call are alternatives. */
struct guarded {
        int call;
        unsigned index;
        uint32_t mask, value;
};
static const struct guarded guarded_calls[] = {
        {__NR_ioctl, 1, UINT32_MAX, FIONREAD},     {__NR_mmap, 2, PROT_EXEC, 0},
        {__NR_mprotect, 2, PROT_EXEC, 0},          {__NR_clone, 0, CLONE_THREAD, CLONE_THREAD},
        {__NR_socketpair, 0, UINT32_MAX, AF_UNIX}, /* for stop events */
};

enum { FILTER_MAX = 512 };

struct filter {
        struct sock_filter code[FILTER_MAX];
        unsigned short length;
};

static void add(struct filter *f, struct sock_filter instruction)
{
        if (f->length < FILTER_MAX)
                f->code[f->length++] = instruction;
}

#if defined(__x86_64__)
#define ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCHITECTURE AUDIT_ARCH_AARCH64
#else
#define ARCHITECTURE 0 /* another: without a filter */
#endif
#define LOAD(member) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)offsetof(struct seccomp_data, member))
#define RETURN(action) BPF_STMT(BPF_RET | BPF_K, (action))
#define DENY (SECCOMP_RET_ERRNO | EPERM)
/* x86's other numbering has the bit 30 set, and none of its calls is in a list. */

static void begin(struct filter *f)
{
        add(f, (struct sock_filter)LOAD(arch));
        add(f, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCHITECTURE, 1, 0));
        add(f, (struct sock_filter)RETURN(DENY));
        add(f, (struct sock_filter)LOAD(nr));
}

static void on_call(struct filter *f, int call, uint32_t action)
{
        add(f, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)call, 0, 1));
        add(f, (struct sock_filter)RETURN(action));
}

static void on_guarded(struct filter *f, const struct guarded *g)
{
        uint32_t low = (uint32_t)(offsetof(struct seccomp_data, args) +
                                  g->index * sizeof(uint64_t)); /* little endian */

        add(f, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)g->call, 0, 5));
        add(f, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, low));
        add(f, (struct sock_filter)BPF_STMT(BPF_ALU | BPF_AND | BPF_K, g->mask));
        add(f, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, g->value, 0, 1));
        add(f, (struct sock_filter)RETURN(SECCOMP_RET_ALLOW));
        add(f, (struct sock_filter)LOAD(nr));
}

static bool filter_install(struct filter *f, unsigned flags)
{
        struct sock_fprog program = {.len = f->length, .filter = f->code};

        if (ARCHITECTURE == 0 || f->length == FILTER_MAX)
                return false;
        /* Without SPEC_ALLOW, some kernels switch off speculation for all that is filtered, at a cost. */
        return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags | SECCOMP_FILTER_FLAG_SPEC_ALLOW,
                       &program) == 0;
}

static bool seccomp_enter(const struct model *m)
{
        struct filter f = {.length = 0};

        begin(&f);
        for (const int *call = m->system_calls; call && *call >= 0;
             call++) /* first: the most frequent ones */
                on_call(&f, *call, SECCOMP_RET_ALLOW);
        for (size_t i = 0; i < sizeof common_calls / sizeof *common_calls; i++)
                on_call(&f, common_calls[i], SECCOMP_RET_ALLOW);
        for (size_t i = 0; i < sizeof guarded_calls / sizeof *guarded_calls; i++)
                on_guarded(&f, &guarded_calls[i]);
        on_guarded(&f, &(struct guarded){__NR_kill, 0, UINT32_MAX,
                                         (uint32_t)getpid()}); /* itself: models/crew.c */
        /* Its flags are behind a pointer, which no filter follows; without it, glibc takes clone(2). */
        on_call(&f, __NR_clone3, SECCOMP_RET_ERRNO | ENOSYS);
        add(&f, (struct sock_filter)RETURN(DENY));
        return filter_install(&f, 0);
}

void sandbox_enter(const struct model *m, const struct server *s, const struct listener *metrics,
                   char text[static SANDBOX_TEXT_MAX])
{
        text[0] = '\0';
        if (SANDBOX_IS_OFF || prctl(PR_SET_NO_NEW_PRIVS, 1UL, 0UL, 0UL, 0UL) != 0)
                return;
        int abi = landlock_enter(s, metrics);
        bool filtered = seccomp_enter(m);
        if (abi > 0)
                (void)snprintf(text, SANDBOX_TEXT_MAX, "Landlock %d%s", abi, filtered ? ", seccomp" : "");
        else if (filtered)
                (void)snprintf(text, SANDBOX_TEXT_MAX, "seccomp");
}

void sandbox_close(void)
{
        static const struct guarded lookup = {__NR_bpf, 0, UINT32_MAX, BPF_MAP_LOOKUP_ELEM};
        static const struct guarded update = {__NR_bpf, 0, UINT32_MAX, BPF_MAP_UPDATE_ELEM};
        struct filter f = {.length = 0};

        if (SANDBOX_IS_OFF)
                return;
        begin(&f);
        on_call(&f, __NR_io_uring_setup, DENY);
        on_guarded(&f, &lookup);
        on_guarded(&f, &update);
        on_call(&f, __NR_bpf, DENY);
        add(&f, (struct sock_filter)RETURN(SECCOMP_RET_ALLOW));
        (void)filter_install(
                &f, SECCOMP_FILTER_FLAG_TSYNC); /* where there is no seccomp, there was none before */
}
