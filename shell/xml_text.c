/* SPDX-License-Identifier: MIT
 *
 * Reading text into libxml2's tree; writing nodes as .NET writes them: "<a />" for an empty element, two blanks a level
 * when indented.
 */
#include "shell/xml.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- reading ---- */
/* Text is read as UTF-8 whatever its declaration says, but the declaration stays as it is. */
static void said_encoding(xmlDoc *d, const char *s, size_t n)
{
        const char *end = n ? memmem(s, n, "?>", 2) : NULL,
                   *at = end ? memmem(s, (size_t)(end - s), "encoding=", 9) : NULL;
        free((void *)(uintptr_t)d->encoding);
        d->encoding = NULL;
        if (at && end - at > 11) {
                const char *close = memchr(at + 10, at[9], (size_t)(end - at - 10));
                if (close)
                        d->encoding = SH_XML(xmlStrndup)((const xmlChar *)at + 10, (int)(close - at - 10));
        }
}
bool sh_xml_read(const char *s, size_t n, xmlDoc **ret, bool *ret_declared, char why[300])
{
        while (n && (*s == ' ' || *s == '\n' || *s == '\r' || *s == '\t'))
                s++, n--;
        if (n >= 3 && !memcmp(s, "\xEF\xBB\xBF", 3))
                s += 3, n -= 3;
        SH_XML(xmlResetLastError)();
        xmlDoc *d = n && n < INT32_MAX
                            ? SH_XML(xmlReadMemory)(s, (int)n, NULL, "UTF-8",
                                                    XML_PARSE_NONET | XML_PARSE_NOBLANKS | XML_PARSE_NOERROR |
                                                            XML_PARSE_NOWARNING | XML_PARSE_COMPACT)
                            : NULL;
        if (d) {
                *ret = d;
                *ret_declared = n > 5 && !memcmp(s, "<?xml", 5);
                said_encoding(d, s, *ret_declared ? n : 0);
                return true;
        }
        const xmlError *e = SH_XML(xmlGetLastError)();
        const char *text = !n                ? "Root element is missing."
                           : e && e->message ? e->message
                                             : "the text is not XML";
        size_t k = strcspn(text, "\n");
        if (e && n)
                snprintf(why, 300, "%.*s. Line %d, position %d.", (int)(k > 200 ? 200 : k), text, e->line,
                         e->int2);
        else
                snprintf(why, 300, "%s", text);
        return false;
}

/* ---- writing ---- */

void sh_xml_escape(struct sh_buf *b, const char *s, size_t n, bool attribute)
{
        for (size_t i = 0; i < n; i++) {
                switch (s[i]) {
                case '&': sh_buf_puts(b, "&amp;"); break;
                case '<': sh_buf_puts(b, "&lt;"); break;
                case '>': sh_buf_puts(b, "&gt;"); break;
                case '"': sh_buf_puts(b, attribute ? "&quot;" : "\""); break;
                case '\n': sh_buf_puts(b, attribute ? "&#xA;" : "\n"); break;
                case '\r': sh_buf_puts(b, attribute ? "&#xD;" : "\r"); break;
                default: sh_buf_put(b, s + i, 1);
                }
        }
}

static void text_of(struct sh_buf *b, const xmlNode *n, bool attribute)
{
        xmlChar *s = SH_XML(xmlNodeGetContent)((xmlNode *)(uintptr_t)n);
        if (s)
                sh_xml_escape(b, (const char *)s, strlen((const char *)s), attribute);
        free(s);
}

static void name_of(struct sh_buf *b, const xmlNode *n)
{
        if (n->ns && n->ns->prefix)
                sh_buf_putf(b, "%s:", n->ns->prefix);
        sh_buf_puts(b, (const char *)n->name);
}

static void attributes(struct sh_buf *b, const xmlNode *n)
{
        for (const xmlNs *ns = n->nsDef; ns; ns = ns->next) {
                sh_buf_putf(b, ns->prefix ? " xmlns:%s=\"" : " xmlns%s=\"",
                            ns->prefix ? (const char *)ns->prefix : "");
                sh_xml_escape(b, (const char *)ns->href, strlen((const char *)ns->href), true);
                sh_buf_puts(b, "\"");
        }
        for (const xmlAttr *a = n->properties; a; a = a->next) {
                sh_buf_puts(b, " ");
                name_of(b, (const xmlNode *)a);
                sh_buf_puts(b, "=\"");
                text_of(b, (const xmlNode *)a, true);
                sh_buf_puts(b, "\"");
        }
}

static void new_line(struct sh_buf *b, int indent)
{
        if (indent < 0)
                return;
        if (b->n)
                sh_buf_puts(b, "\n");
        for (int i = 0; i < indent; i++)
                sh_buf_puts(b, "  ");
}

static bool has_text(const xmlNode *n)
{
        for (const xmlNode *c = n->children; c; c = c->next)
                if (c->type == XML_TEXT_NODE || c->type == XML_CDATA_SECTION_NODE ||
                    c->type == XML_ENTITY_REF_NODE)
                        return true;
        return false;
}

static void element(struct sh_buf *b, const xmlNode *n, int indent)
{
        int inner = indent < 0 || has_text(n) ? -1 : indent + 1;
        sh_buf_puts(b, "<");
        name_of(b, n);
        attributes(b, n);
        if (!n->children) {
                sh_buf_puts(b, " />");
                return;
        }
        sh_buf_puts(b, ">");
        for (const xmlNode *c = n->children; c; c = c->next) {
                new_line(b, inner);
                sh_xml_write(b, c, inner);
        }
        if (inner >= 0)
                new_line(b, indent);
        sh_buf_puts(b, "</");
        name_of(b, n);
        sh_buf_puts(b, ">");
}

void sh_xml_write(struct sh_buf *b, const xmlNode *n, int indent)
{
        switch (n->type) {
        case XML_ELEMENT_NODE: element(b, n, indent); break;
        case XML_ATTRIBUTE_NODE:
                name_of(b, n);
                sh_buf_puts(b, "=\"");
                text_of(b, n, true);
                sh_buf_puts(b, "\"");
                break;
        case XML_COMMENT_NODE: sh_buf_putf(b, "<!--%s-->", n->content ? (const char *)n->content : ""); break;
        case XML_CDATA_SECTION_NODE:
                sh_buf_putf(b, "<![CDATA[%s]]>", n->content ? (const char *)n->content : "");
                break;
        case XML_PI_NODE:
                sh_buf_putf(b, "<?%s%s%s?>", n->name, n->content ? " " : "",
                            n->content ? (const char *)n->content : "");
                break;
        case XML_DTD_NODE: break;
        default: text_of(b, n, false);
        }
}
