/* SPDX-License-Identifier: MIT
 *
 * [xml]: nodes of libxml2's tree as .NET's classes. Attributes and children are properties by their local names; a
 * child of text alone is its text, several of one name are an array. No entities from elsewhere, nothing is fetched.
 */
#include "shell/xml.h"
#include "shell/code.h"
#include "shell/dotnet.h"
#include "shell/files.h"
#include "shell/types.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

struct document {
        struct sh_obj obj;
        xmlDoc *doc;
        bool declared;   /* begins with <?xml ...?> */
        xmlNode **loose; /* nodes made or taken out: freed with the document when they are in no tree */
        uint32_t nloose, cap;
};
struct xml_node {
        struct sh_obj obj;
        struct sv document;
        xmlNode *n;
};
static const struct sh_type document_type, node_type, element_type, attribute_type, text_type, comment_type,
        cdata_type, instruction_type, declaration_type, names_type;

bool sh_xml_available(void)
{
        return SH_XML(xmlReadMemory) && SH_XML(xmlXPathEvalExpression);
}
static struct document *document_of(struct sv v)
{
        return (struct document *)v.o;
}
static bool is_document(struct sv v)
{
        return v.kind == SH_OTHER && v.o->type == &document_type;
}
static bool is_declaration(struct sv v)
{
        return v.kind == SH_OTHER && v.o->type == &declaration_type;
}
xmlNode *sh_xml_node(struct sv v, struct sv *ret)
{
        v = sh_unwrap(v);
        if (is_document(v)) {
                *ret = v;
                return (xmlNode *)document_of(v)->doc;
        }
        if (v.kind != SH_OTHER || !sh_type_is(v.o->type, &node_type))
                return NULL;
        *ret = ((struct xml_node *)v.o)->document;
        return ((struct xml_node *)v.o)->n;
}
static xmlNode *node_of(struct sv v)
{
        struct sv d;
        return sh_xml_node(v, &d);
}
static struct sv owner(struct sv v)
{
        return is_document(v) ? v : ((struct xml_node *)v.o)->document;
}
struct sv sh_xml_value(struct sv document, xmlNode *n)
{
        if (!n)
                return SH_NIL;
        if (n == (xmlNode *)document_of(document)->doc)
                return sh_keep(document);
        const struct sh_type *t = n->type == XML_ELEMENT_NODE         ? &element_type
                                  : n->type == XML_ATTRIBUTE_NODE     ? &attribute_type
                                  : n->type == XML_COMMENT_NODE       ? &comment_type
                                  : n->type == XML_CDATA_SECTION_NODE ? &cdata_type
                                  : n->type == XML_PI_NODE            ? &instruction_type
                                                                      : &text_type;
        struct sv r = sh_other_new(t, sizeof(struct xml_node));
        ((struct xml_node *)r.o)->document = sh_keep(document);
        ((struct xml_node *)r.o)->n = n;
        return r;
}
static struct sv declaration_value(struct sv document)
{
        struct sv r = sh_other_new(&declaration_type, sizeof(struct xml_node));
        ((struct xml_node *)r.o)->document = sh_keep(document);
        return r;
}
static struct sv document_new(xmlDoc *d)
{
        struct sv r = sh_other_new(&document_type, sizeof(struct document));
        document_of(r)->doc = d;
        return r;
}
/* A node that is in no tree (yet): the document ends it. */
static void keep_loose(struct sv document, xmlNode *n)
{
        struct document *d = document_of(document);
        for (uint32_t i = 0; i < d->nloose; i++)
                if (d->loose[i] == n)
                        return;
        if (d->nloose == d->cap) {
                d->cap = d->cap ? 2 * d->cap : 8;
                d->loose = realloc(d->loose, d->cap * sizeof(*d->loose));
                if (!d->loose)
                        abort();
        }
        d->loose[d->nloose++] = n;
}
static void document_clear(struct document *d)
{
        for (uint32_t i = 0; i < d->nloose; i++)
                if (!d->loose[i]->parent) {
                        if (d->loose[i]->type == XML_ATTRIBUTE_NODE)
                                SH_XML(xmlFreeProp)((xmlAttr *)d->loose[i]);
                        else
                                SH_XML(xmlFreeNode)(d->loose[i]);
                }
        free(d->loose);
        d->loose = NULL;
        d->nloose = d->cap = 0;
        if (d->doc)
                SH_XML(xmlFreeDoc)(d->doc);
        d->doc = NULL;
}
static void document_free(struct sh_obj *o)
{
        document_clear((struct document *)o);
}
static void node_free(struct sh_obj *o)
{
        sh_drop(((struct xml_node *)o)->document);
}

