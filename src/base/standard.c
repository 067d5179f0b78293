/* SPDX-License-Identifier: MIT */
#include "base/standard.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

void standard_open(void)
{
        for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
                if (fcntl(fd, F_GETFD) >= 0)
                        continue;
                /* The lowest free descriptor is this one. Where there is no /dev, a socket without a peer is as good. */
                if (open("/dev/null", fd == STDERR_FILENO ? O_WRONLY : O_RDONLY) < 0)
                        (void)socket(AF_UNIX, SOCK_DGRAM,
                                     0); /* without descriptors the program will say so */
        }
}
