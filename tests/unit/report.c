/* SPDX-License-Identifier: MIT */
/* What reports say about results that know everything, something, or nothing. */
#include "report/report.h"
#include "report/format.h"

#include "base/clock.h"

#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { COLUMNS = 80 };

static struct result *known(void)
{
        struct result *r = result_create();

        assert_non_null(r);
        r->config.connections = r->connections.opened = r->connections.peak_open = 100;
        r->config.request_bytes = 1024;
        r->config.requests_per_connection = 0;
        r->window.duration = 20 * NS_PER_S;
        r->window.ramp = 12 * NS_PER_MS;
        r->requests.total = 100000;
        r->requests.per_second = 5000.4;
        r->requests.in_flight_at_end = 97;
        r->connections.per_second = 0;
        r->connections.never_served = 3;
        r->tool.threads = 2;
        r->kernel.listen_overflows = 5;
        r->kernel.retransmits = 0;
        r->server.pid = 4242;
        r->server.cpu_user = 1234 * NS_PER_MS;
        r->server.cpu_system = 5678 * NS_PER_MS;
        r->server.max_rss = 3456789;
        r->server.threads_max = 2;
        r->latency = histogram_create();
        assert_non_null(r->latency);
        for (uint64_t i = 1; i <= 100000; i++)
                histogram_record(r->latency, i * NS_PER_US);
        return r;
}

typedef void print_function(FILE *, const struct result *);

static void plain_text(FILE *out, const struct result *r)
{
        report_text(out, r, false, 0);
}

static void coloured_text(FILE *out, const struct result *r)
{
        report_text(out, r, true, 0);
}

/* Owned by the caller. */
static char *printed(print_function *print, const struct result *r)
{
        static char *text; /* not on the stack: the stream keeps its address */
        static size_t size;
        FILE *out = open_memstream(&text, &size);

        assert_non_null(out);
        print(out, r);
        assert_int_equal(fclose(out), 0);
        return text;
}

static void head_print(FILE *out, const struct result *r)
{
        (void)r;
        report_markdown_head(out, "server");
}

static void row_print(FILE *out, const struct result *r)
{
        report_markdown_row(out, "epoll", r);
}

static size_t cells(const char *line)
{
        size_t bars = 0;

        for (; *line && *line != '\n'; line++)
                bars += *line == '|';
        return bars - 1;
}

static void a_markdown_row_has_as_many_cells_as_the_head(void **state)
{
        struct result *r = known(), *nothing = result_create();
        char *head = printed(head_print, r), *row = printed(row_print, r),
             *empty = printed(row_print, nothing);

        (void)state;
        assert_int_equal(cells(head), 14);
        assert_int_equal(cells(strstr(head, "\n|---") + 1), 14);
        assert_int_equal(cells(row), 14);
        assert_int_equal(cells(empty), 14);
        assert_ptr_equal(strchr(row, '\n'), row + strlen(row) - 1);
        free(head);
        free(row);
        free(empty);
        result_destroy(r);
        result_destroy(nothing);
}

static void a_markdown_row_says_what_was_measured(void **state)
{
        struct result *r = known();
        char *row = printed(row_print, r);

        (void)state;
        assert_string_equal(row,
                            "| epoll | 5000 | 0 | 50ms | 1\u00b5s | 100ms | 95ms | 99ms | 3.46 MB | 1.23s | "
                            "5.68s | n/a | n/a | 0 |\n");
        free(row);
        result_destroy(r);
}

static void a_markdown_row_says_na_for_what_is_unknown(void **state)
{
        struct result *r = result_create();
        char *row = printed(row_print, r);

        (void)state;
        assert_string_equal(
                row,
                "| epoll | n/a | n/a | n/a | n/a | n/a | n/a | n/a | n/a | n/a | n/a | n/a | n/a | 0 |\n");
        free(row);
        result_destroy(r);
}

static void latencies_have_three_digits(void **state)
{
        static const struct {
                uint64_t ns;
                const char *text;
        } cases[] = {{0, "0s"},
                     {1, "1ns"},
                     {999, "999ns"},
                     {1000, "1\u00b5s"},
                     {1234, "1.23\u00b5s"},
                     {1235, "1.24\u00b5s"},
                     {9994, "9.99\u00b5s"},
                     {9995, "10\u00b5s"},
                     {99950, "100\u00b5s"},
                     {102042658, "102ms"},
                     {999499999, "999ms"},
                     {999500000, "1s"},
                     {61234567890, "1m1.2s"},
                     {RESULT_UNKNOWN, "n/a"}};
        char text[FORMAT_TEXT_MAX];

        (void)state;
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
                assert_string_equal(format_latency(cases[i].ns, text), cases[i].text);
}