/* ---- parsing ---- */
bool sh_xml_parse(const char *s, size_t n, struct sv *ret, char why[300])
{
        xmlDoc *d;
        bool declared;
        if (!sh_xml_available())
                return snprintf(why, 300, "libxml2.so.2 (package libxml2) cannot be loaded"), false;
        if (!sh_xml_read(s, n, &d, &declared, why))
                return false;
        *ret = document_new(d);
        document_of(*ret)->declared = declared;
        return true;
}
static int document_convert(struct sh *sh, const struct sh_type *t, struct sv from, struct sv *ret)
{
        struct sv base = sh_unwrap(from), item;
        struct sh_buf b = { 0 };
        char why[300];
        size_t pos = 0;
        if (is_document(base)) {
                *ret = sh_keep(base);
                return SH_OK;
        }
        if (base.kind == SH_STRING)
                sh_buf_put(&b, base.s->s, base.s->len);
        else if (base.kind == SH_ARRAY)
                while (sh_next(base, &pos, &item)) { /* the lines of a file */
                        sh_buf_value(sh, &b, item);
                        sh_buf_puts(&b, "\n");
                        sh_drop(item);
                }
        else
                return SH_NONE;
        int st = SH_OK;
        if (!sh_xml_parse(b.p ? b.p : "", b.n, ret, why)) {
                struct sv text = sh_string(b.p ? b.p : "", b.n);
                st = sh_throw_cast(sh, "InvalidCastToXmlDocument", text, t, "%s", why);
                sh_drop(text);
        }
        sh_buf_free(&b);
        return st;
}
static int document_construct(struct sh *sh, const struct sh_type *t, struct sh_args a, struct sv *ret)
{
        (void)t;
        if (a.n)
                return SH_NONE;
        if (!sh_xml_available())
                return sh_throw(sh, "LibraryNotAvailable", "ResourceUnavailable", SH_NIL,
                                "XML is not available: libxml2.so.2 (package libxml2) cannot be loaded.");
        *ret = document_new(SH_XML(xmlNewDoc)((const xmlChar *)"1.0"));
        return SH_OK;
}

/* ---- what a node is called and holds ---- */
static struct sv content_of(const xmlNode *n)
{
        xmlChar *s = SH_XML(xmlNodeGetContent)((xmlNode *)(uintptr_t)n);
        struct sv r = sh_text(s ? (const char *)s : "");
        free(s);
        return r;
}
static const char *local_name(const xmlNode *n)
{
        switch (n->type) {
        case XML_TEXT_NODE: return "#text";
        case XML_COMMENT_NODE: return "#comment";
        case XML_CDATA_SECTION_NODE: return "#cdata-section";
        case XML_DOCUMENT_NODE: return "#document";
        default: return n->name ? (const char *)n->name : "";
        }
}
static void put_declaration(struct sh_buf *b, struct sv document, bool brackets)
{
        xmlDoc *d = document_of(document)->doc;
        if (brackets)
                sh_buf_puts(b, "<?xml ");
        sh_buf_putf(b, "version=\"%s\"", d->version ? (const char *)d->version : "1.0");
        if (d->encoding)
                sh_buf_putf(b, " encoding=\"%s\"", d->encoding);
        if (d->standalone == 0 || d->standalone == 1)
                sh_buf_putf(b, " standalone=\"%s\"", d->standalone ? "yes" : "no");
        if (brackets)
                sh_buf_puts(b, "?>");
}
void sh_xml_write_document(struct sh_buf *b, struct sv document, bool indent)
{
        struct document *d = document_of(document);
        if (d->declared)
                put_declaration(b, document, true);
        for (xmlNode *n = d->doc->children; n; n = n->next) {
                if (indent && b->n)
                        sh_buf_puts(b, "\n");
                sh_xml_write(b, n, indent ? 0 : -1);
        }
}
/* A node as PowerShell shows it: elements of text alone are the text. */
static struct sv shown(struct sv document, xmlNode *n)
{
        if (n->type == XML_TEXT_NODE || n->type == XML_ATTRIBUTE_NODE || n->type == XML_COMMENT_NODE ||
            n->type == XML_CDATA_SECTION_NODE)
                return content_of(n);
        if (n->properties || n->nsDef)
                return sh_xml_value(document, n);
        if (!n->children || (!n->children->next && n->children->type == XML_TEXT_NODE))
                return content_of(n);
        return sh_xml_value(document, n);
}
static bool named(const xmlNode *n, const char *name, size_t len)
{
        const char *own = local_name(n);
        return strlen(own) == len && sh_text_same(own, len, name, len);
}
/* Attributes, then children of that name; `each` false ends it. */
static void matches(xmlNode *n, const char *name, size_t len, bool (*each)(void *, xmlNode *), void *state)
{
        if (n->type == XML_ELEMENT_NODE)
                for (xmlAttr *a = n->properties; a; a = a->next)
                        if (named((xmlNode *)a, name, len) && !each(state, (xmlNode *)a))
                                return;
        if (n->type != XML_ATTRIBUTE_NODE)
                for (xmlNode *c = n->children; c; c = c->next)
                        if (named(c, name, len) && !each(state, c))
                                return;
}
struct found {
        struct sv document, value; /* value: nothing, one, or an array */
        bool several;
        xmlNode *first;
};
static bool add_found(void *state, xmlNode *n)
{
        struct found *f = state;
        struct sv v = shown(f->document, n);
        if (!f->first) {
                f->first = n;
                f->value = v;
                return true;
        }
        if (!f->several) {
                struct sv list = sh_array_new(4);
                sh_array_take(list.a, f->value);
                f->value = list;
                f->several = true;
        }
        sh_array_take(f->value.a, v);
        return true;
}
static int node_get(struct sh *sh, struct sv self, const char *name, size_t n, struct sv *ret)
{
        (void)sh;
        struct sv document;
        xmlNode *x = sh_xml_node(self, &document);
        struct found f = { .document = document };
        if (is_document(self) && document_of(self)->declared && n == 3 && sh_text_same(name, 3, "xml", 3)) {
                struct sh_buf b = { 0 };
                put_declaration(&b, self, false);
                *ret = sh_buf_take(&b);
                sh_buf_free(&b);
                return SH_OK;
        }
        if (x)
                matches(x, name, n, add_found, &f);
        *ret = f.value;
        return f.first ? SH_OK : SH_NONE;
}
static bool first_found(void *state, xmlNode *n)
{
        *(xmlNode **)state = n;
        return false;
}
static void set_content(xmlNode *n, const char *text)
{
        xmlChar *safe = SH_XML(xmlEncodeSpecialChars)(n->doc, (const xmlChar *)text);
        SH_XML(xmlNodeSetContent)
        (n, n->type == XML_ELEMENT_NODE || n->type == XML_ATTRIBUTE_NODE ? safe : (const xmlChar *)text);
        free(safe);
}
static int node_put(struct sh *sh, struct sv self, const char *name, size_t n, struct sv value)
{
        xmlNode *x = node_of(self), *at = NULL;
        if (x)
                matches(x, name, n, first_found, &at);
        if (!at)
                return SH_NONE;
        struct sv t = sh_to_text(sh, value);
        set_content(at, t.s->s);
        sh_drop(t);
        return SH_OK;
}
static int node_list(struct sh *sh, struct sv self, void (*each)(void *, const char *, size_t), void *data)
{
        (void)sh;
        xmlNode *x = node_of(self);
        if (is_document(self) && document_of(self)->declared)
                each(data, "xml", 3);
        if (!x || x->type == XML_ATTRIBUTE_NODE)
                return SH_OK;
        if (x->type == XML_ELEMENT_NODE)
                for (xmlAttr *a = x->properties; a; a = a->next)
                        each(data, (const char *)a->name, strlen((const char *)a->name));
        for (xmlNode *c = x->children; c; c = c->next) {
                const char *name = local_name(c);
                bool before = false;
                for (xmlNode *p = x->children; p != c && !before; p = p->next)
                        before = named(p, name, strlen(name));
                if (!before)
                        each(data, name, strlen(name));
        }
        return SH_OK;
}
static void node_text(struct sh *sh, struct sv self, struct sh_buf *b)
{
        (void)sh;
        xmlNode *n = node_of(self);
        sh_buf_puts(b, is_declaration(self) ? "xml" : n ? local_name(n) : "");
}
static bool node_equals(struct sv a, struct sv b)
{
        xmlNode *n = node_of(a);
        return n && n == node_of(b);
}

