/* SPDX-License-Identifier: MIT */
/* /proc has the sockets of every network namespace that a process is in; netlink's sock_diag(7) would say more,
 * such as whether a listener is V6ONLY, but only of the namespace that it is asked in. Where the tables leave it
 * open whose a connection would be, one is made. */
#include "bench/sockets.h"

#include "base/number.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { STATE_LISTEN = 0x0a, UNIX_FLAG_LISTENING = 0x10000, NAMESPACES_MAX = 64, NAMED_MAX = 3 };
enum { RANK_V6_WILDCARD = 1, RANK_V4_WILDCARD, RANK_EXACT };

/* The sockets that the server's processes have descriptors of. */
struct held {
        struct held_socket {
                unsigned long inode;
                pid_t holder;
        } * list;
        size_t count, room;
};

/* Makes room for one more element. Returns false if there is no memory. */
static bool grow(void *list_pointer, size_t count, size_t *room, size_t size)
{
        void **list = list_pointer;

        if (count < *room)
                return true;
        size_t larger = *room ? *room * 2 : 64;
        void *new = realloc(*list, larger * size);
        if (!new)
                return false;
        *list = new;
        *room = larger;
        return true;
}

static void held_add(struct held *h, pid_t pid)
{
        char path[64], target[64];
        struct dirent *entry;
        uint64_t inode;

        (void)snprintf(path, sizeof path, "/proc/%d/fd", (int)pid);
        DIR *dir = opendir(path);
        while (dir && (entry = readdir(dir))) {
                ssize_t n = readlinkat(dirfd(dir), entry->d_name, target, sizeof target - 1);
                target[n > 0 ? n : 0] = '\0';
                if (strncmp(target, "socket:[", 8) == 0 && number_read(target + 8, &inode) &&
                    grow(&h->list, h->count, &h->room, sizeof *h->list))
                        h->list[h->count++] = (struct held_socket){inode, pid};
        }
        if (dir)
                closedir(dir);
}

static int compare_inodes(const void *a, const void *b)
{
        const struct held_socket *one = a, *other = b;

        return (one->inode > other->inode) - (one->inode < other->inode);
}

static void listener_add(struct sockets *s, const struct listener *l)
{
        if (grow(&s->list, s->count, &s->room, sizeof *s->list))
                s->list[s->count++] = *l;
}

/* "0100007F": each group of eight digits is a 32-bit word as this machine reads it from memory. */
static bool tcp_address_parse(const char *hex, unsigned port, struct address *a)
{
        unsigned words[4];
        size_t length = strlen(hex);

        *a = (struct address){0};
        for (size_t i = 0; i < length / 8; i++) {
                char word[9] = "";
                memcpy(word, hex + i * 8, 8);
                words[i] = (unsigned)strtoul(word, NULL, 16);
        }
        if (length == 8) {
                a->sa.v4.sin_family = AF_INET;
                a->size = sizeof a->sa.v4;
                memcpy(&a->sa.v4.sin_addr, words, 4);
        } else if (length == 32) {
                a->sa.v6.sin6_family = AF_INET6;
                a->size = sizeof a->sa.v6;
                memcpy(&a->sa.v6.sin6_addr, words, 16);
        } else
                return false;
        address_set_port(a, (in_port_t)port);
        return true;
}

static FILE *net_open(pid_t pid, const char *name)
{
        char path[64];

        (void)snprintf(path, sizeof path, "/proc/%d/net/%s", (int)pid, name);
        return fopen(path, "re");
}

/* The kernel lists listening sockets before all others, so none of ten thousand connections is read. */
static void tcp_list(struct sockets *s, pid_t pid, const char *name, bool distant)
{
        char line[512], hex[33];
        unsigned port, state;
        struct listener l = {.distant = distant};
        FILE *file = net_open(pid, name);

        if (!file)
                return;
        bool heading = fgets(line, sizeof line, file);
        while (heading && fgets(line, sizeof line, file) &&
               sscanf(line, " %*d: %32[0-9A-Fa-f]:%X %*32[0-9A-Fa-f]:%*X %X %*s %*s %*s %*u %*u %lu", hex,
                      &port, &state, &l.inode) == 4 &&
               state == STATE_LISTEN)
                if (tcp_address_parse(hex, port, &l.address))
                        listener_add(s, &l);
        (void)fclose(file); /* opened for reading */
}

