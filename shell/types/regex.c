/* SPDX-License-Identifier: MIT
 *
 * [regex], and what it answers: Match, Group, Capture and their collections.
 */
#include "shell/dotnet.h"
#include "shell/regex.h"

struct regex_object {
        struct sh_obj obj;
        struct sh_regex *re;
};
struct group_list { /* GroupCollection */
        struct sh_obj obj;
        struct sh_match *match; /* kept */
};
extern const struct sh_type sh_type_match, sh_type_group, sh_type_capture, sh_type_group_list,
        sh_type_match_list, sh_type_capture_list;

SH_ENUM_TYPE(sh_enum_regex_options, "System.Text.RegularExpressions.RegexOptions", true, { "None", 0 },
             { "IgnoreCase", 1 }, { "Multiline", 2 }, { "ExplicitCapture", 4 }, { "Compiled", 8 },
             { "Singleline", 16 }, { "IgnorePatternWhitespace", 32 }, { "RightToLeft", 64 },
             { "ECMAScript", 256 }, { "CultureInvariant", 512 }, { "NonBacktracking", 1024 });

/* ---- matches and groups ---- */
static struct sh_match *match_of(struct sv v)
{
        return (struct sh_match *)v.o;
}

static struct sv match_new(const struct sh_type *type, struct sh_regex *re, struct sv text, const size_t *at,
                           uint32_t slot, uint32_t n)
{
        struct sv r = sh_other_new(type, sizeof(struct sh_match) + 2 * n * sizeof(size_t));
        struct sh_match *m = match_of(r);
        m->re = sh_regex_keep(re);
        m->text = sh_keep(text);
        m->slot = slot;
        m->n = n;
        for (uint32_t i = 0; i < 2 * n; i++)
                m->at[i] = at ? at[i] : SIZE_MAX;
        return r;
}

struct sv sh_match_new(struct sh *sh, struct sh_regex *re, struct sv text, const size_t *at, uint32_t n)
{
        (void)sh;
        return match_new(&sh_type_match, re, text, at, 0, n);
}

static void match_free(struct sh_obj *o)
{
        struct sh_match *m = (struct sh_match *)o;
        sh_regex_drop(m->re);
        sh_drop(m->text);
}

static bool matched(const struct sh_match *m)
{
        return m->at[0] != SIZE_MAX;
}

static struct sv match_value(const struct sh_match *m)
{
        return matched(m) ? sh_string(m->text.s->s + m->at[0], m->at[1] - m->at[0]) : sh_text("");
}

static void match_text(struct sh *sh, struct sv self, struct sh_buf *b)
{
        struct sh_match *m = match_of(self);
        (void)sh;
        if (matched(m))
                sh_buf_put(b, m->text.s->s + m->at[0], m->at[1] - m->at[0]);
}

static struct sv slot_name(struct sh_regex *re, uint32_t slot)
{
        const struct re_slot *slots;
        sh_regex_slots(re, &slots);
        return slots[slot].name ? sh_text(slots[slot].name) : sh_printf("%u", slots[slot].number);
}

/* Group number `slot` of a match. Beyond its groups: one that took no part. */
static struct sv group_at(struct sh_match *m, uint32_t slot)
{
        if (slot == 0)
                return sh_keep((struct sv) { .kind = SH_OTHER, .o = &m->obj });
        size_t at[4] = { SIZE_MAX, SIZE_MAX, m->at[0], m->at[1] }; /* its own, and the whole match's */
        if (slot < m->n)
                memcpy(at, m->at + (size_t)2 * slot, 2 * sizeof(*at));
        return match_new(&sh_type_group, m->re, m->text, slot < m->n ? at : NULL, slot < m->n ? slot : 0, 2);
}

enum { MATCH_SUCCESS, MATCH_VALUE, MATCH_INDEX, MATCH_LENGTH, MATCH_NAME, MATCH_NOTHING };