/* ---- properties ---- */
SH_ENUM_TYPE(type_enum, "System.Xml.XmlNodeType", false, { "None", 0 }, { "Element", 1 }, { "Attribute", 2 },
             { "Text", 3 }, { "CDATA", 4 }, { "EntityReference", 5 }, { "Entity", 6 },
             { "ProcessingInstruction", 7 }, { "Comment", 8 }, { "Document", 9 }, { "DocumentType", 10 },
             { "DocumentFragment", 11 }, { "XmlDeclaration", 17 });
static struct sv qualified(const xmlNode *n)
{
        return (n->type == XML_ELEMENT_NODE || n->type == XML_ATTRIBUTE_NODE) && n->ns && n->ns->prefix
                       ? sh_printf("%s:%s", n->ns->prefix, n->name)
                       : sh_text(local_name(n));
}
static struct sv children_of(struct sv document, const xmlNode *n, bool attributes)
{
        struct sv r = sh_array_new(8);
        if (attributes && n->type == XML_ELEMENT_NODE)
                for (xmlAttr *a = n->properties; a; a = a->next)
                        sh_array_take(r.a, sh_xml_value(document, (xmlNode *)a));
        for (xmlNode *c = attributes || n->type == XML_ATTRIBUTE_NODE ? NULL : n->children; c; c = c->next)
                sh_array_take(r.a, sh_xml_value(document, c));
        return r;
}
static struct sv xml_of(struct sv self, const xmlNode *n, bool outer)
{
        struct sh_buf b = { 0 };
        if (is_document(self))
                sh_xml_write_document(&b, self, false);
        else if (outer)
                sh_xml_write(&b, n, -1);
        else
                for (const xmlNode *c = n->children; c; c = c->next)
                        sh_xml_write(&b, c, -1);
        struct sv r = sh_buf_take(&b);
        sh_buf_free(&b);
        return r;
}
static int node_property(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)a;
        struct sv document = owner(self);
        xmlNode *n = node_of(self);
        struct sh_buf b = { 0 };
        intptr_t what = sh_member_arg(sh);
        if (is_declaration(self)) {
                put_declaration(&b, document, what == 'O');
                *ret = what == 'n' || what == 'l' ? sh_text("xml")
                       : what == 't'              ? sh_enum_value(&type_enum, 17)
                       : strchr("OVI", (int)what) ? sh_string(b.p, b.n)
                                                  : SH_NIL;
                sh_buf_free(&b);
                return SH_OK;
        }
        bool inner = n->type == XML_ELEMENT_NODE || n->type == XML_DOCUMENT_NODE;
        switch (what) {
        case 'n': *ret = qualified(n); break;
        case 'l': *ret = sh_text(local_name(n)); break;
        case 'u':
                *ret = sh_text(!is_document(self) && n->ns && n->ns->href && n->type <= XML_ATTRIBUTE_NODE
                                       ? (const char *)n->ns->href
                                       : "");
                break;
        case 'p':
                *ret = sh_text(n->type <= XML_ATTRIBUTE_NODE && n->ns && n->ns->prefix
                                       ? (const char *)n->ns->prefix
                                       : "");
                break;
        case 't': *ret = sh_enum_value(&type_enum, n->type == XML_DOCUMENT_NODE ? 9 : (int)n->type); break;
        case 'V': *ret = inner ? SH_NIL : content_of(n); break;
        case 'I': *ret = content_of(n); break;
        case 'X':
        case 'O': *ret = xml_of(self, n, what == 'O'); break;
        case 'P': *ret = n->parent ? sh_xml_value(document, n->parent) : SH_NIL; break;
        case 'C': *ret = children_of(document, n, false); break;
        case 'A': *ret = n->type == XML_ELEMENT_NODE ? children_of(document, n, true) : SH_NIL; break;
        case 'F': *ret = inner && n->children ? sh_xml_value(document, n->children) : SH_NIL; break;
        case 'L': *ret = inner && n->last ? sh_xml_value(document, n->last) : SH_NIL; break;
        case 'N':
                *ret = n->next && n->type != XML_ATTRIBUTE_NODE ? sh_xml_value(document, n->next) : SH_NIL;
                break;
        case 'R':
                *ret = n->prev && n->type != XML_ATTRIBUTE_NODE ? sh_xml_value(document, n->prev) : SH_NIL;
                break;
        case 'c': *ret = sh_bool(inner && n->children); break;
        case 'a': *ret = sh_bool(n->type == XML_ELEMENT_NODE && n->properties); break;
        case 'e': *ret = sh_bool(!n->children); break;
        case 'D': *ret = is_document(self) ? SH_NIL : sh_keep(document); break;
        default: *ret = sh_xml_value(document, SH_XML(xmlDocGetRootElement)(document_of(document)->doc));
        }
        return SH_OK;
}
static void detach_children(struct sv document, xmlNode *n)
{
        while (n->children) {
                xmlNode *c = n->children;
                SH_XML(xmlUnlinkNode)(c);
                keep_loose(document, c);
        }
}
static int node_set_text(struct sh *sh, struct sv self, struct sv value)
{
        xmlNode *n = node_of(self);
        struct sv t = sh_to_text(sh, value);
        if (n->type == XML_ELEMENT_NODE) /* others may still hold the children */
                detach_children(owner(self), n);
        set_content(n, t.s->s);
        sh_drop(t);
        return SH_OK;
}
static int node_set_xml(struct sh *sh, struct sv self, struct sv value)
{
        xmlNode *n = node_of(self), *list = NULL;
        struct sv t = sh_to_text(sh, value);
        int st = SH_OK;
        SH_XML(xmlResetLastError)();
        if (n->type != XML_ELEMENT_NODE ||
            SH_XML(xmlParseInNodeContext)(n, t.s->s, (int)t.s->len,
                                          XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING,
                                          &list) != XML_ERR_OK) {
                st = sh_throw_in_method(sh, "System.Xml.XmlException", "InnerXml", 1,
                                        "'%.100s' is not well-formed XML.", t.s->s);
        } else {
                detach_children(owner(self), n);
                SH_XML(xmlAddChildList)(n, list);
        }
        sh_drop(t);
        return st;
}

