/* SPDX-License-Identifier: MIT */
/* The rules by which numbers are trusted or not, in one table; each rule looks at nothing but the result. */
#include "result/result.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

const char *verdict_name(enum verdict v)
{
        static const char *const names[] = {
                [VERDICT_VALID] = "valid", [VERDICT_SUSPECT] = "suspect", [VERDICT_INVALID] = "invalid"};

        return names[v];
}

/* Each writes its sentence and returns true if it applies. */
typedef bool rule_function(const struct result *, char *text, size_t size);

static bool wrong_bytes(const struct result *r, char *text, size_t size)
{
        uint64_t count = errors_mismatches(&r->errors);
        int used = snprintf(text, size, "%" PRIu64 " replies had wrong bytes:", count);

        for (int i = 0; i < MISMATCH_COUNT; i++)
                if (r->errors.mismatch[i])
                        used += snprintf(text + used, size - (size_t)used, " %" PRIu64 " %s",
                                         r->errors.mismatch[i], mismatch_name((enum mismatch)i));
        return count > 0;
}

static bool nothing_opened(const struct result *r, char *text, size_t size)
{
        (void)snprintf(text, size, "none of %" PRIu64 " connections could be opened", r->config.connections);
        return r->connections.opened == 0;
}

static bool nothing_answered(const struct result *r, char *text, size_t size)
{
        (void)snprintf(text, size, "no request was answered on %" PRIu64 " connections",
                       r->connections.opened);
        return r->connections.opened > 0 && r->requests.total == 0;
}

enum { RATE_PERCENT_MIN = 99 };

static bool rate_missed(const struct result *r, char *text, size_t size)
{
        (void)snprintf(text, size, "%.0f req/s were answered of the %.0f that were to be sent",
                       r->requests.per_second, r->config.rate);
        return r->config.rate > 0 && r->requests.total > 0 &&
               r->requests.per_second < r->config.rate * RATE_PERCENT_MIN / 100;
}

static bool server_ended(const struct result *r, char *text, size_t size)
{
        (void)snprintf(text, size, "the server ended during the run: %.64s", r->server.ended);
        return *r->server.ended != '\0';
}

static bool some_errors(const struct result *r, char *text, size_t size)
{
        uint64_t total = errors_total(&r->errors);

        (void)snprintf(text, size, "%" PRIu64 " error%s beside %" PRIu64 " replies", total,
                       total == 1 ? "" : "s", r->requests.total);
        return total > 0;
}

static bool some_never_served(const struct result *r, char *text, size_t size)
{
        uint64_t never = r->connections.never_served;

        (void)snprintf(text, size, "%" PRIu64 " of %" PRIu64 " connections never had a reply", never,
                       r->config.connections);
        return never != RESULT_UNKNOWN && never > 0 && r->requests.total > 0;
}

static const struct {
        enum verdict status;
        const char *code;
        rule_function *applies;
} rules[] = {
        {VERDICT_INVALID, "wrong-bytes", wrong_bytes},
        {VERDICT_INVALID, "nothing-opened", nothing_opened},
        {VERDICT_INVALID, "nothing-answered", nothing_answered},
        {VERDICT_INVALID, "server-ended", server_ended},
        {VERDICT_INVALID, "rate-missed", rate_missed},
        {VERDICT_SUSPECT, "errors", some_errors},
        {VERDICT_SUSPECT, "never-served", some_never_served},
};

void result_judge(struct result *r)
{
        r->verdict.status = VERDICT_VALID;
        r->verdict.reason_count = 0;
        for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
                uint64_t n = r->verdict.reason_count;
                if (!rules[i].applies(r, r->verdict.reasons[n].text, sizeof r->verdict.reasons[n].text))
                        continue;
                (void)snprintf(r->verdict.reasons[n].code, RESULT_NAME_MAX, "%s", rules[i].code);
                r->verdict.reason_count++;
                if (rules[i].status > r->verdict.status)
                        r->verdict.status = rules[i].status;
        }
}
