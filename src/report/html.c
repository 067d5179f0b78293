/* SPDX-License-Identifier: MIT */
/* The page is page.html with its words between @ replaced. Its tables are written here, not by its script, so
 * that they can be read without scripts, printed, searched and copied; the script only draws. */
#include "report/html.h"

#include "report/assets.h"
#include "report/html_parts.h"
#include "report/page_data.h"

#include <errno.h>
#include <string.h>

enum { WORD_MAX = 32 };

struct page {
        const struct comparison *comparison;
        const json_t *data;
};

/* To C, the assembler's two symbols are two objects, whose addresses may not be subtracted. */
static size_t asset_size(const char *begin, const char *end)
{
        return (uintptr_t)end - (uintptr_t)begin;
}

static void asset_print(FILE *out, const char *begin, const char *end)
{
        (void)fwrite(begin, 1, asset_size(begin, end), out); /* the stream's error is checked at the end */
}

/* In JSON, "<" occurs only in strings, where \u003c means the same: so no text can end the element it is in. */
static int json_print(const char *bytes, size_t size, void *out)
{
        for (size_t i = 0; i < size; i++)
                if (bytes[i] == '<')
                        fputs("\\u003c", out);
                else
                        fputc(bytes[i], out);
        return 0;
}

static void title_print(FILE *out, const struct comparison *c)
{
        enum { NAMED = 4 };

        fputs("bench: ", out);
        for (size_t i = 0; i < c->server_count && i < NAMED; i++) {
                fputs(i == 0 ? "" : i + 1 == c->server_count ? " and " : ", ", out);
                html_text(out, c->servers[i].name);
        }
        if (c->server_count > NAMED)
                fprintf(out, " and %zu more", c->server_count - NAMED);
}

static bool has_charts(void)
{
        return asset_size(asset_charts, asset_charts_end) > 0;
}

static void word_print(FILE *out, const struct page *p, const char *word)
{
        if (strcmp(word, "title") == 0)
                title_print(out, p->comparison);
        else if (strcmp(word, "policy") == 0)
                asset_print(out, asset_policy, asset_policy_end);
        else if (strcmp(word, "style") == 0)
                asset_print(out, asset_style, asset_style_end);
        else if (strcmp(word, "contents") == 0)
                html_contents(out, p->comparison);
        else if (strcmp(word, "main") == 0)
                html_sections(out, p->comparison, has_charts());
        else if (strcmp(word, "data") == 0)
                (void)json_dump_callback(p->data, json_print, out, JSON_COMPACT | JSON_REAL_PRECISION(12));
        else if (strcmp(word, "charts") == 0)
                asset_print(out, asset_charts, asset_charts_end);
        else if (strcmp(word, "script") == 0)
                asset_print(out, asset_script, asset_script_end);
}

/* If the text begins with @word@, copies the word and returns the length including both @. Else returns 0. */
static size_t word_at(const char *text, char word[static WORD_MAX])
{
        size_t length = strspn(text + 1, "abcdefghijklmnopqrstuvwxyz");

        if (*text != '@' || length == 0 || length >= WORD_MAX || text[length + 1] != '@')
                return 0;
        memcpy(word, text + 1, length);
        word[length] = '\0';
        return length + 2;
}

int report_html(FILE *out, const struct comparison *c)
{
        json_t *data = page_data(c);
        struct page page = {c, data};
        char word[WORD_MAX];

        if (!data)
                return -ENOMEM;
        for (size_t at = 0; at < asset_size(asset_template, asset_template_end);) {
                size_t length = word_at(asset_template + at, word);
                if (length > 0)
                        word_print(out, &page, word);
                else
                        fputc(asset_template[at], out);
                at += length > 0 ? length : 1;
        }
        json_decref(data);
        return ferror(out) ? -EIO : 0;
}
