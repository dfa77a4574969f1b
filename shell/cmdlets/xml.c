/* SPDX-License-Identifier: MIT
 *
 * Select-Xml, ConvertTo-Xml, and objects as PowerShell's own XML: Export-Clixml, Import-Clixml, ConvertTo-CliXml,
 * ConvertFrom-CliXml. The last is read with libxml2 and written as text.
 */
#include "shell/xml.h"
#include "shell/code.h"
#include "shell/datetime.h"
#include "shell/files.h"
#include "shell/secure.h"
#include "shell/text.h"
#include "shell/types.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

static int emit_owned(struct sh_cmd *c, struct sv v)
{
        int st = sh_emit(c, v);
        sh_drop(v);
        return st;
}
struct holding {
        struct sv list;
};
static int hold(struct sh_cmd *c, struct sv input)
{
        struct holding *h = sh_state(c);
        input = sh_input(c, input);
        if (h->list.kind != SH_ARRAY)
                h->list = sh_array_new(8);
        if (input.kind != SH_VOID)
                sh_array_add(h->list.a, input);
        return SH_OK;
}
static void let_go(struct sh_cmd *c)
{
        struct holding *h = sh_state(c);
        sh_drop(h->list);
        h->list = SH_NIL;
}
static void blanks(struct sh_buf *b, int level)
{
        for (int i = 0; i < level; i++)
                sh_buf_puts(b, "  ");
}
static void escaped(struct sh_buf *b, struct sv text)
{
        sh_xml_escape(b, text.s->s, text.s->len, false);
}

/* ---- Select-Xml ---- */
static int select_in(struct sh_cmd *c, struct sv document, const char *path, const char *xpath)
{
        struct sh *sh = sh_session(c);
        struct sv list, p = sh_text(path), pattern = sh_text(xpath);
        int st = sh_xml_select(sh, document, xpath, sh_arg(c, "Namespace"), &list);
        for (uint32_t i = 0; st == SH_OK && i < list.a->n; i++) {
                struct sv o = sh_object_new();
                sh_object_set(o, "Node", 4, list.a->v[i]);
                sh_object_set(o, "Path", 4, p);
                sh_object_set(o, "Pattern", 7, pattern);
                st = emit_owned(c, o);
        }
        if (st == SH_OK)
                sh_drop(list);
        sh_drop(p);
        sh_drop(pattern);
        return st;
}
static int select_text(struct sh_cmd *c, const char *s, size_t n, const char *path)
{
        char why[300];
        struct sv d;
        if (!sh_xml_parse(s, n, &d, why)) {
                struct sv target = sh_text(path);
                int st = sh_cmd_error(c, "ProcessingFile", "InvalidArgument", target,
                                      "Cannot load the XML from '%s': %s", path, why);
                sh_drop(target);
                return st;
        }
        int st = select_in(c, d, path, sh_arg_text(c, "XPath", ""));
        sh_drop(d);
        return st;
}
static int select_file(struct sh_cmd *c, const char *path)
{
        struct sh_buf b = { 0 };
        int st = sh_file_text(c, path, true, SH_ENC_UTF8, &b);
        if (st == SH_OK)
                st = select_text(c, b.p ? b.p : "", b.n, path);
        sh_buf_free(&b);
        return st == SH_NONE ? SH_OK : st;
}
static int select_process(struct sh_cmd *c, struct sv input)
{
        (void)input;
        struct sv xml = sh_arg(c, "Xml"), content = sh_arg(c, "Content"), item, document;
        size_t pos = 0;
        int st = SH_OK;
        if (sh_bound(c, "Path") || sh_bound(c, "LiteralPath"))
                return sh_for_paths(c, select_file);
        while (st == SH_OK && !sh_is_null(xml) && sh_next(xml, &pos, &item)) {
                if (sh_xml_node(item, &document))
                        st = select_in(c, item, "InputStream", sh_arg_text(c, "XPath", ""));
                sh_drop(item);
        }
        for (pos = 0; st == SH_OK && !sh_is_null(content) && sh_next(content, &pos, &item); sh_drop(item)) {
                struct sv t = sh_to_text(sh_session(c), item);
                st = select_text(c, t.s->s, t.s->len, "InputStream");
                sh_drop(t);
        }
        return st;
}
static const struct sh_cmdlet select_xml = {
        .name = "Select-Xml",
        .synopsis = "Finds nodes of XML by an XPath expression.",
        .default_set = "Xml",
        .process = select_process,
        .params =
                (const struct sh_param[]) {
                        { "XPath", .type = "string", .position = 1, .mandatory = true,
                          .help = "The expression." },
                        { "Xml", .type = "xml[]", .position = 2, .mandatory = true, .from_pipeline = true,
                          .sets = "Xml", .alias = "Node", .from_property = true, .help = "Documents." },
                        { "Path", .type = "string[]", .position = 2, .mandatory = true, .from_property = true,
                          .sets = "Path", .wildcard = true, .complete = "path", .help = "Files of XML." },
                        { "LiteralPath", .type = "string[]", .alias = "PSPath,LP", .mandatory = true,
                          .sets = "LiteralPath", .help = "Files of XML by their exact names." },
                        { "Content", .type = "string[]", .mandatory = true, .from_pipeline = true,
                          .sets = "Content", .help = "Texts of XML." },
                        { "Namespace", .type = "hashtable",
                          .help = "Prefixes of the expression and their namespaces." },
                        { 0 } },
        .examples =
                (const struct sh_example[]) {
                        { "(Select-Xml -Content '<a><b>1</b><b>2</b></a>' -XPath '//b').Node.InnerText",
                          "1\n2", "Nodes of a text." },
                        { "([xml]'<a x=\"5\"/>' | Select-Xml -XPath '/a/@x').Node.Value", "5",
                          "An attribute of a document." },
                        { 0 } },
};

