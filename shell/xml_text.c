/* SPDX-License-Identifier: MIT
 *
 * Writing nodes as .NET writes them: "<a />" for an empty element, two blanks a level when indented.
 */
#include "shell/xml.h"

#include <string.h>

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