static int match_get(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        struct sh_match *m = match_of(self);
        (void)a;
        switch (sh_member_arg(sh)) {
        case MATCH_SUCCESS: *ret = sh_bool(matched(m)); break;
        case MATCH_VALUE: *ret = match_value(m); break;
        case MATCH_INDEX: *ret = sh_int(matched(m) ? (int32_t)sh_offset_unit(m->text.s, m->at[0]) : 0); break;
        case MATCH_LENGTH:
                *ret = sh_int(matched(m) ? (int32_t)sh_utf_units(m->text.s->s + m->at[0], m->at[1] - m->at[0])
                                         : 0);
                break;
        case MATCH_NAME: *ret = slot_name(m->re, m->slot); break;
        default: *ret = SH_NIL;
        }
        return SH_OK;
}

static int match_groups(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)sh, (void)a;
        *ret = sh_other_new(&sh_type_group_list, sizeof(struct group_list));
        sh_keep(self);
        ((struct group_list *)ret->o)->match = match_of(self);
        return SH_OK;
}

/* Each time that the group matched, in order. */
static bool all_captures(struct sh_match *m, struct sh_array *to)
{
        size_t *at = NULL;
        if (m->obj.type != &sh_type_group || m->n < 2 || m->at[2] == SIZE_MAX)
                return false;
        uint32_t n = sh_regex_captures(m->re, m->text.s->s, m->text.s->len, m->at[2], m->slot, &at);
        for (uint32_t i = 0; i < n; i++)
                sh_array_take(to, match_new(&sh_type_capture, m->re, m->text, at + (size_t)2 * i, m->slot, 1));
        free(at);
        return n > 0;
}

static int match_captures(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        struct sh_match *m = match_of(self);
        (void)sh, (void)a;
        *ret = sh_array_new(1);
        ret->a->obj.type = &sh_type_capture_list;
        if (matched(m) && !all_captures(m, ret->a))
                sh_array_take(ret->a,
                              m->slot == 0 && m->obj.type == &sh_type_match
                                      ? sh_keep(self)
                                      : match_new(&sh_type_capture, m->re, m->text, m->at, m->slot, 1));
        return SH_OK;
}

static int match_string(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)sh, (void)a;
        *ret = match_value(match_of(self));
        return SH_OK;
}

static int match_at(struct sh *sh, struct sh_regex *re, struct sv text, size_t from, struct sv *ret)
{
        const size_t *at = NULL;
        uint32_t n = 1;
        int st = from <= text.s->len ? sh_regex_exec(sh, re, text.s->s, text.s->len, from, &at, &n) : SH_NONE;
        if (st != SH_OK && st != SH_NONE)
                return st;
        *ret = match_new(&sh_type_match, re, text, st == SH_OK ? at : NULL, 0, n);
        return SH_OK;
}

static int match_next(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        struct sh_match *m = match_of(self);
        (void)a;
        if (!matched(m)) {
                *ret = sh_keep(self);
                return SH_OK;
        }
        size_t from = m->at[1];
        unsigned len = 1;
        if (m->at[1] <= m->at[0]) {
                if (from < m->text.s->len)
                        sh_utf_next(m->text.s->s + from, m->text.s->len - from, &len);
                from += len;
        }
        return match_at(sh, m->re, m->text, from, ret);
}

static int match_result(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        struct sh_match *m = match_of(self);
        struct sh_buf b = { 0 };
        if (a.n != 1)
                return SH_NONE;
        if (!matched(m))
                return sh_throw_member(sh, a, "System.NotSupportedException",
                                       "Result cannot be called on a failed Match.");
        struct sv with = sh_args_text(sh, a, 0);
        sh_regex_expand(m->re, m->text.s->s, m->text.s->len, m->at, with.s->s, with.s->len, &b);
        sh_drop(with);
        *ret = sh_buf_take(&b);
        sh_buf_free(&b);
        return SH_OK;
}

#define CAPTURE_MEMBERS \
        SH_P("Index", "int Index {get;}", match_get, MATCH_INDEX), \
                SH_P("Length", "int Length {get;}", match_get, MATCH_LENGTH), \
                SH_P("Value", "string Value {get;}", match_get, MATCH_VALUE), \
                SH_P("ValueSpan", "System.ReadOnlySpan[char] ValueSpan {get;}", match_get, MATCH_NOTHING), \
                SH_M("ToString", "string ToString()", match_string)
#define GROUP_MEMBERS \
        SH_P("Success", "bool Success {get;}", match_get, MATCH_SUCCESS), \
                SH_P("Name", "string Name {get;}", match_get, MATCH_NAME), \
                SH_P("Captures", "System.Text.RegularExpressions.CaptureCollection Captures {get;}", \
                     match_captures), \
                CAPTURE_MEMBERS

