/* SPDX-License-Identifier: MIT
 *
 * ConvertTo-Html: objects as a page or a fragment, line by line, in the shape that PowerShell writes.
 */
#include "shell/code.h"
#include "shell/property.h"
#include "shell/text.h"
#include "shell/types.h"
#include "shell/url.h"

#include <stdlib.h>
#include <strings.h>

struct column {
        struct sh_prop prop;
        struct sv label;
        bool owned; /* the name in prop is ours */
};
struct html {
        struct sh_props props;
        struct column *columns;
        uint32_t n;
        uint64_t objects;
        bool chosen;
};

static int line(struct sh_cmd *c, const char *fmt, const char *arg)
{
        struct sv t = arg ? sh_printf(fmt, arg) : sh_text(fmt);
        int st = sh_emit(c, t);
        sh_drop(t);
        return st;
}
/* Each text of a parameter as a line. */
static int lines(struct sh_cmd *c, const char *param)
{
        struct sv v = sh_arg(c, param), item;
        size_t pos = 0;
        int st = SH_OK;
        if (sh_is_null(v))
                return SH_OK;
        if (!sh_is_enumerable(v))
                return sh_emit(c, v);
        while (st == SH_OK && sh_next(v, &pos, &item)) {
                st = sh_emit(c, item);
                sh_drop(item);
        }
        return st;
}
static bool is_list(struct sh_cmd *c)
{
        return !strcasecmp(sh_arg_text(c, "As", "Table"), "List");
}
static int meta_lines(struct sh_cmd *c)
{
        struct sv h = sh_arg(c, "Meta"), k, v;
        int st = sh_bound(c, "Charset") ? line(c, "<meta charset=\"%s\">", sh_arg_text(c, "Charset", ""))
                                        : SH_OK;
        for (uint32_t i = 0; st == SH_OK && h.kind == SH_HASH && sh_hash_at(h.h, i, &k, &v); i++) {
                struct sv name = sh_to_text(sh_session(c), k), content = sh_to_text(sh_session(c), v),
                          t = sh_printf("<meta name=\"%s\" content=\"%s\">", name.s->s, content.s->s);
                st = sh_emit(c, t);
                sh_drop(name);
                sh_drop(content);
                sh_drop(t);
        }
        return st;
}
static int page_head(struct sh_cmd *c)
{
        int st = line(c,
                      sh_switch(c, "Transitional")
                              ? "<!DOCTYPE html PUBLIC \"-//W3C//DTD XHTML 1.0 Transitional//EN\"  "
                                "\"http://www.w3.org/TR/xhtml1/DTD/xhtml1-transitional.dtd\">"
                              : "<!DOCTYPE html PUBLIC \"-//W3C//DTD XHTML 1.0 Strict//EN\"  "
                                "\"http://www.w3.org/TR/xhtml1/DTD/xhtml1-strict.dtd\">",
                      NULL);
        if (st == SH_OK)
                st = line(c, "<html xmlns=\"http://www.w3.org/1999/xhtml\">", NULL);
        if (st == SH_OK)
                st = line(c, "<head>", NULL);
        if (st == SH_OK)
                st = meta_lines(c);
        if (st == SH_OK)
                st = sh_bound(c, "Head")
                             ? lines(c, "Head")
                             : line(c, "<title>%s</title>", sh_arg_text(c, "Title", "HTML TABLE"));
        if (st == SH_OK && sh_bound(c, "CssUri"))
                st = line(c, "<link rel=\"stylesheet\" type=\"text/css\" href=\"%s\" />",
                          sh_arg_text(c, "CssUri", ""));
        if (st == SH_OK)
                st = line(c, "</head><body>", NULL);
        return st == SH_OK ? lines(c, "Body") : st;
}
static int html_begin(struct sh_cmd *c)
{
        struct html *h = sh_state(c);
        int st = sh_props_parse(c, sh_arg(c, "Property"), SH_PK_NAME | SH_PK_WIDTH, &h->props);
        if (st == SH_OK && !sh_switch(c, "Fragment"))
                st = page_head(c);
        if (st == SH_OK)
                st = lines(c, "PreContent");
        return st == SH_OK ? line(c, "<table>", NULL) : st;
}
static void add_column(struct html *h, struct sh_prop prop, struct sv label, bool owned)
{
        h->columns = realloc(h->columns, (h->n + 1) * sizeof(*h->columns));
        if (!h->columns)
                abort();
        h->columns[h->n++] = (struct column) { prop, label, owned };
}
static bool add_named(void *state, const char *name, size_t n)
{
        struct sv text = sh_string(name, n);
        add_column(state, (struct sh_prop) { .name = text, .descending = -1 }, sh_keep(text), true);
        return true;
}
static bool add_property(void *state, const char *name, size_t n, int kind)
{
        return kind == SH_METHOD || kind == SH_SCRIPT_METHOD || add_named(state, name, n);
}
/* The columns are those of the first object. */
static void choose(struct sh_cmd *c, struct html *h, struct sv object)
{
        h->chosen = true;
        if (!h->props.n)
                sh_properties(sh_session(c), object, add_property, h);
        for (uint32_t i = 0; i < h->props.n; i++) {
                struct sh_prop *p = &h->props.v[i];
                if (p->wildcard)
                        sh_prop_expand(sh_session(c), object, p, add_named, h);
                else
                        add_column(h, *p, sh_prop_label(sh_session(c), p), false);
        }
}
static const char *const aligns[] = { NULL, "left", "center", "right" };
static void put_attributes(struct sh_buf *b, const struct sh_prop *p, bool width)
{
        if (width && p->width)
                sh_buf_putf(b, " width=\"%d\"", p->width);
        if (p->align)
                sh_buf_putf(b, " align=\"%s\"", aligns[p->align]);
}
static int emit_buf(struct sh_cmd *c, struct sh_buf *b)
{
        struct sv t = sh_buf_take(b);
        int st = sh_emit(c, t);
        sh_drop(t);
        sh_buf_free(b);
        return st;
}
static int table_head(struct sh_cmd *c, struct html *h)
{
        struct sh_buf b = { 0 };
        sh_buf_puts(&b, "<colgroup>");
        for (uint32_t i = 0; i < h->n; i++)
                sh_buf_puts(&b, "<col/>");
        sh_buf_puts(&b, "</colgroup>");
        int st = emit_buf(c, &b);
        sh_buf_puts(&b, "<tr>");
        for (uint32_t i = 0; i < h->n; i++) {
                sh_buf_puts(&b, "<th");
                put_attributes(&b, &h->columns[i].prop, true);
                sh_buf_puts(&b, ">");
                sh_html_escape(&b, h->columns[i].label.s->s, h->columns[i].label.s->len);
                sh_buf_puts(&b, "</th>");
        }
        sh_buf_puts(&b, "</tr>");
        return st == SH_OK ? emit_buf(c, &b) : (sh_buf_free(&b), st);
}
static int put_value(struct sh_cmd *c, struct sh_buf *b, const struct column *col, struct sv object)
{
        struct sh *sh = sh_session(c);
        struct sv v;
        struct sh_buf text = { 0 };
        int st = sh_prop_soft(sh, &col->prop, object, &v);
        if (st != SH_OK)
                return st;
        if (!sh_is_null(v))
                sh_buf_item(sh, &text, v);
        sh_html_escape(b, text.p ? text.p : "", text.n);
        sh_buf_free(&text);
        sh_drop(v);
        return SH_OK;
}
static int html_process(struct sh_cmd *c, struct sv input)
{
        struct html *h = sh_state(c);
        struct sh_buf b = { 0 };
        int st = SH_OK;
        input = sh_input(c, input);
        if (input.kind == SH_VOID || sh_is_null(input))
                return SH_OK;
        if (!h->chosen) {
                choose(c, h, input);
                if (!is_list(c))
                        st = table_head(c, h);
        }
        if (is_list(c)) {
                if (h->objects++ && st == SH_OK)
                        st = line(c, "<tr><td><hr></td></tr>", NULL);
                for (uint32_t i = 0; st == SH_OK && i < h->n; i++) {
                        sh_buf_puts(&b, "<tr><td>");
                        sh_html_escape(&b, h->columns[i].label.s->s, h->columns[i].label.s->len);
                        sh_buf_puts(&b, ":</td><td>");
                        st = put_value(c, &b, &h->columns[i], input);
                        sh_buf_puts(&b, "</td></tr>");
                        if (st == SH_OK)
                                st = emit_buf(c, &b);
                }
        } else if (st == SH_OK) {
                sh_buf_puts(&b, "<tr>");
                for (uint32_t i = 0; st == SH_OK && i < h->n; i++) {
                        sh_buf_puts(&b, "<td");
                        put_attributes(&b, &h->columns[i].prop, false);
                        sh_buf_puts(&b, ">");
                        st = put_value(c, &b, &h->columns[i], input);
                        sh_buf_puts(&b, "</td>");
                }
                sh_buf_puts(&b, "</tr>");
                if (st == SH_OK)
                        st = emit_buf(c, &b);
        }
        sh_buf_free(&b);
        return st;
}
static int html_end(struct sh_cmd *c)
{
        int st = line(c, "</table>", NULL);
        if (st == SH_OK)
                st = lines(c, "PostContent");
        return st == SH_OK && !sh_switch(c, "Fragment") ? line(c, "</body></html>", NULL) : st;
}
static void html_clean(struct sh_cmd *c)
{
        struct html *h = sh_state(c);
        for (uint32_t i = 0; i < h->n; i++) {
                sh_drop(h->columns[i].label);
                if (h->columns[i].owned)
                        sh_drop(h->columns[i].prop.name);
        }
        free(h->columns);
        sh_props_free(&h->props);
        *h = (struct html) { 0 };
}
static const struct sh_cmdlet convertto_html = {
        .name = "ConvertTo-Html",
        .synopsis = "Writes objects as an HTML page.",
        .default_set = "Page",
        .state_size = sizeof(struct html),
        .begin = html_begin,
        .process = html_process,
        .end = html_end,
        .clean = html_clean,
        .params =
                (const struct sh_param[]) {
                        { "InputObject", .from_pipeline = true, .allow_null = true, .help = "The objects." },
                        { "Property", .type = "object[]", .position = 1,
                          .help = "Columns: names, wildcards, or tables with Label, Expression, Width, "
                                  "Alignment." },
                        { "Body", .type = "string[]", .position = 4, .sets = "Page",
                          .help = "Text after the opening body tag." },
                        { "Head", .type = "string[]", .position = 2, .sets = "Page",
                          .help = "What the head holds; replaces the title." },
                        { "Title", .type = "string", .position = 3, .sets = "Page",
                          .help = "The page's title." },
                        { "As", .type = "string", .values = "Table,List",
                          .help = "One row an object, or one row a property." },
                        { "CssUri", .type = "string", .alias = "cu,uri", .sets = "Page",
                          .help = "Address of a style sheet." },
                        { "Fragment", .type = "switch", .sets = "Fragment",
                          .help = "Only the table, no page around it." },
                        { "PostContent", .type = "string[]", .help = "Text after the table." },
                        { "PreContent", .type = "string[]", .help = "Text before the table." },
                        { "Meta", .type = "hashtable", .sets = "Page", .help = "Meta tags: name = content." },
                        { "Charset", .type = "string", .sets = "Page", .help = "The page's character set." },
                        { "Transitional", .type = "switch", .sets = "Page",
                          .help = "Declares XHTML Transitional." },
                        { 0 } },
        .examples =
                (const struct sh_example[]) {
                        { "[pscustomobject]@{ a = 1; b = '<' } | ConvertTo-Html -Fragment",
                          "<table>\n<colgroup><col/><col/></colgroup>\n<tr><th>a</th><th>b</th></"
                          "tr>\n<tr><td>1</td><td>&lt;</td></tr>\n</table>",
                          "A table; texts are escaped." },
                        { "([pscustomobject]@{ a = 1 } | ConvertTo-Html -As List -Title Report)[3]",
                          "<title>Report</title>", "A whole page as a list." },
                        { 0 } },
};

SH_CMDLETS(html, &convertto_html);