/* The kernel writes @ for a zero byte, such as the one that an abstract address starts with. An abstract name of
 * the greatest size is most likely one that was padded with them. */
static void unix_address_parse(const char *name, struct address *a)
{
        size_t length = strlen(name), most = sizeof a->sa.un.sun_path;

        *a = (struct address){.sa.un.sun_family = AF_UNIX, .size = sizeof a->sa.un};
        if (length > most)
                length = most;
        memcpy(a->sa.un.sun_path, name, length);
        if (*name != '@')
                return;
        a->size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
        *a->sa.un.sun_path = '\0';
        while (length == most && a->sa.un.sun_path[most - 1] == '@')
                a->sa.un.sun_path[--most] = '\0', length--;
}

static void unix_list(struct sockets *s, pid_t pid, bool distant)
{
        char line[512];
        unsigned flags, type;
        int begin;
        struct listener l = {.distant = distant};
        FILE *file = net_open(pid, "unix");

        while (file && fgets(line, sizeof line, file)) {
                if (sscanf(line, "%*s %*s %*s %X %X %*s %lu%n", &flags, &type, &l.inode, &begin) != 3 ||
                    !(flags & UNIX_FLAG_LISTENING) || type != SOCK_STREAM || line[begin] != ' ')
                        continue;
                line[strcspn(line, "\n")] = '\0';
                unix_address_parse(line + begin + 1, &l.address); /* with whatever blanks and quotes it has */
                listener_add(s, &l);
        }
        if (file)
                (void)fclose(file); /* opened for reading */
}

/* The number of a process's network namespace; 0 if it cannot be seen. */
static ino_t namespace_read(pid_t pid)
{
        char path[64];
        struct stat status;

        (void)snprintf(path, sizeof path, "/proc/%d/ns/net", (int)pid);
        return stat(path, &status) == 0 ? status.st_ino : 0;
}

static void namespace_list(struct sockets *s, pid_t pid, bool distant)
{
        tcp_list(s, pid, "tcp", distant);
        tcp_list(s, pid, "tcp6", distant);
        unix_list(s, pid, distant);
}

void sockets_list(struct sockets *s, const struct tree *tree, size_t first)
{
        ino_t seen[NAMESPACES_MAX] = {namespace_read(getpid())};
        size_t seen_count = 1;
        struct held held = {0};

        *s = (struct sockets){0};
        namespace_list(s, getpid(), false);
        for (size_t i = first; i < tree->count; i++) {
                ino_t ns = namespace_read(tree->pids[i]);
                size_t k = 0;
                held_add(&held, tree->pids[i]);
                while (k < seen_count && seen[k] != ns)
                        k++;
                if (ns == 0 || k < seen_count || seen_count == NAMESPACES_MAX)
                        continue;
                seen[seen_count++] = ns;
                namespace_list(s, tree->pids[i], true);
        }
        if (held.count > 0)
                qsort(held.list, held.count, sizeof *held.list, compare_inodes);
        for (size_t i = 0; i < s->count && held.count > 0; i++) {
                const struct held_socket key = {.inode = s->list[i].inode},
                                         *found = bsearch(&key, held.list, held.count, sizeof key,
                                                          compare_inodes);
                if (found)
                        s->list[i].holder = found->holder;
        }
        free(held.list);
}

void sockets_fini(struct sockets *s)
{
        free(s->list);
}

static bool is_wildcard(const struct address *a)
{
        return a->sa.any.sa_family == AF_INET ? a->sa.v4.sin_addr.s_addr == INADDR_ANY
                                              : IN6_IS_ADDR_UNSPECIFIED(&a->sa.v6.sin6_addr);
}

static struct address loopback_v4(in_port_t port)
{
        struct address a = {.sa.v4 = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)},
                            .size = sizeof a.sa.v4};

        address_set_port(&a, port);
        return a;
}

/* [::ffff:127.0.0.1] is 127.0.0.1. */
static struct address unmapped(const struct address *a)
{
        struct address v4 = {.sa.v4.sin_family = AF_INET, .size = sizeof v4.sa.v4};

        if (a->sa.any.sa_family != AF_INET6 || !IN6_IS_ADDR_V4MAPPED(&a->sa.v6.sin6_addr))
                return *a;
        v4.sa.v4.sin_port = a->sa.v6.sin6_port;
        v4.sa.v4.sin_addr.s_addr = a->sa.v6.sin6_addr.s6_addr32[3];
        return v4;
}

