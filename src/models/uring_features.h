/* SPDX-License-Identifier: MIT */
/* uring_features: what the kernel can and the headers of liburing 2.3 do not know. Each is tried once, and
 * done without where the kernel refuses it; in a build with TEST_SEAM, ECHO_C_FEATURES=0 stands for a kernel
 * without any (6.1). */
#ifndef MODELS_URING_FEATURES_H
#define MODELS_URING_FEATURES_H

#include <liburing.h>

/* A multishot receive ends, without IORING_CQE_F_MORE, when it has received so many bytes: sqe->optlen,
 * Linux 6.17. Older kernels end it at once with EINVAL. The field shares its place with file_index. */
static inline void sqe_limit_receive(struct io_uring_sqe *sqe, unsigned bytes)
{
        sqe->file_index = bytes;
}

#endif