static const struct sh_member match_members[] = {
        SH_P("Groups", "System.Text.RegularExpressions.GroupCollection Groups {get;}", match_groups),
        GROUP_MEMBERS,
        SH_M("NextMatch", "System.Text.RegularExpressions.Match NextMatch()", match_next),
        SH_M("Result", "string Result(string replacement)", match_result),
};
static const struct sh_member group_members[] = { GROUP_MEMBERS };
static const struct sh_member capture_members[] = { CAPTURE_MEMBERS };

const struct sh_type sh_type_capture = {
        .name = "System.Text.RegularExpressions.Capture",
        .base = &sh_type_object,
        SH_MEMBERS(capture_members),
        .text = match_text,
        .free = match_free,
};
const struct sh_type sh_type_group = {
        .name = "System.Text.RegularExpressions.Group",
        .base = &sh_type_capture,
        SH_MEMBERS(group_members),
        .text = match_text,
        .free = match_free,
};
const struct sh_type sh_type_match = {
        .name = "System.Text.RegularExpressions.Match",
        .base = &sh_type_group,
        SH_MEMBERS(match_members),
        .text = match_text,
        .free = match_free,
};

/* ---- collections ---- */
static struct sh_match *list_match(struct sv v)
{
        return ((struct group_list *)v.o)->match;
}

static void list_free(struct sh_obj *o)
{
        sh_drop((struct sv) { .kind = SH_OTHER, .o = &((struct group_list *)o)->match->obj });
}

static int list_slot(struct sh *sh, struct sv self, struct sv key)
{
        int64_t number;
        key = sh_unwrap(key);
        if (key.kind == SH_STRING)
                return sh_regex_slot(list_match(self)->re, key.s->s, key.s->len);
        return sh_to_int64(sh, key, &number) ? sh_regex_slot_number(list_match(self)->re, number) : -1;
}

static int list_index(struct sh *sh, struct sv self, struct sv key, struct sv *ret)
{
        int slot = list_slot(sh, self, key);
        *ret = group_at(list_match(self), slot < 0 ? UINT32_MAX : (uint32_t)slot);
        return SH_OK;
}

static bool list_next(struct sv self, size_t *pos, struct sv *ret)
{
        struct sh_match *m = list_match(self);
        if (*pos >= m->n)
                return false;
        *ret = group_at(m, (uint32_t)(*pos)++);
        return true;
}

static int list_count(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)sh, (void)a;
        *ret = sh_int(self.kind == SH_ARRAY ? (int32_t)self.a->n : (int32_t)list_match(self)->n);
        return SH_OK;
}

static int list_keys(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        struct sh_match *m = list_match(self);
        bool values = sh_member_arg(sh);
        (void)a;
        *ret = sh_array_new(m->n);
        for (uint32_t i = 0; i < m->n; i++)
                sh_array_take(ret->a, values ? group_at(m, i) : slot_name(m->re, i));
        return SH_OK;
}

static int list_has(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        if (a.n != 1)
                return SH_NONE;
        *ret = sh_bool(list_slot(sh, self, a.v[0]) >= 0);
        return SH_OK;
}

static int list_item(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        if (a.n != 1)
                return SH_NONE;
        if (self.kind == SH_ARRAY)
                return sh_index(sh, self, a.v[0], ret);
        return list_index(sh, self, a.v[0], ret);
}

static const struct sh_member group_list_members[] = {
        SH_P("Count", "int Count {get;}", list_count),
        SH_P("Keys", "System.Collections.Generic.IEnumerable[string] Keys {get;}", list_keys, false),
        SH_P("Values", "System.Collections.Generic.IEnumerable[Group] Values {get;}", list_keys, true),
        SH_M("ContainsKey", "bool ContainsKey(string key)", list_has),
        SH_M("get_Item", "System.Text.RegularExpressions.Group get_Item(int groupnum)", list_item),
        SH_M("Item", "System.Text.RegularExpressions.Group Item(int groupnum)", list_item),
};
const struct sh_type sh_type_group_list = {
        .name = "System.Text.RegularExpressions.GroupCollection",
        .base = &sh_type_object,
        SH_MEMBERS(group_list_members),
        .index = list_index,
        .next = list_next,
        .free = list_free,
        .interfaces = (const char *const[]) { "System.Collections.ICollection",
                                              "System.Collections.IEnumerable", NULL },
};