/* The addresses by which a listener on every address may be reached: IPv4's first, as it has more client addresses.
 * Returns how many there are. */
static size_t candidates_list(const struct address *a, struct address candidates[2])
{
        candidates[0] = *a;
        candidates[1] = *a;
        if (address_is_unix(a) || !is_wildcard(a))
                return 1;
        candidates[0] = loopback_v4(address_port(a));
        if (a->sa.any.sa_family == AF_INET)
                return 1;
        candidates[1].sa.v6.sin6_addr = in6addr_loopback;
        return 2;
}

static bool unix_is_abstract(const struct address *a)
{
        return *a->sa.un.sun_path == '\0';
}

/* True if two addresses of unix sockets lead to one. */
static bool unix_equal(const struct address *a, const struct address *b)
{
        struct stat one, other;

        if (a->size == b->size && memcmp(a->sa.un.sun_path, b->sa.un.sun_path,
                                         a->size - offsetof(struct sockaddr_un, sun_path)) == 0)
                return true;
        return !unix_is_abstract(a) && !unix_is_abstract(b) && stat(a->sa.un.sun_path, &one) == 0 &&
               stat(b->sa.un.sun_path, &other) == 0 && one.st_ino == other.st_ino &&
               one.st_dev == other.st_dev;
}

int sockets_rank(const struct address *listener, const struct address *target)
{
        struct address a = unmapped(listener), t = unmapped(target), candidates[2];
        sa_family_t family = a.sa.any.sa_family, wanted = t.sa.any.sa_family;

        if (family == AF_UNIX || wanted == AF_UNIX)
                return family == wanted && unix_equal(&a, &t) ? RANK_EXACT : 0;
        if (address_port(&a) != address_port(&t))
                return 0;
        if (is_wildcard(&t)) /* connect(2) takes it for loopback */
                candidates_list(&t, candidates), t = candidates[wanted == AF_INET6];
        if (is_wildcard(&a) &&
            (family == AF_INET6 || family == wanted)) /* IPv6's takes IPv4, if not V6ONLY */
                return family == AF_INET6 ? RANK_V6_WILDCARD : RANK_V4_WILDCARD;
        if (family != wanted)
                return 0;
        return (family == AF_INET ? a.sa.v4.sin_addr.s_addr == t.sa.v4.sin_addr.s_addr
                                  : IN6_ARE_ADDR_EQUAL(&a.sa.v6.sin6_addr, &t.sa.v6.sin6_addr))
                       ? RANK_EXACT
                       : 0;
}