/* ---- ConvertTo-Xml ---- */
struct converting {
        struct sh *sh;
        struct sh_buf *b;
        bool types;
        int depth, level;
        struct sv object;
};
static void object_xml(struct converting *x, const char *tag, const char *name, struct sv v, int depth);
static bool property_xml(void *state, const char *name, size_t n, int kind)
{
        struct converting *x = state;
        struct sv v;
        if (kind == SH_METHOD || kind == SH_SCRIPT_METHOD)
                return true;
        if (sh_get(x->sh, x->object, name, n, &v) != SH_OK) {
                sh_forget_error(x->sh);
                v = SH_NIL;
        }
        struct sv object = x->object, text = sh_string(name, n);
        object_xml(x, "Property", text.s->s, v, x->depth);
        x->object = object;
        sh_drop(text);
        sh_drop(v);
        return true;
}
static bool scalar(struct sv v)
{
        return sh_is_null(v) || v.kind < SH_OBJECT_KINDS || v.kind == SH_STRING || v.kind == SH_ENUM ||
               v.kind == SH_TYPE || v.kind == SH_BLOCK ||
               (v.kind == SH_OTHER && v.o->type->text && !v.o->type->next);
}
static void object_xml(struct converting *x, const char *tag, const char *name, struct sv v, int depth)
{
        struct sv base = sh_unwrap(v), item, k, value;
        struct sh_buf *b = x->b;
        const struct sh_type *t = sh_type_of(base);
        size_t pos = 0;
        blanks(b, x->level);
        sh_buf_putf(b, "<%s", tag);
        if (name) {
                sh_buf_puts(b, " Name=\"");
                sh_xml_escape(b, name, strlen(name), true);
                sh_buf_puts(b, "\"");
        }
        if (x->types && t) {
                sh_buf_puts(b, " Type=\"");
                sh_xml_escape(b, t->name, strlen(t->name), true);
                sh_buf_puts(b, "\"");
        }
        if (sh_is_null(base)) {
                sh_buf_puts(b, " />\n");
                return;
        }
        sh_buf_puts(b, ">");
        if (scalar(base) || depth <= 0) {
                struct sv text = sh_to_text(x->sh, v);
                escaped(b, text);
                sh_drop(text);
                sh_buf_putf(b, "</%s>\n", tag);
                return;
        }
        sh_buf_puts(b, "\n");
        x->level++;
        if (base.kind == SH_HASH) {
                for (uint32_t i = 0; sh_hash_at(base.h, i, &k, &value); i++) {
                        object_xml(x, "Property", "Key", k, depth - 1);
                        object_xml(x, "Property", "Value", value, depth - 1);
                }
        } else if (sh_is_enumerable(base)) {
                while (sh_next(base, &pos, &item)) {
                        object_xml(x, "Property", NULL, item, depth - 1);
                        sh_drop(item);
                }
        } else {
                int old = x->depth;
                x->depth = depth - 1;
                x->object = v;
                sh_properties(x->sh, v, property_xml, x);
                x->depth = old;
        }
        x->level--;
        blanks(b, x->level);
        sh_buf_putf(b, "</%s>\n", tag);
}
static int convert_end(struct sh_cmd *c)
{
        struct holding *h = sh_state(c);
        struct sh_buf b = { 0 };
        struct converting x = {
                sh_session(c), &b, !sh_switch(c, "NoTypeInformation"), (int)sh_arg_int(c, "Depth", 1), 1,
                SH_NIL
        };
        const char *as = sh_arg_text(c, "As", "Document");
        sh_buf_puts(&b, "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<Objects>\n");
        for (uint32_t i = 0; h->list.kind == SH_ARRAY && i < h->list.a->n; i++)
                object_xml(&x, "Object", NULL, h->list.a->v[i], x.depth);
        sh_buf_puts(&b, "</Objects>");
        int st = SH_OK;
        if (!strcasecmp(as, "Document")) {
                char why[300];
                struct sv d;
                st = sh_xml_parse(b.p, b.n, &d, why)
                             ? emit_owned(c, d)
                             : sh_cmd_throw(c, "XmlNotAvailable", "ResourceUnavailable", SH_NIL, "%s.", why);
                sh_buf_free(&b);
        } else {
                st = emit_owned(c, sh_buf_take(&b));
                sh_buf_free(&b);
        }
        return st;
}
static const struct sh_cmdlet convertto_xml = {
        .name = "ConvertTo-Xml",
        .synopsis = "Writes objects as XML.",
        .state_size = sizeof(struct holding),
        .process = hold,
        .end = convert_end,
        .clean = let_go,
        .params = (const struct sh_param[]) { { "InputObject", .position = 1, .from_pipeline = true,
                                                .allow_null = true, .help = "The objects." },
                                              { "As", .type = "string", .values = "Stream,String,Document",
                                                .help = "A document, or text." },
                                              { "Depth", .type = "int", .min = 1, .max = 100,
                                                .help = "How many levels; 1 when not given." },
                                              { "NoTypeInformation", .type = "switch",
                                                .help = "Without the types' names." },
                                              { 0 } },
        .examples =
                (const struct sh_example[]) {
                        { "1 | ConvertTo-Xml -As String",
                          "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<Objects>\n  <Object "
                          "Type=\"System.Int32\">1</Object>\n</Objects>",
                          "A number as text." },
                        { "([pscustomobject]@{ a = 1 } | ConvertTo-Xml).Objects.Object.Property.Name", "a",
                          "A document." },
                        { 0 } },
};