/* ---- methods ---- */
static int node_attribute(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        intptr_t what = sh_member_arg(sh); /* g get, s set, h has, r remove */
        xmlNode *n = node_of(self);
        if (a.n != (what == 's' ? 2u : 1u) || n->type != XML_ELEMENT_NODE)
                return SH_NONE;
        struct sv name = sh_to_text(sh, a.v[0]);
        const xmlChar *key = (const xmlChar *)name.s->s;
        *ret = SH_NOTHING;
        if (what == 's') {
                struct sv value = sh_to_text(sh, a.v[1]);
                SH_XML(xmlSetProp)(n, key, (const xmlChar *)value.s->s);
                sh_drop(value);
        } else if (what == 'r') {
                xmlAttr *at = SH_XML(xmlHasProp)(n, key);
                if (at) {
                        SH_XML(xmlUnlinkNode)((xmlNode *)at);
                        keep_loose(owner(self), (xmlNode *)at);
                }
        } else if (what == 'h') {
                *ret = sh_bool(SH_XML(xmlHasProp)(n, key) != NULL);
        } else {
                xmlChar *s = SH_XML(xmlGetProp)(n, key);
                *ret = sh_text(s ? (const char *)s : "");
                free(s);
        }
        sh_drop(name);
        return SH_OK;
}
/* The node of an argument as one of this document: of another one it is copied. */
static xmlNode *own_node(struct sv self, struct sv v)
{
        struct sv from;
        xmlNode *n = sh_xml_node(v, &from);
        if (!n || is_document(sh_unwrap(v)))
                return NULL;
        if (from.o == owner(self).o)
                return n;
        xmlNode *copy = SH_XML(xmlDocCopyNode)(n, document_of(owner(self))->doc, 1);
        if (copy)
                keep_loose(owner(self), copy);
        return copy;
}
static bool is_within(const xmlNode *n, const xmlNode *maybe_ancestor)
{
        for (; n; n = n->parent)
                if (n == maybe_ancestor)
                        return true;
        return false;
}
static int node_add(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        intptr_t what = sh_member_arg(sh); /* a append, p prepend, b before, f after, r replace */
        xmlNode *n = node_of(self);
        if (is_declaration(sh_args_at(a, 0))) {
                document_of(owner(self))->declared = true;
                *ret = sh_keep(a.v[0]);
                return SH_OK;
        }
        xmlNode *child = a.n ? own_node(self, a.v[0]) : NULL, *at = a.n > 1 ? node_of(a.v[1]) : NULL;
        if (!child || a.n != 1u + (strchr("bfr", (int)what) != NULL) || child->type == XML_ATTRIBUTE_NODE)
                return SH_NONE;
        if (is_within(n, child))
                return sh_throw_argument(
                        sh, a, "Cannot insert a node or any ancestor of that node as a child of itself.");
        if (at && at->parent != n)
                return sh_throw_argument(sh, a, "The reference node is not a child of this node.");
        SH_XML(xmlUnlinkNode)(child);
        keep_loose(owner(self), child);
        if (what == 'r') {
                SH_XML(xmlReplaceNode)(at, child);
                keep_loose(owner(self), at);
                *ret = sh_xml_value(owner(self), at);
                return SH_OK;
        }
        /* xmlAddChild joins texts that meet: the value then is the text that took it */
        xmlNode *added = what == 'a' || (what == 'p' && !n->children) || !at
                                 ? (what == 'p' && n->children ? SH_XML(xmlAddPrevSibling)(n->children, child)
                                                               : SH_XML(xmlAddChild)(n, child))
                         : what == 'b' ? SH_XML(xmlAddPrevSibling)(at, child)
                                       : SH_XML(xmlAddNextSibling)(at, child);
        if (added != child) { /* freed by libxml2 */
                struct document *d = document_of(owner(self));
                for (uint32_t i = 0; i < d->nloose; i++)
                        if (d->loose[i] == child)
                                d->loose[i--] = d->loose[--d->nloose];
        }
        *ret = sh_xml_value(owner(self), added);
        return SH_OK;
}
static int node_remove(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        xmlNode *n = node_of(self), *child = a.n ? node_of(a.v[0]) : NULL;
        if (sh_member_arg(sh) == 'a') {
                detach_children(owner(self), n);
                *ret = SH_NOTHING;
                return SH_OK;
        }
        if (a.n != 1 || !child)
                return SH_NONE;
        if (child->parent != n)
                return sh_throw_argument(sh, a, "The node to be removed is not a child of this node.");
        SH_XML(xmlUnlinkNode)(child);
        keep_loose(owner(self), child);
        *ret = sh_keep(sh_args_at(a, 0));
        return SH_OK;
}
static int node_clone(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        bool deep = true, import = sh_member_arg(sh) == 'i';
        struct sv source = import ? sh_args_at(a, 0) : self;
        xmlNode *n = node_of(source);
        if (!n || is_document(source) || a.n != 1u + import || !sh_args_bool(sh, a, import, &deep))
                return SH_NONE;
        xmlNode *copy = SH_XML(xmlDocCopyNode)(n, document_of(owner(self))->doc, deep ? 1 : 2);
        if (!copy)
                return SH_NONE;
        keep_loose(owner(self), copy);
        *ret = sh_xml_value(owner(self), copy);
        return SH_OK;
}