/* An array by another name: its items and their end are the array's. */
static void array_free(struct sh_obj *o)
{
        if (sh_type_array.free)
                sh_type_array.free(o);
}

static const struct sh_member match_list_members[] = {
        SH_P("Count", "int Count {get;}", list_count),
        SH_M("get_Item", "System.Text.RegularExpressions.Match get_Item(int i)", list_item),
        SH_M("Item", "System.Text.RegularExpressions.Match Item(int i)", list_item),
};
const struct sh_type sh_type_match_list = {
        .name = "System.Text.RegularExpressions.MatchCollection",
        .base = &sh_type_object,
        SH_MEMBERS(match_list_members),
        .free = array_free,
        .interfaces = (const char *const[]) { "System.Collections.ICollection",
                                              "System.Collections.IEnumerable", NULL },
};
const struct sh_type sh_type_capture_list = {
        .name = "System.Text.RegularExpressions.CaptureCollection",
        .base = &sh_type_object,
        SH_MEMBERS(match_list_members),
        .free = array_free,
        .interfaces = (const char *const[]) { "System.Collections.ICollection",
                                              "System.Collections.IEnumerable", NULL },
};

/* ---- [regex] ---- */
struct sh_regex *sh_regex_of_value(struct sv v)
{
        return v.kind == SH_OTHER && v.o->type == &sh_type_regex ? ((struct regex_object *)v.o)->re : NULL;
}

struct sv sh_regex_value(struct sh_regex *re)
{
        struct sv r = sh_other_new(&sh_type_regex, sizeof(struct regex_object));
        ((struct regex_object *)r.o)->re = sh_regex_keep(re);
        return r;
}

static void regex_free(struct sh_obj *o)
{
        sh_regex_drop(((struct regex_object *)o)->re);
}

static void regex_text(struct sh *sh, struct sv self, struct sh_buf *b)
{
        size_t n;
        const char *s = sh_regex_pattern(sh_regex_of_value(self), &n);
        (void)sh;
        sh_buf_put(b, s, n);
}

static bool regex_equals(struct sv a, struct sv b)
{
        return a.o == b.o;
}

static int compile(struct sh *sh, struct sh_args a, struct sv pattern, unsigned options,
                   struct sh_regex **ret)
{
        struct sh_buf why = { 0 };
        struct sv text = sh_to_text(sh, pattern);
        *ret = sh_regex_compile(text.s->s, text.s->len, options, &why);
        sh_drop(text);
        int st = *ret ? SH_OK
                      : sh_throw_member(sh, a, "System.Text.RegularExpressions.RegexParseException", "%s",
                                        why.p);
        sh_buf_free(&why);
        return st;
}

static int regex_construct(struct sh *sh, const struct sh_type *t, struct sh_args a, struct sv *ret)
{
        int32_t options = 0;
        struct sh_regex *re;
        (void)t;
        if (a.n < 1 || a.n > 3 || (a.n > 1 && !sh_args_enum(sh, a, 1, &sh_enum_regex_options, &options)))
                return SH_NONE;
        if (sh_is_null(a.v[0]))
                return sh_throw_null(sh, a, "pattern");
        int st = compile(sh, a, a.v[0], (unsigned)options, &re);
        if (st != SH_OK)
                return st;
        *ret = sh_regex_value(re);
        sh_regex_drop(re);
        return SH_OK;
}

static int regex_convert(struct sh *sh, const struct sh_type *t, struct sv from, struct sv *ret)
{
        struct sh_buf why = { 0 };
        (void)t;
        if (from.kind != SH_STRING && from.kind != SH_CHAR)
                return SH_NONE;
        struct sv text = sh_to_text(sh, from);
        struct sh_regex *re = sh_regex_compile(text.s->s, text.s->len, 0, &why);
        int st = SH_OK;
        if (re)
                *ret = sh_regex_value(re), sh_regex_drop(re);
        else
                st = sh_throw_as(
                        sh, "System.Management.Automation.PSInvalidCastException",
                        "InvalidCastConstructorException", "InvalidArgument", SH_NIL,
                        "Cannot convert value \"%s\" to type \"System.Text.RegularExpressions.Regex\". "
                        "Error: \"%s\"",
                        text.s->s, why.p ? why.p : "");
        sh_buf_free(&why);
        sh_drop(text);
        return st;
}