/* ---- CliXml: writing ---- */
static const struct kind_tag {
        uint8_t kind;
        const char *tag;
} tags[] = { { SH_BOOL, "B" },    { SH_CHAR, "C" },      { SH_SBYTE, "SB" },    { SH_BYTE, "By" },
             { SH_INT16, "I16" }, { SH_UINT16, "U16" },  { SH_INT32, "I32" },   { SH_UINT32, "U32" },
             { SH_INT64, "I64" }, { SH_UINT64, "U64" },  { SH_SINGLE, "Sg" },   { SH_DOUBLE, "Db" },
             { SH_DECIMAL, "D" }, { SH_DATETIME, "DT" }, { SH_TIMESPAN, "TS" }, { SH_STRING, "S" },
             { SH_BLOCK, "SBK" } };
struct cli {
        struct sh *sh;
        struct sh_buf *b;
        int depth, level, next_ref, next_type;
        struct sv object;
};
/* Control characters as _xHHHH_, as PowerShell writes them. */
static void cli_text(struct sh_buf *b, struct sv t)
{
        for (uint32_t i = 0; i < t.s->len; i++) {
                unsigned char ch = (unsigned char)t.s->s[i];
                if (ch < 0x20 || (ch == '_' && i + 1 < t.s->len && t.s->s[i + 1] == 'x'))
                        sh_buf_putf(b, "_x%04X_", ch);
                else
                        sh_xml_escape(b, t.s->s + i, 1, false);
        }
}
static void cli_open(struct cli *x, const char *tag, const char *name)
{
        blanks(x->b, x->level);
        sh_buf_putf(x->b, "<%s", tag);
        if (name) {
                sh_buf_puts(x->b, " N=\"");
                sh_xml_escape(x->b, name, strlen(name), true);
                sh_buf_puts(x->b, "\"");
        }
}
static void cli_value(struct cli *x, const char *name, struct sv v, int depth);
static bool cli_type_name(void *state, const char *name)
{
        sh_buf_puts(state, "<T>");
        sh_xml_escape(state, name, strlen(name), false);
        sh_buf_puts(state, "</T>");
        return true;
}
static bool cli_property(void *state, const char *name, size_t n, int kind)
{
        struct cli *x = state;
        struct sv v, object = x->object, text = sh_string(name, n);
        if (kind == SH_METHOD || kind == SH_SCRIPT_METHOD || sh_get(x->sh, object, name, n, &v) != SH_OK) {
                sh_forget_error(x->sh);
                sh_drop(text);
                return true;
        }
        cli_value(x, text.s->s, v, x->depth);
        x->object = object;
        sh_drop(text);
        sh_drop(v);
        return true;
}
static bool cli_scalar(struct cli *x, const char *name, struct sv base)
{
        struct sh_buf text = { 0 };
        const char *tag = NULL, *secret;
        size_t n;
        for (size_t i = 0; i < sizeof(tags) / sizeof(*tags); i++)
                if (tags[i].kind == base.kind)
                        tag = tags[i].tag;
        if (sh_is_null(base)) {
                cli_open(x, "Nil", name);
                sh_buf_puts(x->b, " />\n");
                return true;
        }
        if (sh_secure_text(base, &secret, &n)) {
                sh_encode(SH_ENC_UTF16, secret, n, &text);
                cli_open(x, "SS", name);
                sh_buf_puts(x->b, ">");
                for (size_t i = 0; i < text.n; i++)
                        sh_buf_putf(x->b, "%02x", (unsigned char)text.p[i]);
                sh_buf_puts(x->b, "</SS>\n");
                sh_buf_free(&text);
                return true;
        }
        bool guid = base.kind == SH_OTHER && base.o->type == &sh_type_guid,
             version = base.kind == SH_OTHER && base.o->type == &sh_type_version;
        tag = guid ? "G" : version ? "Version" : tag;
        if (!tag)
                return false;
        struct sv t;
        if (base.kind == SH_DATETIME)
                sh_format_value(x->sh, base, "o", 1, &text);
        else if (base.kind == SH_DOUBLE || base.kind == SH_SINGLE)
                sh_format_value(x->sh, base, "R", 1, &text);
        else if (base.kind == SH_BOOL)
                sh_buf_puts(&text, base.i ? "true" : "false");
        else if (base.kind == SH_CHAR)
                sh_buf_putf(&text, "%u", (unsigned)base.u);
        else if (base.kind == SH_TIMESPAN) {
                int64_t s = llabs(base.i) / SH_TICKS_SECOND;
                sh_buf_putf(&text, "%sP%lldDT%lldH%lldM%lld.%07lldS", base.i < 0 ? "-" : "",
                            (long long)(s / 86400), (long long)(s / 3600 % 24), (long long)(s / 60 % 60),
                            (long long)(s % 60), (long long)(llabs(base.i) % SH_TICKS_SECOND));
        } else
                sh_buf_value(x->sh, &text, base);
        t = sh_buf_take(&text);
        cli_open(x, tag, name);
        sh_buf_puts(x->b, ">");
        cli_text(x->b, t);
        sh_buf_putf(x->b, "</%s>\n", tag);
        sh_drop(t);
        sh_buf_free(&text);
        return true;
}
static void cli_items(struct cli *x, struct sv base, int depth)
{
        struct sv item, k, v;
        size_t pos = 0;
        bool table = base.kind == SH_HASH;
        const char *tag = table ? "DCT" : sh_is_list(base) || base.kind == SH_ARRAY ? "LST" : "IE";
        cli_open(x, tag, NULL);
        sh_buf_puts(x->b, ">\n");
        x->level++;
        for (uint32_t i = 0; table && sh_hash_at(base.h, i, &k, &v); i++) {
                cli_open(x, "En", NULL);
                sh_buf_puts(x->b, ">\n");
                x->level++;
                cli_value(x, "Key", k, depth);
                cli_value(x, "Value", v, depth);
                x->level--;
                blanks(x->b, x->level);
                sh_buf_puts(x->b, "</En>\n");
        }
        while (!table && sh_next(base, &pos, &item)) {
                cli_value(x, NULL, item, depth);
                sh_drop(item);
        }
        x->level--;
        blanks(x->b, x->level);
        sh_buf_putf(x->b, "</%s>\n", tag);
}
static void cli_value(struct cli *x, const char *name, struct sv v, int depth)
{
        struct sv base = sh_unwrap(v);
        if (cli_scalar(x, name, base))
                return;
        bool collection = base.kind == SH_HASH || sh_is_enumerable(base);
        if (depth <= 0 && !collection && base.kind != SH_ENUM) { /* deeper than asked: its text */
                struct sv t = sh_to_text(x->sh, v);
                cli_scalar(x, name, t);
                sh_drop(t);
                return;
        }
        cli_open(x, "Obj", name);
        sh_buf_putf(x->b, " RefId=\"%d\">\n", x->next_ref++);
        x->level++;
        blanks(x->b, x->level);
        sh_buf_putf(x->b, "<TN RefId=\"%d\">", x->next_type++);
        sh_type_names(x->sh, v, cli_type_name, x->b);
        sh_buf_puts(x->b, "</TN>\n");
        if (base.kind == SH_ENUM || (!collection && base.kind != SH_PSOBJECT)) {
                struct sv t = sh_to_text(x->sh, v);
                blanks(x->b, x->level);
                sh_buf_puts(x->b, "<ToString>");
                cli_text(x->b, t);
                sh_buf_puts(x->b, "</ToString>\n");
                sh_drop(t);
        }
        if (base.kind == SH_ENUM) {
                cli_scalar(x, NULL, sh_int((int32_t)base.hi));
        } else if (collection) {
                cli_items(x, base, depth - 1);
        } else {
                const char *tag = base.kind == SH_PSOBJECT ? "MS" : "Props";
                int old = x->depth;
                cli_open(x, tag, NULL);
                sh_buf_puts(x->b, ">\n");
                x->level++;
                x->depth = depth - 1;
                x->object = v;
                sh_properties(x->sh, v, cli_property, x);
                x->depth = old;
                x->level--;
                blanks(x->b, x->level);
                sh_buf_putf(x->b, "</%s>\n", tag);
        }
        x->level--;
        blanks(x->b, x->level);
        sh_buf_puts(x->b, "</Obj>\n");
}
static void cli_write(struct sh_cmd *c, struct sv list, struct sh_buf *b)
{
        struct cli x = { .sh = sh_session(c), .b = b, .depth = (int)sh_arg_int(c, "Depth", 2), .level = 1 };
        sh_buf_puts(b,
                    "<Objs Version=\"1.1.0.1\" xmlns=\"http://schemas.microsoft.com/powershell/2004/04\">\n");
        for (uint32_t i = 0; list.kind == SH_ARRAY && i < list.a->n; i++)
                cli_value(&x, NULL, list.a->v[i], x.depth);
        sh_buf_puts(b, "</Objs>");
}

