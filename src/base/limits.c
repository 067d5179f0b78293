/* SPDX-License-Identifier: MIT */
#include "base/limits.h"

#include <dirent.h>
#include <stdio.h>
#include <sys/resource.h>

size_t limits_raise_descriptors(void)
{
        struct rlimit limit;

        if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
                return 1024; /* what every Linux allows; the call cannot fail with these arguments */
        rlim_t before = limit.rlim_cur;
        limit.rlim_cur = limit.rlim_max;
        if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
                return (size_t)before;
        return (size_t)limit.rlim_cur;
}

size_t limits_descriptors_open(void)
{
        size_t count = 0;
        DIR *dir = opendir("/proc/self/fd");

        if (!dir)
                return 3;
        while (readdir(dir))
                count++;
        closedir(dir);
        return count - 3; /* ".", ".." and the directory itself */
}

int limits_somaxconn(void)
{
        int value = 4096;
        FILE *file = fopen("/proc/sys/net/core/somaxconn", "re");

        if (file) {
                if (fscanf(file, "%d", &value) != 1 || value <= 0)
                        value = 4096;
                (void)fclose(file); /* opened for reading */
        }
        return value;
}
