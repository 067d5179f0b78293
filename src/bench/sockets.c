/* SPDX-License-Identifier: MIT */
#include "bench/sockets.h"

#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { STATE_LISTEN = 0x0a, UNIX_FLAG_LISTENING = 0x10000 };

static void listening_add(struct listening *list, size_t max, size_t *count, const struct listening *l)
{
        if (*count < max)
                list[*count] = *l;
        ++*count;
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

/* The kernel lists listening sockets before all others, so none of ten thousand connections is read. */
static void tcp_list(pid_t pid, const char *name, struct listening *list, size_t max, size_t *count)
{
        char path[64], line[512], hex[33];
        unsigned port, state;
        struct listening l;

        (void)snprintf(path, sizeof path, "/proc/%d/net/%s", (int)pid, name);
        FILE *file = fopen(path, "re");
        if (!file)
                return;
        (void)fgets(line, sizeof line, file); /* the heading */
        while (fgets(line, sizeof line, file) &&
               sscanf(line, " %*d: %32[0-9A-Fa-f]:%X %*32[0-9A-Fa-f]:%*X %X %*s %*s %*s %*u %*u %lu", hex,
                      &port, &state, &l.inode) == 4 &&
               state == STATE_LISTEN)
                if (tcp_address_parse(hex, port, &l.address))
                        listening_add(list, max, count, &l);
        (void)fclose(file); /* opened for reading */
}

static void unix_list(pid_t pid, struct listening *list, size_t max, size_t *count)
{
        char path[64], line[512], name[108];
        unsigned flags;

        (void)snprintf(path, sizeof path, "/proc/%d/net/unix", (int)pid);
        FILE *file = fopen(path, "re");
        if (!file)
                return;
        while (fgets(line, sizeof line, file)) {
                struct listening l = {0};
                if (sscanf(line, "%*s %*s %*s %X %*s %*s %lu %107s", &flags, &l.inode, name) != 3 ||
                    !(flags & UNIX_FLAG_LISTENING) || *name != '/')
                        continue;
                l.address.sa.un.sun_family = AF_UNIX;
                l.address.size = sizeof l.address.sa.un;
                (void)snprintf(l.address.sa.un.sun_path, sizeof l.address.sa.un.sun_path, "%s", name);
                listening_add(list, max, count, &l);
        }
        (void)fclose(file); /* opened for reading */
}

size_t sockets_listening(pid_t pid, struct listening *list, size_t max)
{
        size_t count = 0;

        tcp_list(pid, "tcp", list, max, &count);
        tcp_list(pid, "tcp6", list, max, &count);
        unix_list(pid, list, max, &count);
        return count;
}

bool sockets_holds(pid_t pid, unsigned long inode)
{
        char path[64], wanted[64], target[64];
        struct dirent *entry;
        bool found = false;

        (void)snprintf(path, sizeof path, "/proc/%d/fd", (int)pid);
        (void)snprintf(wanted, sizeof wanted, "socket:[%lu]", inode);
        DIR *dir = opendir(path);
        if (!dir)
                return false;
        while (!found && (entry = readdir(dir))) {
                ssize_t n = readlinkat(dirfd(dir), entry->d_name, target, sizeof target - 1);
                if (n > 0) {
                        target[n] = '\0';
                        found = strcmp(target, wanted) == 0;
                }
        }
        closedir(dir);
        return found;
}

bool sockets_serves(const struct address *a, const struct address *target)
{
        sa_family_t family = a->sa.any.sa_family, wanted = target->sa.any.sa_family;

        if (family == AF_UNIX || wanted == AF_UNIX)
                return family == wanted && strcmp(a->sa.un.sun_path, target->sa.un.sun_path) == 0;
        if (address_port(a) != address_port(target))
                return false;
        if (family == AF_INET6 && IN6_IS_ADDR_UNSPECIFIED(&a->sa.v6.sin6_addr))
                return true; /* and of IPv4, unless it is IPV6_V6ONLY */
        if (family != wanted)
                return false;
        if (family == AF_INET6)
                return IN6_ARE_ADDR_EQUAL(&a->sa.v6.sin6_addr, &target->sa.v6.sin6_addr);
        return a->sa.v4.sin_addr.s_addr == INADDR_ANY ||
               a->sa.v4.sin_addr.s_addr == target->sa.v4.sin_addr.s_addr;
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