/* ---- CliXml: reading ---- */
struct reading {
        struct sh *sh;
        struct sv types; /* by RefId: array of names */
        struct sv objects;
};
static struct sv content(xmlNode *n)
{
        xmlChar *s = SH_XML(xmlNodeGetContent)(n);
        struct sh_buf b = { 0 };
        unsigned v;
        for (const char *p = s ? (const char *)s : ""; *p; p++)
                if (p[0] == '_' && p[1] == 'x' && strlen(p) >= 7 && p[6] == '_' &&
                    sscanf(p + 2, "%4x", &v) == 1) {
                        sh_buf_cp(&b, v);
                        p += 6;
                } else {
                        sh_buf_put(&b, p, 1);
                }
        struct sv r = sh_buf_take(&b);
        sh_buf_free(&b);
        free(s);
        return r;
}
static bool is_tag(const xmlNode *n, const char *tag)
{
        return n->type == XML_ELEMENT_NODE && !strcmp((const char *)n->name, tag);
}
static struct sv attribute(xmlNode *n, const char *name)
{
        xmlChar *s = SH_XML(xmlGetProp)(n, (const xmlChar *)name);
        struct sv r = s ? sh_text((const char *)s) : SH_NIL;
        free(s);
        return r;
}
static struct sv read_span(const char *s)
{
        long long d = 0, h = 0, m = 0;
        double sec = 0;
        bool negative = *s == '-', time = false;
        for (s += negative + 1; *s;) {
                char *end;
                if (*s == 'T') {
                        time = true;
                        s++;
                        continue;
                }
                double v = strtod(s, &end);
                if (end == s)
                        break;
                switch (*end) {
                case 'D': d = (long long)v; break;
                case 'H': h = (long long)v; break;
                case 'M': m = time ? (long long)v : m; break;
                default: sec = v;
                }
                s = end + (*end != 0);
        }
        int64_t ticks = ((d * 24 + h) * 60 + m) * 60 * SH_TICKS_SECOND +
                        (int64_t)(sec * (double)SH_TICKS_SECOND + 0.5);
        return sh_span(negative ? -ticks : ticks);
}
static struct sv read_node(struct reading *r, xmlNode *n, int depth);
static struct sv read_scalar(struct reading *r, xmlNode *n)
{
        struct sv t = content(n), v = SH_NIL;
        const struct sh_type *want = is_tag(n, "G")         ? &sh_type_guid
                                     : is_tag(n, "Version") ? &sh_type_version
                                                            : NULL;
        for (size_t i = 0; !want && i < sizeof(tags) / sizeof(*tags); i++)
                if (is_tag(n, tags[i].tag) && tags[i].kind != SH_STRING && tags[i].kind != SH_BLOCK)
                        want = sh_kind_type((enum sh_kind)tags[i].kind);
        if (is_tag(n, "Nil")) {
                sh_drop(t);
                return SH_NIL;
        }
        if (is_tag(n, "SS")) {
                struct sh_buf raw = { 0 }, text = { 0 };
                unsigned byte;
                for (uint32_t i = 0; i + 1 < t.s->len && sscanf(t.s->s + i, "%2x", &byte) == 1; i += 2)
                        sh_buf_put(&raw, (char[]) { (char)byte }, 1);
                sh_decode(SH_ENC_UTF16, raw.p ? raw.p : "", raw.n, &text);
                v = sh_secure_new(text.p ? text.p : "", text.n);
                sh_buf_free(&raw);
                sh_buf_free(&text);
        } else if (want == &sh_type_bool) {
                v = sh_bool(!strcmp(t.s->s, "true"));
        } else if (want == &sh_type_timespan) {
                v = read_span(t.s->s);
        } else if (want == &sh_type_char) {
                v = sh_char((uint16_t)atoi(t.s->s));
        } else if (!want || !sh_try_convert(r->sh, t, want, &v)) {
                return t;
        }
        sh_drop(t);
        return v;
}
static void read_types(struct reading *r, xmlNode *n, struct sv *ret_names)
{
        struct sv id = attribute(n, "RefId"), list;
        if (is_tag(n, "TNRef")) {
                *ret_names = sh_hash_get(r->types.h, id, &list) ? sh_keep(list) : SH_NIL;
        } else {
                list = sh_array_new(4);
                for (xmlNode *t = n->children; t; t = t->next)
                        if (is_tag(t, "T"))
                                sh_array_take(list.a, content(t));
                if (!sh_is_null(id))
                        sh_hash_set(r->types.h, id, list);
                *ret_names = list;
        }
        sh_drop(id);
}
static void read_members(struct reading *r, xmlNode *n, struct sv o, int depth)
{
        for (xmlNode *m = n->children; m; m = m->next) {
                struct sv name = m->type == XML_ELEMENT_NODE ? attribute(m, "N") : SH_NIL;
                if (sh_is_null(name))
                        continue;
                struct sv v = read_node(r, m, depth + 1);
                sh_object_set(o, name.s->s, name.s->len, v);
                sh_drop(v);
                sh_drop(name);
        }
}
static struct sv read_items(struct reading *r, xmlNode *n, bool ordered, int depth)
{
        if (is_tag(n, "DCT")) {
                struct sv h = sh_hash_new(ordered);
                for (xmlNode *en = n->children; en; en = en->next) {
                        struct sv pair = sh_object_new(), k, v;
                        if (en->type == XML_ELEMENT_NODE)
                                read_members(r, en, pair, depth);
                        if (sh_object_note(pair, "Key", 3, &k) && sh_object_note(pair, "Value", 5, &v) &&
                            !sh_is_null(k))
                                sh_hash_set(h.h, k, v);
                        sh_drop(pair);
                }
                return h;
        }
        struct sv list = sh_array_new(8);
        for (xmlNode *i = n->children; i; i = i->next)
                if (i->type == XML_ELEMENT_NODE)
                        sh_array_take(list.a, read_node(r, i, depth + 1));
        return list;
}
/* The type names of an object that was something else when it was written begin with "Deserialized.". */
static void give_types(struct sv o, struct sv names)
{
        struct sh_bag *bag = names.kind == SH_ARRAY && names.a->n ? sh_bag_of(o, true) : NULL;
        if (!bag)
                return;
        bag->types = calloc(names.a->n, sizeof(*bag->types));
        if (!bag->types)
                abort();
        for (uint32_t i = 0; i < names.a->n; i++)
                bag->types[bag->ntypes++] = sh_printf("Deserialized.%s", names.a->v[i].s->s);
}
static struct sv read_node(struct reading *r, xmlNode *n, int depth)
{
        if (depth > 100)
                return SH_NIL;
        if (is_tag(n, "Ref")) {
                struct sv id = attribute(n, "RefId"), v;
                bool found = sh_hash_get(r->objects.h, id, &v);
                sh_drop(id);
                return found ? sh_keep(v) : SH_NIL;
        }
        if (!is_tag(n, "Obj"))
                return read_scalar(r, n);
        struct sv names = SH_NIL, value = SH_NOTHING, text = SH_NIL, o = sh_object_new();
        bool members = false;
        for (xmlNode *c = n->children; c; c = c->next) {
                if (is_tag(c, "TN") || is_tag(c, "TNRef")) {
                        sh_drop(names);
                        read_types(r, c, &names);
                } else if (is_tag(c, "ToString")) {
                        sh_drop(text);
                        text = content(c);
                } else if (is_tag(c, "MS") || is_tag(c, "Props")) {
                        members = true;
                        read_members(r, c, o, depth);
                } else if (c->type == XML_ELEMENT_NODE && value.kind == SH_VOID) {
                        bool ordered =
                                names.kind == SH_ARRAY && names.a->n && strstr(names.a->v[0].s->s, "Ordered");
                        bool items = is_tag(c, "LST") || is_tag(c, "IE") || is_tag(c, "DCT") ||
                                     is_tag(c, "QUE") || is_tag(c, "STK");
                        value = items ? read_items(r, c, ordered, depth) : read_node(r, c, depth + 1);
                }
        }
        struct sv result = value.kind == SH_VOID || members ? sh_keep(o) : sh_keep(value);
        if (text.kind == SH_STRING && value.kind == SH_INT32) { /* an enumeration: by its name */
                sh_drop(result);
                result = sh_keep(text);
        }
        if (result.kind == SH_PSOBJECT)
                give_types(result, names);
        struct sv id = attribute(n, "RefId");
        if (!sh_is_null(id))
                sh_hash_set(r->objects.h, id, result);
        sh_drop(id);
        sh_drop(names);
        sh_drop(value);
        sh_drop(text);
        sh_drop(o);
        return result;
}
static int cli_read(struct sh_cmd *c, const char *s, size_t n, const char *where)
{
        char why[300];
        struct sv d, document;
        if (!sh_xml_parse(s, n, &d, why))
                return sh_cmd_throw(c, "XmlException", "NotSpecified", SH_NIL, "%s: %s", where, why);
        struct reading r = { sh_session(c), sh_hash_new(false), sh_hash_new(false) };
        xmlNode *root = SH_XML(xmlDocGetRootElement)((xmlDoc *)sh_xml_node(d, &document));
        int st = root && is_tag(root, "Objs")
                         ? SH_OK
                         : sh_cmd_throw(c, "XmlException", "NotSpecified", SH_NIL,
                                        "%s: 'Objs' is wanted as the outermost element.", where);
        int64_t skip = sh_arg_int(c, "Skip", 0), left = sh_arg_int(c, "First", INT64_MAX);
        for (xmlNode *o = st == SH_OK ? root->children : NULL; o && st == SH_OK && left > 0; o = o->next) {
                if (o->type != XML_ELEMENT_NODE)
                        continue;
                struct sv v = read_node(&r, o, 0);
                if (skip > 0)
                        skip--;
                else {
                        left--;
                        st = sh_emit(c, v);
                }
                sh_drop(v);
        }
        sh_drop(r.types);
        sh_drop(r.objects);
        sh_drop(d);
        return st;
}