/* The expression and where its arguments begin: an instance's own, or the second argument of a static method with the
 * options at `options_at`. Owned. */
static int regex_and_input(struct sh *sh, struct sv self, struct sh_args a, uint32_t options_at,
                           struct sh_regex **re, struct sv *input)
{
        int32_t options = 0;
        bool is_static = sh_member_arg(sh);
        if (a.n < (is_static ? 2 : 1))
                return SH_NONE;
        if (sh_is_null(a.v[0]))
                return sh_throw_null(sh, a, "input");
        if (!is_static) {
                *re = sh_regex_keep(sh_regex_of_value(self));
        } else {
                if (sh_is_null(a.v[1]))
                        return sh_throw_null(sh, a, "pattern");
                if (a.n > options_at && !sh_args_enum(sh, a, options_at, &sh_enum_regex_options, &options))
                        return SH_NONE;
                int st = compile(sh, a, a.v[1], (unsigned)options, re);
                if (st != SH_OK)
                        return st;
        }
        *input = sh_to_text(sh, a.v[0]);
        return SH_OK;
}

/* An optional start position in UTF-16 units, as an offset. */
static int start_at(struct sh *sh, struct sh_args a, uint32_t i, struct sv input, size_t *ret)
{
        int32_t unit = 0;
        *ret = 0;
        if (sh_member_arg(sh) || a.n <= i)
                return SH_OK;
        if (!sh_args_i32(sh, a, i, &unit))
                return SH_NONE;
        if (unit < 0 || (uint32_t)unit > input.s->units)
                return sh_throw_range(sh, a, "startat",
                                      "Start index cannot be less than 0 or greater than input length.");
        *ret = sh_unit_offset(input.s, (uint32_t)unit);
        return SH_OK;
}

struct matching {
        struct sh_regex *re;
        struct sv text;
        struct sh_array *to;
};

static int add_match(void *state, struct sh *sh, const size_t *at, uint32_t n)
{
        struct matching *s = state;
        sh_array_take(s->to, sh_match_new(sh, s->re, s->text, at, n));
        return SH_OK;
}

static int regex_matches(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        struct matching s;
        size_t from;
        int st = regex_and_input(sh, self, a, 2, &s.re, &s.text);
        if (st != SH_OK)
                return st;
        st = start_at(sh, a, 1, s.text, &from);
        if (st == SH_OK) {
                struct sv list = sh_array_new(4);
                list.a->obj.type = &sh_type_match_list;
                s.to = list.a;
                st = sh_regex_each(sh, s.re, s.text, from, add_match, &s);
                if (st == SH_OK)
                        *ret = list;
                else
                        sh_drop(list);
        }
        sh_regex_drop(s.re);
        sh_drop(s.text);
        return st;
}

static int regex_match(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        struct sh_regex *re;
        struct sv text;
        size_t from;
        int st = regex_and_input(sh, self, a, 2, &re, &text);
        if (st != SH_OK)
                return st;
        st = start_at(sh, a, 1, text, &from);
        if (st == SH_OK)
                st = match_at(sh, re, text, from, ret);
        sh_regex_drop(re);
        sh_drop(text);
        return st;
}

static int regex_is_match(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        struct sv m;
        int st = regex_match(sh, self, a, &m);
        if (st == SH_OK) {
                *ret = sh_bool(matched(match_of(m)));
                sh_drop(m);
        }
        return st;
}

static int regex_count(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        struct sv list;
        int st = regex_matches(sh, self, a, &list);
        if (st == SH_OK) {
                *ret = sh_int((int32_t)list.a->n);
                sh_drop(list);
        }
        return st;
}

