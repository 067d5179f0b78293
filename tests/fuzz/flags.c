/* SPDX-License-Identifier: MIT */
/* The flags of a scenario, in one text, as `bench compare` reads them: the words by which they are passed on give the
 * same load; a refusal has a reason. */
#include "fuzz.h"

#include "bench/options.h"
#include "compare/lineup.h"

enum { WORDS_MAX = 64 };

/* What the options own: as long as a program has one command line, that lives as long as the program. */
static void plan_free(struct plan *p)
{
        free((void *)(uintptr_t)p->request);
        free((void *)(uintptr_t)p->reply_text);
        free((void *)(uintptr_t)p->greeting_end);
}

static bool bytes_equal(const uint8_t *a, const uint8_t *b, size_t size)
{
        return a && b ? memcmp(a, b, size) == 0 : a == b;
}

static void same_load(const struct plan *a, const struct plan *b)
{
        assert(a->connections == b->connections && a->depth == b->depth && a->threads == b->threads);
        assert(a->request_bytes == b->request_bytes && bytes_equal(a->request, b->request, a->request_bytes));
        assert(a->reply == b->reply && a->reply_bytes == b->reply_bytes &&
               bytes_equal(a->reply_text, b->reply_text, a->reply_bytes));
        assert(a->greets == b->greets && a->greeting_bytes == b->greeting_bytes &&
               bytes_equal(a->greeting_end, b->greeting_end, a->greeting_bytes));
        assert(a->requests_per_connection == b->requests_per_connection && a->warmup == b->warmup);
        assert(a->duration == b->duration && a->grace == b->grace && a->quantum == b->quantum);
        assert(a->connect_timeout == b->connect_timeout && a->request_timeout == b->request_timeout);
        assert(memcmp(&a->rate, &b->rate, sizeof a->rate) == 0 && a->arrivals == b->arrivals);
        assert(a->target_count == b->target_count && a->source_count == b->source_count);
        for (size_t i = 0; i < a->target_count; i++)
                assert(memcmp(&a->targets[i], &b->targets[i], sizeof a->targets[i]) == 0);
        assert(a->spin == b->spin && a->verify == b->verify && a->engine == b->engine);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static struct run_options o, again;
        static const char *words[2 * OPTION_VALUES_MAX + 2];
        const char *argv[WORDS_MAX + 4] = {"bench"};
        char *text = fuzz_text(data, size);
        struct why why = {0};
        size_t argc = 1 + lineup_words_split(text, argv + 1, WORDS_MAX);
        bool reads_file = false;

        for (size_t i = 1; i < argc; i++) /* not the files of this machine */
                reads_file = reads_file || strchr(argv[i], '@');
        if (reads_file) {
                free(text);
                return 0;
        }
        if (run_options_read((int)argc, (char **)(uintptr_t)argv, &o, &why) == 0) {
                words[0] = "bench";
                size_t count = 1 + run_options_words(&o, true, words + 1);
                assert(count <= sizeof words / sizeof *words);
                words[count] = NULL;
                int error = run_options_read((int)count, (char **)(uintptr_t)words, &again, &why);
                assert(error == 0);
                same_load(&o.plan, &again.plan);
                plan_free(&again.plan);
        } else
                assert(*why.text);
        plan_free(&o.plan);
        free(text);
        return 0;
}