static void sizes_are_plain_numbers_of_three_digits(void **state)
{
        static const struct {
                uint64_t bytes;
                const char *text;
        } cases[] = {{0, "0 kB"},
                     {4096, "4.1 kB"},
                     {999000, "999 kB"},
                     {999999, "1 MB"},
                     {1000000, "1 MB"},
                     {3456789, "3.46 MB"},
                     {43 * 1000000, "43 MB"},
                     {999600000, "1 GB"},
                     {1500000000, "1.5 GB"},
                     {UINT64_C(12345678901), "12.3 GB"},
                     {RESULT_UNKNOWN, "n/a"}};
        char text[FORMAT_TEXT_MAX];

        (void)state;
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
                assert_string_equal(format_bytes(cases[i].bytes, text), cases[i].text);
}

static void numbers_that_no_run_can_have_are_unknown(void **state)
{
        static const struct {
                enum unit unit;
                double value;
                const char *text;
        } cases[] = {{UNIT_NS, 1500, "1.5\u00b5s"},   {UNIT_NS, -1, "n/a"},    {UNIT_NS, NAN, "n/a"},
                     {UNIT_NS, INFINITY, "too slow"}, {UNIT_NS, 1e300, "n/a"}, {UNIT_BYTES, 0x1p63, "n/a"},
                     {UNIT_BYTES, 3456789, "3.46 MB"}};
        char text[FORMAT_TEXT_MAX];

        (void)state;
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
                assert_string_equal(format_unit(cases[i].unit, cases[i].value, text), cases[i].text);
}

static void the_text_names_errors_and_the_verdict(void **state)
{
        static const char *const expected[] = {
                "97 in flight at the end", "3 never served",     "errors        16", "1 connect ECONNREFUSED",
                "2 receive closed",        "6 request timeout",  "7 lost bytes",     "verdict       invalid",
                "wrong-bytes: ",           "5 listen overflows", "max rss 3.46 MB",
        };
        struct result *r = known();

        (void)state;
        r->errors.count[PHASE_CONNECT][ECONNREFUSED] = 1;
        r->errors.count[PHASE_RECEIVE][CAUSE_CLOSED] = 2;
        r->errors.timeout = 6;
        r->errors.mismatch[MISMATCH_LOST] = 7;
        result_judge(r);
        char *text = printed(plain_text, r);
        for (size_t i = 0; i < sizeof expected / sizeof *expected; i++)
                if (!strstr(text, expected[i]))
                        fail_msg("'%s' is missing in:\n%s", expected[i], text);
        free(text);
        result_destroy(r);
}

static void the_text_has_three_blocks(void **state)
{
        struct result *r = known();
        char *text = printed(plain_text, r);
        size_t blocks = 1;

        (void)state;
        for (const char *at = text; (at = strstr(at, "\n\n")); at += 2)
                blocks++;
        assert_int_equal(blocks, 3);
        assert_non_null(strstr(text, "p99.9 99.9ms"));
        free(text);
        result_destroy(r);
}

static void no_report_shows_a_number_for_what_is_unknown(void **state)
{
        static print_function *const prints[] = {plain_text, coloured_text, report_graph, row_print};
        struct result *r = result_create();

        (void)state;
        result_judge(r);
        for (size_t i = 0; i < sizeof prints / sizeof *prints; i++) {
                char *text = printed(prints[i], r);
                if (strstr(text, "1844674407370955") || strstr(text, "nan") || strstr(text, "584542"))
                        fail_msg("report %zu:\n%s", i, text);
                free(text);
        }
        result_destroy(r);
}

/* Columns on a terminal: bytes that do not continue a character. */
static size_t width(const char *line)
{
        size_t columns = 0;

        for (; *line && *line != '\n'; line++)
                columns += (*line & 0xc0) != 0x80;
        return columns;
}

static void graph_check(const struct result *r)
{
        static const char *const marks[] = {" p50", " p90", " p95", " p99", " p99.9"};
        char *text = printed(report_graph, r);
        double total = 0;
        size_t rows = 0;
        long long percent_column = -1;

        for (const char *line = text; *line; line = strchr(line, '\n') + 1, rows++) {
                const char *percent = strchr(line, '%');
                if (width(line) > COLUMNS)
                        fail_msg("a line of %zu columns:\n%s", width(line), text);
                assert_non_null(percent);
                long long column = (long long)(width(line) - width(percent));
                if (percent_column >= 0 && column != percent_column)
                        fail_msg("the columns do not line up:\n%s", text);
                percent_column = column;
                total += strtod(percent - 6, NULL);
        }
        if (fabs(total - 100) > 0.005 * (double)rows + 0.001)
                fail_msg("the rows add up to %.2f%%:\n%s", total, text);
        for (size_t i = 0; i < sizeof marks / sizeof *marks; i++)
                if (!strstr(text, marks[i]))
                        fail_msg("there is no mark%s:\n%s", marks[i], text);
        assert_true(rows <= 24);
        free(text);
}