/* ---- XPath ---- */
static void silent(void *state, const char *fmt, ...)
{
        (void)state, (void)fmt;
}

int sh_xml_select(struct sh *sh, struct sv node, const char *xpath, struct sv names, struct sv *ret)
{
        struct sv document, k, v;
        xmlNode *n = sh_xml_node(node, &document);
        xmlXPathContext *c = SH_XML(xmlXPathNewContext)(document_of(document)->doc);
        c->node = n;
        names = sh_unwrap(names);
        for (uint32_t i = 0; names.kind == SH_HASH && sh_hash_at(names.h, i, &k, &v); i++) {
                struct sv prefix = sh_to_text(sh, k), uri = sh_to_text(sh, v);
                SH_XML(xmlXPathRegisterNs)(c, (const xmlChar *)prefix.s->s, (const xmlChar *)uri.s->s);
                sh_drop(prefix);
                sh_drop(uri);
        }
        SH_XML(xmlSetGenericErrorFunc)(NULL, silent);
        xmlXPathObject *o = SH_XML(xmlXPathEvalExpression)((const xmlChar *)xpath, c);
        int st = SH_OK;
        if (!o) {
                st = sh_throw_in_method(sh, "System.Xml.XPath.XPathException", "SelectNodes", 1,
                                        "'%.200s' has an invalid token.", xpath);
        } else {
                *ret = sh_array_new(8);
                for (int i = 0; o->nodesetval && i < o->nodesetval->nodeNr; i++)
                        if (o->nodesetval->nodeTab[i]->type != XML_NAMESPACE_DECL)
                                sh_array_take(ret->a, sh_xml_value(document, o->nodesetval->nodeTab[i]));
                SH_XML(xmlXPathFreeObject)(o);
        }
        SH_XML(xmlXPathFreeContext)(c);
        return st;
}
static struct sv names_of(struct sv v)
{
        return v.kind == SH_OTHER && v.o->type == &names_type ? ((struct xml_node *)v.o)->document : v;
}
static int node_select(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        struct sv list;
        if (a.n < 1 || a.n > 2)
                return SH_NONE;
        struct sv path = sh_to_text(sh, a.v[0]);
        int st = sh_xml_select(sh, self, path.s->s, names_of(sh_args_at(a, 1)), &list);
        sh_drop(path);
        if (st != SH_OK)
                return st;
        if (sh_member_arg(sh) == 'n') {
                *ret = list;
        } else {
                *ret = list.a->n ? sh_keep(list.a->v[0]) : SH_NIL;
                sh_drop(list);
        }
        return SH_OK;
}
static int node_by_tag(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        if (a.n != 1)
                return SH_NONE;
        struct sv name = sh_to_text(sh, a.v[0]);
        struct sv path = strcmp(name.s->s, "*")
                                 ? sh_printf(".//*[name()='%s']", strchr(name.s->s, '\'') ? "" : name.s->s)
                                 : sh_text(".//*");
        int st = sh_xml_select(sh, self, path.s->s, SH_NIL, ret);
        sh_drop(path);
        sh_drop(name);
        return st;
}

