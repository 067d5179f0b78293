/* SPDX-License-Identifier: MIT */
#include "report/html_parts.h"

#include "report/format.h"

#include <math.h>

void html_text(FILE *out, const char *text)
{
        for (; text && *text; text++)
                switch (*text) {
                case '&':
                        fputs("&amp;", out);
                        break;
                case '<':
                        fputs("&lt;", out);
                        break;
                case '>':
                        fputs("&gt;", out);
                        break;
                case '"':
                        fputs("&quot;", out);
                        break;
                default:
                        fputc(*text, out);
                }
}

/* A square in the server's colour, as a picture, since the page's policy allows no style of an element's own.
 */
void html_server_head(FILE *out, const struct comparison_server *s)
{
        fprintf(out,
                "<th scope=\"row\"><svg class=\"swatch\" viewBox=\"0 0 1 1\" aria-hidden=\"true\"><rect "
                "width=\"1\" height=\"1\" fill=\"%s\"/></svg><span>",
                s->colour);
        html_text(out, s->name);
        fputs("</span></th>", out);
}

void html_table_open(FILE *out, const char *class, const char *label)
{
        fprintf(out,
                "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"%s\"><table class=\"%s\">",
                label, class);
}

void html_table_begin(FILE *out, const char *class, const char *label, const char *const *heads)
{
        html_table_open(out, class, label);
        fputs("<thead><tr>", out);
        for (; *heads; heads++)
                fprintf(out, "<th scope=\"col\">%s</th>", *heads);
        fputs("</tr></thead><tbody>\n", out);
}

void html_table_end(FILE *out)
{
        fputs("</tbody></table></div>\n", out);
}

void html_cell_text(FILE *out, const char *text)
{
        fputs("<td>", out);
        html_text(out, text);
        fputs("</td>", out);
}

void html_cell_count(FILE *out, double value)
{
        char t[FORMAT_TEXT_MAX];

        html_cell_text(out, format_count(value, t));
}

void html_cell_latency(FILE *out, double ns)
{
        char t[FORMAT_TEXT_MAX];

        html_cell_text(out, format_latency(isfinite(ns) && ns >= 0 ? (uint64_t)ns : RESULT_UNKNOWN, t));
}

void html_cell_percentile(FILE *out, const struct histogram *h, double share)
{
        uint64_t value;

        html_cell_latency(out, result_percentile(h, share, &value) ? (double)value : NAN);
}

void html_cell_bytes(FILE *out, double bytes)
{
        char t[FORMAT_TEXT_MAX];

        html_cell_text(out,
                       format_bytes(isfinite(bytes) && bytes >= 0 ? (uint64_t)bytes : RESULT_UNKNOWN, t));
}

void html_command(FILE *out, const struct comparison *c, size_t scenario)
{
        fputs("<code>bench ", out);
        html_text(out, c->scenarios[scenario].flags);
        if (c->duration) {
                fputs(" -d ", out);
                html_text(out, c->duration);
        }
        fputs("</code>", out);
}