static void a_graph_of_a_wide_spread_is_straight_and_complete(void **state)
{
        struct result *r = known();

        (void)state;
        graph_check(r);
        histogram_reset(r->latency);
        for (uint64_t i = 0; i < 40; i++)
                histogram_add(r->latency, UINT64_C(1) << i, 1000);
        graph_check(r);
        result_destroy(r);
}

static void a_graph_with_all_marks_in_one_row_fits(void **state)
{
        static const uint64_t values[] = {1, 100, 123456, NS_PER_S, 70 * NS_PER_S, HISTOGRAM_MAX};
        struct result *r = known();

        (void)state;
        for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
                histogram_reset(r->latency);
                histogram_add(r->latency, values[i], 20000);
                graph_check(r);
        }
        result_destroy(r);
}

/* A bucket may contain values of two classes. */
static void a_graph_shows_samples_at_the_edge_of_a_class(void **state)
{
        struct result *r = known();

        (void)state;
        for (unsigned octave = 44; octave < 160; octave++) {
                uint64_t edge = (uint64_t)exp2(octave / 4.0);
                for (uint64_t value = edge - 1; value <= edge + 1; value++) {
                        histogram_reset(r->latency);
                        histogram_add(r->latency, value, 20000);
                        graph_check(r);
                }
        }
        result_destroy(r);
}

static void a_graph_of_nothing_is_empty(void **state)
{
        struct result *r = result_create();

        (void)state;
        char *text = printed(report_graph, r);
        assert_string_equal(text, "");
        free(text);
        r->latency = histogram_create();
        text = printed(report_graph, r);
        assert_string_equal(text, "");
        free(text);
        result_destroy(r);
}

static unsigned columns; /* of narrow_text */

static void narrow_text(FILE *out, const struct result *r)
{
        report_text(out, r, false, columns);
}

/* Copies a text without its blanks and line ends, of which wrapping may change the number. */
static void words_copy(char *to, const char *from)
{
        for (; *from; from++)
                if (*from != ' ' && *from != '\n')
                        *to++ = *from;
        *to = '\0';
}

static void no_line_is_longer_than_the_terminal_is_wide_unless_a_word_is(void **state)
{
        static char all[8192], wrapped[8192];
        struct result *r = known();

        (void)state;
        (void)strcpy(r->targets, "127.0.0.1:7001");
        (void)strcpy(r->tool.engine, "uring");
        (void)strcpy(r->server.command, "/a/path/that/is/longer/than/any/of/these/terminals/is/wide/"
                                        "and/has/no/place/to/be/broken/echo-c --model uring");
        r->errors.timeout = 7;
        result_judge(r);
        char *whole = printed(plain_text, r);
        words_copy(all, whole);
        free(whole);
        for (columns = 1; columns <= 200; columns++) {
                char *text = printed(narrow_text, r);
                words_copy(wrapped, text);
                assert_string_equal(wrapped, all);
                for (char *line = text, *end; (end = strchr(line, '\n')); line = end + 1) {
                        *end = '\0';
                        size_t label = line == text || *line != ' ' ? 14 : strspn(line, " ");
                        bool breakable = strlen(line) > label && strchr(line + label, ' ');
                        if (strlen(line) > columns && breakable)
                                fail_msg("%u columns: '%s'", columns, line);
                        if (line[0] && end[-1] == ' ')
                                fail_msg("%u columns: a blank ends '%s'", columns, line);
                }
                free(text);
        }
        result_destroy(r);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_markdown_row_has_as_many_cells_as_the_head),
                cmocka_unit_test(a_markdown_row_says_what_was_measured),
                cmocka_unit_test(a_markdown_row_says_na_for_what_is_unknown),
                cmocka_unit_test(latencies_have_three_digits),
                cmocka_unit_test(sizes_are_plain_numbers_of_three_digits),
                cmocka_unit_test(numbers_that_no_run_can_have_are_unknown),
                cmocka_unit_test(the_text_names_errors_and_the_verdict),
                cmocka_unit_test(the_text_has_three_blocks),
                cmocka_unit_test(no_line_is_longer_than_the_terminal_is_wide_unless_a_word_is),
                cmocka_unit_test(no_report_shows_a_number_for_what_is_unknown),
                cmocka_unit_test(a_graph_of_a_wide_spread_is_straight_and_complete),
                cmocka_unit_test(a_graph_with_all_marks_in_one_row_fits),
                cmocka_unit_test(a_graph_shows_samples_at_the_edge_of_a_class),
                cmocka_unit_test(a_graph_of_nothing_is_empty),
        };

        return cmocka_run_group_tests_name("report", tests, NULL, NULL);
}
