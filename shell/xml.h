/* SPDX-License-Identifier: MIT
 *
 * XML as .NET's nodes: types/xml.c wraps libxml2's tree (loaded when first used), xml_text.c reads and writes it. A
 * value is a node and keeps its document.
 */
#ifndef SH_XML_H
#define SH_XML_H

#include "shell/library.h"
#include "shell/value.h"

#include <libxml/parser.h>
#include <libxml/tree.h>
#include <libxml/xpath.h>
#include <libxml/xpathInternals.h>

#define SH_XML(name) SH_FUNCTION("libxml2.so.2", name)

/* A document parsed from text. False: it is none; ret_why says so in at most 300 bytes. */
bool sh_xml_parse(const char *, size_t n, struct sv *ret, char ret_why[300]);
/* The same as libxml2's tree; *ret_declared: it begins with <?xml. */
bool sh_xml_read(const char *, size_t n, xmlDoc **ret, bool *ret_declared, char why[300]);
bool sh_xml_available(void);
/* The node behind a value, NULL when it is none; *ret_document: its document. */
xmlNode *sh_xml_node(struct sv, struct sv *ret_document);
struct sv sh_xml_value(struct sv document, xmlNode *); /* a value for a node of that document */
/* Nodes that an expression selects, as an array. Throws. */
int sh_xml_select(struct sh *, struct sv node, const char *xpath, struct sv namespaces, struct sv *ret);

/* OuterXml as .NET writes it; indent < 0: on one line. */
void sh_xml_write(struct sh_buf *, const xmlNode *, int indent);
void sh_xml_write_document(struct sh_buf *, struct sv document, bool indent);
void sh_xml_escape(struct sh_buf *, const char *, size_t n, bool attribute);

#endif