static int regex_replace(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        struct sh_regex *re;
        struct sv text;
        bool is_static = sh_member_arg(sh);
        uint32_t with = is_static ? 2 : 1;
        int32_t count = -1;
        if (a.n <= with || (!is_static && a.n > 2 && !sh_args_i32(sh, a, 2, &count)))
                return SH_NONE;
        int st = regex_and_input(sh, self, a, 3, &re, &text);
        if (st != SH_OK)
                return st;
        if (sh_is_null(a.v[with]))
                st = sh_throw_null(sh, a, "replacement");
        else if (count == 0)
                *ret = sh_keep(text);
        else
                st = sh_regex_replace(sh, re, text, a.v[with], count, ret);
        sh_regex_drop(re);
        sh_drop(text);
        return st;
}

static int regex_split(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        struct sh_regex *re;
        struct sv text;
        int32_t count = 0;
        if (!sh_member_arg(sh) && a.n > 1 && !sh_args_i32(sh, a, 1, &count))
                return SH_NONE;
        int st = regex_and_input(sh, self, a, 2, &re, &text);
        if (st != SH_OK)
                return st;
        if (count < 0) {
                st = sh_throw_range(sh, a, "count", "Count cannot be less than -1.");
        } else {
                struct sv list = sh_array_typed(&sh_type_string, 0);
                st = sh_regex_split(sh, re, text.s, count, list.a);
                if (st == SH_OK)
                        *ret = list;
                else
                        sh_drop(list);
        }
        sh_regex_drop(re);
        sh_drop(text);
        return st;
}

static int regex_escape(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        static const char from[] = "\t\n\f\r", to[] = "tnfr";
        struct sh_buf b = { 0 };
        (void)self;
        if (a.n != 1)
                return SH_NONE;
        if (sh_is_null(a.v[0]))
                return sh_throw_null(sh, a, "str");
        struct sv t = sh_args_text(sh, a, 0);
        for (size_t i = 0; i < t.s->len; i++) {
                char c = t.s->s[i];
                const char *blank = c ? strchr(from, c) : NULL;
                if (blank || (c && strchr(" #$()*+.?[\\^{|", c)))
                        sh_buf_puts(&b, "\\");
                sh_buf_put(&b, blank ? to + (blank - from) : &c, 1);
        }
        *ret = sh_buf_take(&b);
        sh_buf_free(&b);
        sh_drop(t);
        return SH_OK;
}

static int regex_unescape(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        struct sh_buf b = { 0 };
        (void)self;
        if (a.n != 1)
                return SH_NONE;
        struct sv t = sh_args_text(sh, a, 0);
        for (size_t i = 0; i < t.s->len; i++) {
                static const char names[] = "abtrvfne", codes[] = "\a\b\t\r\v\f\n\x1b";
                if (t.s->s[i] != '\\' || i + 1 == t.s->len) {
                        sh_buf_put(&b, t.s->s + i, 1);
                        continue;
                }
                char c = t.s->s[++i], *end, hex[5] = "";
                const char *at = c ? strchr(names, c) : NULL;
                size_t digits = c == 'x' ? 2 : c == 'u' ? 4 : 0;
                if (digits && t.s->len - i > digits) {
                        memcpy(hex, t.s->s + i + 1, digits);
                        long cp = strtol(hex, &end, 16);
                        if (end == hex + digits) {
                                sh_buf_cp(&b, (uint32_t)cp);
                                i += digits;
                                continue;
                        }
                }
                sh_buf_put(&b, at ? codes + (at - names) : &c, 1);
        }
        *ret = sh_buf_take(&b);
        sh_buf_free(&b);
        sh_drop(t);
        return SH_OK;
}

static int regex_options(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        unsigned options = sh_regex_options(sh_regex_of_value(self));
        (void)a;
        *ret = sh_member_arg(sh) ? sh_bool(options & SH_RE_RTL)
                                 : sh_enum_value(&sh_enum_regex_options, (int32_t)options);
        return SH_OK;
}

static int regex_timeout(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)sh, (void)self, (void)a;
        *ret = sh_span(-10000); /* none: .NET's -00:00:00.0010000 */
        return SH_OK;
}

static int regex_string(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        size_t n;
        const char *s = sh_regex_pattern(sh_regex_of_value(self), &n);
        (void)sh, (void)a;
        *ret = sh_string(s, n);
        return SH_OK;
}