/* ---- of documents ---- */
static int document_create(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        intptr_t what = sh_member_arg(sh);
        xmlDoc *d = document_of(self)->doc;
        if (a.n < 1 || a.n > 3)
                return SH_NONE;
        struct sv t = sh_to_text(sh, a.v[0]);
        const xmlChar *text = (const xmlChar *)t.s->s;
        xmlNode *n = NULL;
        int st = SH_OK;
        if (what == 'd') {
                struct sv encoding = a.n > 1 ? sh_to_text(sh, a.v[1]) : sh_text("");
                if (encoding.s->len) {
                        free((void *)(uintptr_t)d->encoding);
                        d->encoding = SH_XML(xmlStrdup)((const xmlChar *)encoding.s->s);
                }
                sh_drop(encoding);
                sh_drop(t);
                *ret = declaration_value(self);
                return SH_OK;
        }
        if ((what == 'e' || what == 'a') && SH_XML(xmlValidateQName)(text, 0) != 0)
                st = sh_throw_member(sh, a, "System.Xml.XmlException",
                                     "The name '%.100s' cannot be that of a node.", t.s->s);
        else if (what == 'e')
                n = SH_XML(xmlNewDocNode)(d, NULL, text, NULL);
        else if (what == 'a')
                n = (xmlNode *)SH_XML(xmlNewDocProp)(d, text, (const xmlChar *)"");
        else if (what == 't')
                n = SH_XML(xmlNewDocText)(d, text);
        else if (what == 'c')
                n = SH_XML(xmlNewDocComment)(d, text);
        else
                n = SH_XML(xmlNewCDataBlock)(d, text, (int)t.s->len);
        if (n && what == 'e' && a.n > 1) {
                struct sv uri = sh_to_text(sh, a.v[1]);
                if (uri.s->len)
                        SH_XML(xmlSetNs)(n, SH_XML(xmlNewNs)(n, (const xmlChar *)uri.s->s, NULL));
                sh_drop(uri);
        }
        sh_drop(t);
        if (n) {
                keep_loose(self, n);
                *ret = sh_xml_value(self, n);
        }
        return st == SH_OK && !n ? SH_NONE : st;
}
/* Load(path), LoadXml(text): the document becomes another one; nodes of the old one must not be held. */
static int document_load(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        struct document *d = document_of(self);
        struct sh_buf b = { 0 };
        char why[300], block[65536];
        xmlDoc *doc;
        bool declared, file = sh_member_arg(sh) == 'f';
        *ret = SH_NOTHING;
        if (a.n != 1)
                return SH_NONE;
        if (self.o->refs > 2 && d->doc->children)
                return sh_throw_member(sh, a, "System.InvalidOperationException",
                                       "The document has nodes that are in use; load into a new one.");
        struct sv t = sh_to_text(sh, a.v[0]);
        if (file) {
                char *path = sh_path_full(sh, t.s->s);
                int fd = open(path, O_RDONLY | O_CLOEXEC);
                ssize_t n = -1;
                while (fd >= 0 && (n = read(fd, block, sizeof(block))) > 0)
                        sh_buf_put(&b, block, (size_t)n);
                if (fd >= 0)
                        close(fd);
                int st = n < 0 ? sh_throw_member(sh, a, "System.IO.FileNotFoundException",
                                                 "Could not find file '%s'.", path)
                               : SH_OK;
                free(path);
                if (st != SH_OK) {
                        sh_drop(t);
                        return st;
                }
        } else {
                sh_buf_put(&b, t.s->s, t.s->len);
        }
        bool good = sh_xml_read(b.p ? b.p : "", b.n, &doc, &declared, why);
        sh_buf_free(&b);
        sh_drop(t);
        if (!good)
                return sh_throw_member(sh, a, "System.Xml.XmlException", "%s", why);
        document_clear(d);
        d->doc = doc;
        d->declared = declared;
        return SH_OK;
}
static int document_save(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        struct sh_buf b = { 0 };
        *ret = SH_NOTHING;
        if (a.n != 1)
                return SH_NONE;
        sh_xml_write_document(&b, self, true);
        struct sv target = sh_args_at(a, 0);
        if (target.kind == SH_OTHER) { /* a writer */
                struct sv text = sh_buf_take(&b), r;
                sh_buf_free(&b);
                int st = sh_call(sh, target, "Write", 5, (struct sh_args) { 1, &text }, &r);
                sh_drop(text);
                return st;
        }
        struct sv t = sh_to_text(sh, target);
        char *path = sh_path_full(sh, t.s->s);
        int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666), e = fd < 0 ? errno : 0;
        for (size_t at = 0; !e && at < b.n;) {
                ssize_t k = write(fd, b.p + at, b.n - at);
                if (k < 0)
                        e = errno;
                else
                        at += (size_t)k;
        }
        if (fd >= 0)
                close(fd);
        int st = e ? sh_throw_member(sh, a, "System.IO.IOException", "%s : '%s'", strerror(e), path) : SH_OK;
        free(path);
        sh_drop(t);
        sh_buf_free(&b);
        return st;
}
static int document_names(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)sh, (void)self, (void)a;
        *ret = SH_NIL;
        return SH_OK;
}