/* ---- the four cmdlets ---- */
static int export_end(struct sh_cmd *c)
{
        struct holding *h = sh_state(c);
        struct sh_buf b = { 0 };
        struct sh_text_file *f = NULL;
        struct sh_open o = { .no_clobber = sh_switch(c, "NoClobber"), .force = sh_switch(c, "Force") };
        char *path = NULL;
        bool literal = sh_bound(c, "LiteralPath"), go;
        int st = sh_encoding_of(c, "Encoding", &o.encoding);
        if (st == SH_OK)
                st = sh_path_single(c, sh_arg_text(c, literal ? "LiteralPath" : "Path", ""), literal, &path);
        if (st == SH_OK && (st = sh_should_process(c, path, "Export-Clixml", &go)) == SH_OK && go) {
                cli_write(c, h->list, &b);
                st = sh_text_open(c, path, &o, &f);
                if (st == SH_OK)
                        st = sh_text_write(c, f, b.p, b.n);
                int closed = sh_text_close(c, f);
                st = st == SH_OK ? closed : st;
        }
        free(path);
        sh_buf_free(&b);
        return st == SH_NONE ? SH_OK : st;
}
static int import_one(struct sh_cmd *c, const char *path)
{
        struct sh_buf b = { 0 };
        int st = sh_file_text(c, path, true, SH_ENC_UTF8, &b);
        if (st == SH_OK)
                st = cli_read(c, b.p ? b.p : "", b.n, path);
        sh_buf_free(&b);
        return st == SH_NONE ? SH_OK : st;
}
static int import_process(struct sh_cmd *c, struct sv input)
{
        (void)input;
        return sh_for_paths(c, import_one);
}
static int to_clixml_end(struct sh_cmd *c)
{
        struct holding *h = sh_state(c);
        struct sh_buf b = { 0 };
        cli_write(c, h->list, &b);
        int st = emit_owned(c, sh_buf_take(&b));
        sh_buf_free(&b);
        return st;
}
static int from_clixml_process(struct sh_cmd *c, struct sv input)
{
        struct sv t = sh_to_text(sh_session(c), sh_input(c, input));
        int st = t.s->len ? cli_read(c, t.s->s, t.s->len, "InputObject") : SH_OK;
        sh_drop(t);
        return st;
}
static const struct sh_cmdlet export_clixml = {
        .name = "Export-Clixml",
        .alias = (const char *[]) { "epcx", NULL },
        .synopsis = "Writes objects to a file so that Import-Clixml makes them again.",
        .default_set = "ByPath",
        .should_process = true,
        .state_size = sizeof(struct holding),
        .process = hold,
        .end = export_end,
        .clean = let_go,
        .params =
                (const struct sh_param[]) {
                        { "Path", .type = "string", .position = 1, .mandatory = true, .sets = "ByPath",
                          .complete = "path", .help = "The file." },
                        { "LiteralPath", .type = "string", .alias = "PSPath,LP", .mandatory = true,
                          .sets = "ByLiteralPath", .help = "The file by its exact name." },
                        { "InputObject", .from_pipeline = true, .mandatory = true, .allow_null = true,
                          .help = "The objects." },
                        { "Depth", .type = "int", .min = 1, .max = 100,
                          .help = "How many levels; 2 when not given." },
                        { "Encoding", .type = "object", .help = "utf8 when not given." },
                        { "Force", .type = "switch", .help = "Also over a read-only file." },
                        { "NoClobber", .type = "switch", .alias = "NoOverwrite",
                          .help = "Does not overwrite." },
                        { 0 } },
        .examples =
                (const struct sh_example[]) {
                        { "@{ a = 1 } | Export-Clixml f.xml; (Import-Clixml f.xml).a", "1",
                          "A table there and back." },
                        { "Get-Date '2024-02-03' | Export-Clixml d.xml; (Import-Clixml d.xml).Year", "2024",
                          "Types stay." },
                        { 0 } },
};
static const struct sh_cmdlet import_clixml = {
        .name = "Import-Clixml",
        .alias = (const char *[]) { "ipcx", NULL },
        .synopsis = "Makes the objects that Export-Clixml wrote.",
        .default_set = "Path",
        .process = import_process,
        .params = (const struct sh_param[]) { { "Path", .type = "string[]", .position = 1, .mandatory = true,
                                                .from_pipeline = true, .from_property = true, .sets = "Path",
                                                .wildcard = true, .complete = "path", .help = "The files." },
                                              { "LiteralPath", .type = "string[]", .alias = "PSPath,LP",
                                                .mandatory = true, .sets = "LiteralPath",
                                                .help = "The files by their exact names." },
                                              { "First", .type = "long", .help = "Only the first objects." },
                                              { "Skip", .type = "long", .help = "Leaves out this many." },
                                              { 0 } },
        .examples =
                (const struct sh_example[]) { { "1, 'two' | Export-Clixml f.xml; Import-Clixml f.xml",
                                                "1\ntwo", "What was written." },
                                              { "1..9 | Export-Clixml f.xml; Import-Clixml f.xml -First 2",
                                                "1\n2", "The first ones." },
                                              { 0 } },
};
static const struct sh_cmdlet convertto_clixml = {
        .name = "ConvertTo-CliXml",
        .synopsis = "Writes objects as the text that Export-Clixml writes.",
        .state_size = sizeof(struct holding),
        .process = hold,
        .end = to_clixml_end,
        .clean = let_go,
        .params =
                (const struct sh_param[]) { { "InputObject", .position = 1, .from_pipeline = true,
                                              .mandatory = true, .allow_null = true, .help = "The objects." },
                                            { "Depth", .type = "int", .min = 1, .max = 100,
                                              .help = "How many levels; 2 when not given." },
                                            { 0 } },
        .examples =
                (const struct sh_example[]) {
                        { "5 | ConvertTo-CliXml",
                          "<Objs Version=\"1.1.0.1\" "
                          "xmlns=\"http://schemas.microsoft.com/powershell/2004/04\">\n  "
                          "<I32>5</I32>\n</Objs>",
                          "A number." },
                        { "([timespan]'01:00' | ConvertTo-CliXml | ConvertFrom-CliXml).TotalMinutes", "60",
                          "There and back." },
                        { 0 } },
};
static const struct sh_cmdlet convertfrom_clixml = {
        .name = "ConvertFrom-CliXml",
        .synopsis = "Makes objects of the text that ConvertTo-CliXml wrote.",
        .process = from_clixml_process,
        .params =
                (const struct sh_param[]) { { "InputObject", .type = "string", .position = 1,
                                              .from_pipeline = true, .mandatory = true, .help = "The text." },
                                            { 0 } },
        .examples =
                (const struct sh_example[]) {
                        { "([pscustomobject]@{ a = 1, 2 } | ConvertTo-CliXml | ConvertFrom-CliXml).a.Count",
                          "2", "An object." },
                        { "'x' | ConvertTo-CliXml | ConvertFrom-CliXml", "x", "A text." },
                        { 0 } },
};

SH_CMDLETS(xml, &select_xml, &convertto_xml, &export_clixml, &import_clixml, &convertto_clixml,
           &convertfrom_clixml);
