/* SPDX-License-Identifier: MIT */
#include "base/congestion.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int congestion_set(int fd, const char *name)
{
        return setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, name, (socklen_t)strlen(name)) == 0 ? 0 : -errno;
}

int congestion_check(const char *name, struct why *why)
{
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0),
            error = fd < 0 ? -errno : congestion_set(fd, name);
        char names[256] = "those of net.ipv4.tcp_available_congestion_control";
        FILE *file = error ? fopen("/proc/sys/net/ipv4/tcp_available_congestion_control", "re") : NULL;

        if (fd >= 0)
                (void)close(fd);
        if (file && fgets(names, sizeof names, file))
                names[strcspn(names, "\n")] = '\0';
        if (file)
                (void)fclose(file); /* opened for reading */
        if (!error)
                return 0;
        return why_set(
                why,
                "--congestion takes the name of a congestion control that may be used here (%s), not '%s': %s",
                names, name, strerror(-error));
}