/* ---- XmlNamespaceManager: a table of prefixes in place of a document ---- */
static int names_new(struct sh *sh, const struct sh_type *t, struct sh_args a, struct sv *ret)
{
        (void)sh, (void)a;
        *ret = sh_other_new(t, sizeof(struct xml_node));
        ((struct xml_node *)ret->o)->document = sh_hash_new(false);
        sh_hash_set_case(((struct xml_node *)ret->o)->document.h, true);
        return SH_OK;
}
static int names_do(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        struct sv table = ((struct xml_node *)self.o)->document, v;
        bool add = sh_member_arg(sh) == 'a';
        *ret = SH_NOTHING;
        if (a.n != 1u + add)
                return SH_NONE;
        struct sv prefix = sh_to_text(sh, a.v[0]);
        if (add)
                sh_hash_set(table.h, prefix, a.v[1]);
        else
                *ret = sh_hash_get(table.h, prefix, &v) ? sh_keep(v) : SH_NIL;
        sh_drop(prefix);
        return SH_OK;
}
static const struct sh_member names_members[] = {
        SH_M("AddNamespace", "void AddNamespace(string prefix, string uri)", names_do, 'a'),
        SH_M("LookupNamespace", "string LookupNamespace(string prefix)", names_do, 'l'),
};
static const struct sh_type names_type = { .name = "System.Xml.XmlNamespaceManager",
                                           .base = &sh_type_object,
                                           SH_MEMBERS(names_members),
                                           .construct = names_new,
                                           .free = node_free };

