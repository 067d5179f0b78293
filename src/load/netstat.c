/* SPDX-License-Identifier: MIT */
/* Both files consist of pairs of lines, names above values: "Tcp: RtoAlgorithm RtoMin", then "Tcp: 1 200". */
#include "load/netstat.h"

#include "base/number.h"

#include <stdio.h>
#include <string.h>

static void field_find(char *names, char *values, const char *prefix, const char *name, uint64_t *value)
{
        char *names_rest, *values_rest;

        if (strncmp(names, prefix, strlen(prefix)) != 0)
                return;
        char *n = strtok_r(names, " \n", &names_rest), *v = strtok_r(values, " \n", &values_rest);
        for (; n && v; n = strtok_r(NULL, " \n", &names_rest), v = strtok_r(NULL, " \n", &values_rest))
                if (strcmp(n, name) == 0)
                        (void)number_read(v, value); /* stays unknown if it is no number */
}

static void file_find(const char *path, const char *prefix, const char *name, uint64_t *value)
{
        static char names[16384], values[16384];
        FILE *file = fopen(path, "re");

        *value = UINT64_MAX;
        if (!file)
                return;
        while (fgets(names, sizeof names, file) && fgets(values, sizeof values, file))
                field_find(names, values, prefix, name, value);
        (void)fclose(file); /* opened for reading */
}

void netstat_read(struct netstat *n)
{
        file_find("/proc/net/netstat", "TcpExt:", "ListenOverflows", &n->listen_overflows);
        file_find("/proc/net/netstat", "TcpExt:", "ListenDrops", &n->listen_drops);
        file_find("/proc/net/snmp", "Tcp:", "RetransSegs", &n->retransmits);
        file_find("/proc/net/snmp", "Tcp:", "OutRsts", &n->resets_sent);
}
