// SPDX-License-Identifier: MIT
/* The two programs of the model sockmap that run in the kernel: see sockmap.c. clang compiles them for the
 * BPF machine; the object file is part of echo-c. */
#include "models/sockmap.h"

#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

enum { AF_INET6 = 10 };

struct {
        __uint(type, BPF_MAP_TYPE_SOCKHASH);
        __uint(max_entries, 1); /* set before it is loaded */
        __type(key, __u64);     /* a socket's cookie */
        __type(value, __u64);
} sockets SEC(".maps");

struct {
        __uint(type, BPF_MAP_TYPE_ARRAY);
        __uint(max_entries, 1);
        __uint(map_flags, BPF_F_MMAPABLE);
        __type(key, __u32);
        __type(value, struct sockmap_configuration);
} configuration SEC(".maps");

static __always_inline int is_same_or_any(const __u32 *any_or, const __u32 *address)
{
        if (!(any_or[0] | any_or[1] | any_or[2] | any_or[3]))
                return 1;
        return any_or[0] == address[0] && any_or[1] == address[1] && any_or[2] == address[2] &&
               any_or[3] == address[3];
}

/* Runs for every TCP connection of the machine at each step of its life, of which one matters: when one of
 * our listeners has completed a handshake, the new socket is entered. */
SEC("sockops") int establish(struct bpf_sock_ops *ops)
{
        __u32 zero = 0;
        struct sockmap_configuration *c;
        __u64 cookie;

        if (ops->op != BPF_SOCK_OPS_PASSIVE_ESTABLISHED_CB)
                return 1;
        c = bpf_map_lookup_elem(&configuration, &zero);
        if (!c || bpf_get_netns_cookie(ops) != c->netns)
                return 1;
        const volatile struct bpf_sock_ops
                *o = ops; /* each is read once and as it is, or the verifier objects */
        __u32 family = o->family, port = o->local_port;
        __u32 address[4] = {o->local_ip6[0], o->local_ip6[1], o->local_ip6[2], o->local_ip6[3]};
        if (family != AF_INET6) {
                address[0] = o->local_ip4;
                address[1] = address[2] = address[3] = 0;
        }
        for (__u32 i = 0; i < SOCKMAP_LISTENERS_MAX && i < c->listener_count; i++) {
                const struct sockmap_listener *l = &c->listeners[i];
                if (l->family != family || l->port != port || !is_same_or_any(l->address, address))
                        continue;
                cookie = bpf_get_socket_cookie(ops);
                if (bpf_sock_hash_update(ops, &sockets, &cookie, BPF_ANY) != 0)
                        __sync_fetch_and_add(&c->missing, 1);
                break;
        }
        return 1;
}

/* Runs for every segment that one of the sockets has received, and sends it back by the same socket. A FIN
 * without data is not: a segment of no bytes would be taken for a broken pipe. */
SEC("sk_skb/stream_verdict") int echo(struct __sk_buff *segment)
{
        __u64 cookie = bpf_get_socket_cookie(segment);

        if (segment->len == 0)
                return SK_DROP;
        return (int)bpf_sk_redirect_hash(segment, &sockets, &cookie, 0);
}

char _license[] SEC("license") = "Dual MIT/GPL";