/* ---- the classes: their properties are found, but not listed: PowerShell shows only what the XML has ---- */
#define NODE "System.Xml.XmlNode"
static const struct sh_member node_members[] = {
        SH_M("SelectNodes", NODE "List SelectNodes(string xpath)", node_select, 'n'),
        SH_M("SelectSingleNode", NODE " SelectSingleNode(string xpath)", node_select, 's'),
        SH_M("GetElementsByTagName", NODE "List GetElementsByTagName(string name)", node_by_tag),
        SH_M("AppendChild", NODE " AppendChild(" NODE " newChild)", node_add, 'a'),
        SH_M("PrependChild", NODE " PrependChild(" NODE " newChild)", node_add, 'p'),
        SH_M("InsertBefore", NODE " InsertBefore(" NODE " newChild, " NODE " refChild)", node_add, 'b'),
        SH_M("InsertAfter", NODE " InsertAfter(" NODE " newChild, " NODE " refChild)", node_add, 'f'),
        SH_M("ReplaceChild", NODE " ReplaceChild(" NODE " newChild, " NODE " oldChild)", node_add, 'r'),
        SH_M("RemoveChild", NODE " RemoveChild(" NODE " oldChild)", node_remove, 'c'),
        SH_M("RemoveAll", "void RemoveAll()", node_remove, 'a'),
        SH_M("CloneNode", NODE " CloneNode(bool deep)", node_clone, 'c'),
        SH_M("GetAttribute", "string GetAttribute(string name)", node_attribute, 'g'),
        SH_M("SetAttribute", "void SetAttribute(string name, string value)", node_attribute, 's'),
        SH_M("HasAttribute", "bool HasAttribute(string name)", node_attribute, 'h'),
        SH_M("RemoveAttribute", "void RemoveAttribute(string name)", node_attribute, 'r'),
};
static const struct sh_member document_members[] = {
        SH_M("CreateElement", "System.Xml.XmlElement CreateElement(string name)", document_create, 'e'),
        SH_M("CreateAttribute", "System.Xml.XmlAttribute CreateAttribute(string name)", document_create, 'a'),
        SH_M("CreateTextNode", "System.Xml.XmlText CreateTextNode(string text)", document_create, 't'),
        SH_M("CreateComment", "System.Xml.XmlComment CreateComment(string data)", document_create, 'c'),
        SH_M("CreateCDataSection", "System.Xml.XmlCDataSection CreateCDataSection(string data)",
             document_create, 'C'),
        SH_M("CreateXmlDeclaration",
             "System.Xml.XmlDeclaration CreateXmlDeclaration(string version, string encoding, string "
             "standalone)",
             document_create, 'd'),
        SH_M("ImportNode", NODE " ImportNode(" NODE " node, bool deep)", node_clone, 'i'),
        SH_M("Load", "void Load(string filename)", document_load, 'f'),
        SH_M("LoadXml", "void LoadXml(string xml)", document_load, 't'),
        SH_M("Save", "void Save(string filename)", document_save),
        SH_M("get_NameTable", "System.Xml.XmlNameTable get_NameTable()", document_names),
};
/* What .NET's classes have beside what the XML says: asked after the node's own names. */
static const struct plain {
        struct sh_member m;
} plain[] = {
#define PLAIN(name, type, what) \
        { \
                { \
                        name, SH_PROPERTY, false, type " " name " {get;}", node_property, NULL, what \
                } \
        }
        PLAIN("Name", "string", 'n'),
        PLAIN("LocalName", "string", 'l'),
        PLAIN("NamespaceURI", "string", 'u'),
        PLAIN("Prefix", "string", 'p'),
        PLAIN("NodeType", "System.Xml.XmlNodeType", 't'),
        { { "Value", SH_PROPERTY, false, "string Value {get;set;}", node_property, node_set_text, 'V' } },
        { { "InnerText", SH_PROPERTY, false, "string InnerText {get;set;}", node_property, node_set_text,
            'I' } },
        { { "InnerXml", SH_PROPERTY, false, "string InnerXml {get;set;}", node_property, node_set_xml,
            'X' } },
        PLAIN("OuterXml", "string", 'O'),
        PLAIN("ParentNode", NODE, 'P'),
        PLAIN("ChildNodes", NODE "List", 'C'),
        PLAIN("Attributes", "System.Xml.XmlAttributeCollection", 'A'),
        PLAIN("FirstChild", NODE, 'F'),
        PLAIN("LastChild", NODE, 'L'),
        PLAIN("NextSibling", NODE, 'N'),
        PLAIN("PreviousSibling", NODE, 'R'),
        PLAIN("HasChildNodes", "bool", 'c'),
        PLAIN("HasAttributes", "bool", 'a'),
        PLAIN("IsEmpty", "bool", 'e'),
        PLAIN("OwnerDocument", "xml", 'D'),
        PLAIN("DocumentElement", "System.Xml.XmlElement", 'r'),
};
static const struct sh_member *plain_of(const char *name, size_t n)
{
        for (size_t i = 0; i < sizeof(plain) / sizeof(*plain); i++)
                if (strlen(plain[i].m.name) == n && sh_text_same(plain[i].m.name, n, name, n))
                        return &plain[i].m;
        return NULL;
}
static int any_get(struct sh *sh, struct sv self, const char *name, size_t n, struct sv *ret)
{
        int st = is_declaration(self) ? SH_NONE : node_get(sh, self, name, n, ret);
        const struct sh_member *m = st == SH_NONE ? plain_of(name, n) : NULL, *old = sh ? sh->member : NULL;
        if (!m || !sh)
                return st;
        sh->member = m;
        st = m->call(sh, self, (struct sh_args) { 0 }, ret);
        sh->member = old;
        return st;
}
static int any_put(struct sh *sh, struct sv self, const char *name, size_t n, struct sv value)
{
        int st = is_declaration(self) ? SH_NONE : node_put(sh, self, name, n, value);
        const struct sh_member *m = st == SH_NONE ? plain_of(name, n) : NULL;
        return m && m->set ? m->set(sh, self, value) : st;
}
#define XML_TYPE(var, full, accelerated, parent, table, ...) \
        static const struct sh_type var = { .name = full, \
                                            .accelerator = accelerated, \
                                            .base = parent, \
                                            SH_MEMBERS(table), \
                                            .get = any_get, \
                                            .put = any_put, \
                                            .list = node_list, \
                                            .text = node_text, \
                                            .equals = node_equals, \
                                            __VA_ARGS__ }
static const char *const xml_names[] = { "xml", NULL };
XML_TYPE(node_type, NODE, NULL, &sh_type_object, node_members, .free = node_free);
XML_TYPE(document_type, "System.Xml.XmlDocument", "xml", &node_type, document_members, .free = document_free,
         .convert = document_convert, .construct = document_construct, .other_names = xml_names);
XML_TYPE(element_type, "System.Xml.XmlElement", NULL, &node_type, node_members, .free = node_free);
XML_TYPE(attribute_type, "System.Xml.XmlAttribute", NULL, &node_type, node_members, .free = node_free);
XML_TYPE(text_type, "System.Xml.XmlText", NULL, &node_type, node_members, .free = node_free);
XML_TYPE(comment_type, "System.Xml.XmlComment", NULL, &node_type, node_members, .free = node_free);
XML_TYPE(cdata_type, "System.Xml.XmlCDataSection", NULL, &node_type, node_members, .free = node_free);
XML_TYPE(instruction_type, "System.Xml.XmlProcessingInstruction", NULL, &node_type, node_members,
         .free = node_free);
XML_TYPE(declaration_type, "System.Xml.XmlDeclaration", NULL, &node_type, node_members, .free = node_free);

SH_TYPES(xml, &node_type, &document_type, &element_type, &attribute_type, &text_type, &comment_type,
         &cdata_type, &instruction_type, &declaration_type, &names_type, &type_enum.type);