static int regex_group_names(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        const struct re_slot *slots;
        struct sh_regex *re = sh_regex_of_value(self);
        uint32_t n = sh_regex_slots(re, &slots);
        bool numbers = sh_member_arg(sh);
        (void)a;
        *ret = sh_array_typed(numbers ? &sh_type_int : &sh_type_string, 0);
        for (uint32_t i = 0; i < n; i++)
                sh_array_take(ret->a, numbers ? sh_int((int32_t)slots[i].number) : slot_name(re, i));
        return SH_OK;
}

static int regex_group_number(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        const struct re_slot *slots;
        struct sh_regex *re = sh_regex_of_value(self);
        int32_t number;
        if (a.n != 1)
                return SH_NONE;
        if (sh_member_arg(sh)) { /* GroupNumberFromName */
                struct sv name = sh_args_text(sh, a, 0);
                int slot = sh_regex_slot(re, name.s->s, name.s->len);
                sh_regex_slots(re, &slots);
                *ret = sh_int(slot < 0 ? -1 : (int32_t)slots[slot].number);
                sh_drop(name);
                return SH_OK;
        }
        if (!sh_args_i32(sh, a, 0, &number))
                return SH_NONE;
        int slot = sh_regex_slot_number(re, number);
        *ret = slot < 0 ? sh_text("") : slot_name(re, (uint32_t)slot);
        return SH_OK;
}

static const struct sh_member regex_members[] = {
        SH_P("Options", "System.Text.RegularExpressions.RegexOptions Options {get;}", regex_options, 0),
        SH_P("RightToLeft", "bool RightToLeft {get;}", regex_options, 1),
        SH_P("MatchTimeout", "timespan MatchTimeout {get;}", regex_timeout),
        SH_M("IsMatch", "bool IsMatch(string input), bool IsMatch(string input, int startat)", regex_is_match,
             false),
        SH_M("Match", "System.Text.RegularExpressions.Match Match(string input[, int startat])", regex_match,
             false),
        SH_M("Matches", "System.Text.RegularExpressions.MatchCollection Matches(string input[, int startat])",
             regex_matches, false),
        SH_M("Count", "int Count(string input)", regex_count, false),
        SH_M("Replace", "string Replace(string input, string replacement[, int count])", regex_replace,
             false),
        SH_M("Split", "string[] Split(string input[, int count])", regex_split, false),
        SH_M("GetGroupNames", "string[] GetGroupNames()", regex_group_names, false),
        SH_M("GetGroupNumbers", "int[] GetGroupNumbers()", regex_group_names, true),
        SH_M("GroupNameFromNumber", "string GroupNameFromNumber(int i)", regex_group_number, false),
        SH_M("GroupNumberFromName", "int GroupNumberFromName(string name)", regex_group_number, true),
        SH_M("ToString", "string ToString()", regex_string),
        SH_SM("IsMatch", "static bool IsMatch(string input, string pattern[, RegexOptions options])",
              regex_is_match, true),
        SH_SM("Match", "static Match Match(string input, string pattern[, RegexOptions options])",
              regex_match, true),
        SH_SM("Matches",
              "static MatchCollection Matches(string input, string pattern[, RegexOptions options])",
              regex_matches, true),
        SH_SM("Count", "static int Count(string input, string pattern[, RegexOptions options])", regex_count,
              true),
        SH_SM("Replace",
              "static string Replace(string input, string pattern, string replacement[, RegexOptions "
              "options])",
              regex_replace, true),
        SH_SM("Split", "static string[] Split(string input, string pattern[, RegexOptions options])",
              regex_split, true),
        SH_SM("Escape", "static string Escape(string str)", regex_escape),
        SH_SM("Unescape", "static string Unescape(string str)", regex_unescape),
};
const struct sh_type sh_type_regex = {
        .name = "System.Text.RegularExpressions.Regex",
        .accelerator = "regex",
        .base = &sh_type_object,
        SH_MEMBERS(regex_members),
        .text = regex_text,
        .equals = regex_equals,
        .convert = regex_convert,
        .construct = regex_construct,
        .free = regex_free,
};

SH_TYPES(regex, &sh_type_regex, &sh_type_match, &sh_type_group, &sh_type_capture, &sh_type_match_list,
         &sh_type_group_list, &sh_type_capture_list, &sh_enum_regex_options.type);
