/* SPDX-License-Identifier: MIT */
/* distance: a long path between two network namespaces, for kernels without netem (tc-netem(8)).
 *
 *     distance NETNS-A NETNS-B MICROSECONDS
 *
 * Makes an interface called far in each (names as of ip-netns(8)), with 10.9.0.1/24 and 10.9.0.2/24, and hands each packet of
 * one to the other so much later. Prints a line when both are up; ends with its standard input. */
#include "base/clock.h"
#include "base/number.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MTU = 1500, QUEUE = 1 << 15, BATCH = 64 };

struct packet {
        uint64_t due; /* ns */
        uint16_t size;
        uint8_t bytes[MTU];
};

struct line {
        int from, to;
        struct packet *packets; /* [QUEUE] */
        size_t first, count;
};

static _Noreturn void fail(const char *what)
{
        (void)fprintf(stderr, "distance: %s: %s\n", what, strerror(errno));
        exit(1);
}

static void interface_up(struct ifreq *r, const char address[4])
{
        struct sockaddr_in a = {.sin_family = AF_INET};
        int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

        memcpy(&a.sin_addr, address, 4);
        memcpy(&r->ifr_addr, &a, sizeof a);
        if (ioctl(fd, SIOCSIFADDR, r) != 0)
                fail("SIOCSIFADDR");
        a.sin_addr.s_addr = htonl(0xffffff00);
        memcpy(&r->ifr_netmask, &a, sizeof a);
        if (ioctl(fd, SIOCSIFNETMASK, r) != 0)
                fail("SIOCSIFNETMASK");
        r->ifr_qlen = QUEUE;
        if (ioctl(fd, SIOCSIFTXQLEN, r) != 0)
                fail("SIOCSIFTXQLEN");
        r->ifr_flags = IFF_UP | IFF_RUNNING;
        if (ioctl(fd, SIOCSIFFLAGS, r) != 0)
                fail("SIOCSIFFLAGS");
        (void)close(fd);
}

static int interface_open(const char *netns, const char address[4])
{
        struct ifreq r = {.ifr_name = "far", .ifr_flags = IFF_TUN | IFF_NO_PI};
        char path[256];

        (void)snprintf(path, sizeof path, "/run/netns/%s", netns);
        int ns = open(path, O_RDONLY | O_CLOEXEC);
        if (ns < 0 || setns(ns, CLONE_NEWNET) != 0)
                fail(netns);
        (void)close(ns);
        int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK);
        if (fd < 0 || ioctl(fd, TUNSETIFF, &r) != 0)
                fail("/dev/net/tun");
        interface_up(&r, address);
        return fd;
}

static void take(struct line *l, uint64_t delay)
{
        while (l->count < QUEUE) {
                struct packet *p = &l->packets[(l->first + l->count) % QUEUE];
                ssize_t n = read(l->from, p->bytes, sizeof p->bytes);
                if (n <= 0)
                        return;
                p->size = (uint16_t)n;
                p->due = clock_now() + delay;
                l->count++;
        }
}

static void give(struct line *l)
{
        uint64_t now = clock_now();

        for (; l->count > 0 && l->packets[l->first].due <= now; l->count--) {
                const struct packet *p = &l->packets[l->first];
                if (write(l->to, p->bytes, p->size) < 0 && errno == EAGAIN)
                        return;
                l->first = (l->first + 1) % QUEUE;
        }
}

int main(int argc, char **argv)
{
        uint64_t us;

        if (argc != 4 || number_parse(argv[3], 0, 1000000, &us) != 0)
                return 2;
        int a = interface_open(argv[1], (const char[4]){10, 9, 0, 1});
        int b = interface_open(argv[2], (const char[4]){10, 9, 0, 2});
        struct line lines[2] = {{.from = a, .to = b}, {.from = b, .to = a}};
        for (int i = 0; i < 2; i++)
                if (!(lines[i].packets = malloc(QUEUE * sizeof *lines[i].packets)))
                        fail("memory");
        puts("up");
        (void)fflush(stdout);
        for (;;) {
                uint64_t now = clock_now(), first = now + 100 * NS_PER_MS;
                for (int i = 0; i < 2; i++)
                        if (lines[i].count > 0 && lines[i].packets[lines[i].first].due < first)
                                first = lines[i].packets[lines[i].first].due;
                struct pollfd fds[] = {{.fd = STDIN_FILENO, .events = POLLIN},
                                       {.fd = a, .events = POLLIN},
                                       {.fd = b, .events = POLLIN}};
                const struct timespec wait = {.tv_nsec = first > now ? (long)(first - now) : 0};
                if (ppoll(fds, 3, &wait, NULL) < 0 && errno != EINTR)
                        fail("ppoll");
                if (fds[0].revents)
                        return 0;
                for (int i = 0; i < 2; i++) {
                        take(&lines[i], us * NS_PER_US);
                        give(&lines[i]);
                }
        }
}