/* True if the address is one of this network namespace: then what has it in another one cannot be reached by it. */
static bool is_local(const struct address *target)
{
        struct address a = *target;

        address_set_port(&a, 0);
        int fd = socket(a.sa.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
        bool local = fd < 0 || bind(fd, &a.sa.any, a.size) == 0;
        if (fd >= 0)
                (void)close(fd);
        return local;
}

/* A path as the server's process sees it, in its own directory and root, becomes one that leads there from here.
 * Returns false if none does. */
static bool unix_reach(const struct listener *l, struct address *reached)
{
        char path[64 + sizeof l->address.sa.un.sun_path];
        const char *name = l->address.sa.un.sun_path;
        struct stat here, there;

        *reached = l->address;
        if (unix_is_abstract(&l->address))
                return !l->distant;
        (void)snprintf(path, sizeof path, "/proc/%d/%s/%.*s", (int)l->holder, *name == '/' ? "root" : "cwd",
                       (int)sizeof l->address.sa.un.sun_path, name);
        bool is_here = stat(name, &here) == 0 && S_ISSOCK(here.st_mode);
        bool is_there = stat(path, &there) == 0 && S_ISSOCK(there.st_mode);
        if (is_here && (!is_there || (here.st_ino == there.st_ino && here.st_dev == there.st_dev)))
                return true; /* not there: it has changed its directory since it was bound */
        if (!is_there || strlen(path) >= sizeof reached->sa.un.sun_path)
                return false;
        (void)strcpy(reached->sa.un.sun_path, path);
        return true;
}

/* As it is reached from here, if it is by a fixed address: true for a unix socket, and for TCP in this namespace. */
static bool listener_reach(const struct listener *l, struct address *reached)
{
        *reached = l->address;
        return address_is_unix(&l->address) ? l->holder && unix_reach(l, reached) : !l->distant;
}

/* A unix socket's path leads to one socket, but more may have been bound to it. Whose is it? */
static bool unix_is_strangers(const struct sockets *s, const struct address *target)
{
        struct ucred peer = {0};
        socklen_t size = sizeof peer;
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

        /* The one that called listen(2). */
        bool known = fd >= 0 && connect(fd, &target->sa.any, target->size) == 0 &&
                     getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0;
        if (fd >= 0)
                (void)close(fd);
        for (size_t i = 0; i < s->count && known; i++)
                if (s->list[i].holder == peer.pid)
                        return false;
        return true;
}

enum sockets_owner sockets_owner(const struct sockets *s, const struct address *target)
{
        int best = 0;
        bool server = false, stranger = false, unix_target = address_is_unix(target);
        bool local = unix_target || is_local(target);

        for (size_t i = 0; i < s->count; i++) {
                const struct listener *l = &s->list[i];
                struct address reached = l->address;
                if (unix_target ? l->holder && !listener_reach(l, &reached) : local == l->distant)
                        continue;
                int rank = sockets_rank(&reached, target);
                if (rank == 0 || rank < best || (l->distant && !l->holder && !unix_target))
                        continue;
                if (rank > best)
                        server = stranger = false;
                best = rank;
                *(l->holder ? &server : &stranger) = true;
        }
        if (server && stranger && unix_target)
                stranger = unix_is_strangers(s, target);
        if (server && !stranger && best == RANK_V6_WILDCARD && unmapped(target).sa.any.sa_family == AF_INET)
                server = sockets_answers(target); /* it may be V6ONLY, which /proc does not say */
        return stranger ? SOCKETS_STRANGER : server ? SOCKETS_SERVER : SOCKETS_NOBODY;
}

enum sockets_owner sockets_find(const struct sockets *s, struct address *found)
{
        enum sockets_owner whose = SOCKETS_NOBODY;
        struct address reached, candidates[2];

        for (size_t i = 0; i < s->count; i++) {
                if (!s->list[i].holder || !listener_reach(&s->list[i], &reached))
                        continue;
                size_t count = candidates_list(&reached, candidates);
                for (size_t k = 0; k < count; k++) {
                        enum sockets_owner owner = sockets_owner(s, &candidates[k]);
                        if (owner != SOCKETS_NOBODY && whose == SOCKETS_NOBODY) {
                                whose = owner;
                                *found = candidates[k];
                        }
                        if (owner == SOCKETS_SERVER) {
                                *found = candidates[k];
                                return owner;
                        }
                }
        }
        return whose;
}

/* True if a listener before that one has its address: a group of SO_REUSEPORT. */
static bool is_named(const struct sockets *s, size_t index)
{
        char name[ADDRESS_TEXT_MAX], other[ADDRESS_TEXT_MAX];
        const struct listener *l = &s->list[index];

        (void)address_format(&l->address, name);
        for (size_t i = 0; i < index; i++)
                if (s->list[i].holder && s->list[i].distant == l->distant &&
                    strcmp(address_format(&s->list[i].address, other), name) == 0)
                        return true;
        return false;
}

void sockets_format(const struct sockets *s, char *text, size_t size)
{
        char address[ADDRESS_TEXT_MAX];
        size_t count = 0, used = 0;
        struct address reached;

        *text = '\0';
        for (size_t i = 0; i < s->count; i++) {
                const struct listener *l = &s->list[i];
                if (!l->holder || is_named(s, i) || count++ >= NAMED_MAX || used >= size)
                        continue;
                const char *out_of_reach =
                        listener_reach(l, &reached) ? ""
                        : l->distant
                                ? " in a network namespace of its own (run bench in it, or give -t what leads there)"
                                : ", which leads nowhere from here";
                used += (size_t)snprintf(text + used, size - used, "%s%s%s", used ? ", " : "",
                                         address_format(&l->address, address), out_of_reach);
        }
        if (count > NAMED_MAX && used < size)
                (void)snprintf(text + used, size - used, " and %zu more", count - NAMED_MAX);
}

bool sockets_answers(const struct address *target)
{
        int fd = socket(target->sa.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), error = 0;
        socklen_t size = sizeof error;

        if (fd < 0)
                return false;
        if (connect(fd, &target->sa.any, target->size) != 0)
                error = errno;
        struct pollfd p = {.fd = fd, .events = POLLOUT};
        if (error == EINPROGRESS &&
            (poll(&p, 1, 1000) != 1 || getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0))
                error = ETIMEDOUT;
        (void)close(fd);
        return error == 0;
}
