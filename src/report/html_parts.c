/* SPDX-License-Identifier: MIT */
#include "report/html_parts.h"

#include "report/format.h"

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

/* The square is a picture, since the page's policy allows no element a style of its own. */
void html_row_begin(FILE *out, const struct comparison_server *s)
{
        fprintf(out,
                "<tr><th scope=\"row\"><svg class=\"swatch\" viewBox=\"0 0 1 1\" aria-hidden=\"true\">"
                "<rect width=\"1\" height=\"1\" fill=\"%s\"/></svg><span>",
                s->colour);
        html_text(out, s->name);
        fputs("</span></th>", out);
}

void html_row_end(FILE *out)
{
        fputs("</tr>\n", out);
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

        html_cell_text(out, format_unit(UNIT_NS, ns, t));
}

void html_cell_percentile(FILE *out, const struct histogram *h, double share)
{
        char t[FORMAT_TEXT_MAX];

        html_cell_text(out, format_percentile(h, share, t));
}

void html_cell_bytes(FILE *out, double bytes)
{
        char t[FORMAT_TEXT_MAX];

        html_cell_text(out, format_unit(UNIT_BYTES, bytes, t));
}

void html_cell_verdicts(FILE *out, const struct summary *s)
{
        char text[FORMAT_VERDICTS_MAX];

        fprintf(out, "<td class=\"%s\">", s->result ? verdict_name(s->result->verdict.status) : "missing");
        html_text(out, format_verdicts(s, text));
        html_text(out, format_left_out(s) ? ": " : NULL);
        html_text(out, format_left_out(s));
        fputs("</td>", out);
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
