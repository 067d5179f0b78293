/* SPDX-License-Identifier: MIT */
/* uring_features: what newer kernels can do and the headers of liburing 2.3 do not declare. Each is tried
 * once, and done without if the kernel refuses it. In a build with TEST_SEAM, ECHO_C_FEATURES=0 stands for a
 * kernel that has none of them (6.1). */
#ifndef MODELS_URING_FEATURES_H
#define MODELS_URING_FEATURES_H

#include <liburing.h>

/* Makes a multishot receive end, without IORING_CQE_F_MORE, when it has received so many bytes (sqe->optlen,
 * Linux 6.17). Older kernels end it at once with EINVAL. The field shares its place with file_index. */
static inline void sqe_limit_receive(struct io_uring_sqe *sqe, unsigned bytes)
{
        sqe->file_index = bytes;
}

#endif
