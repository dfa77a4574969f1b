/* SPDX-License-Identifier: MIT
 *
 * Regular expressions at work: compiled by PCRE2, kept in a cache of the 64 used last, translated to machine code when
 * used often. Matching has limits: a pattern that would take for ever ends with an error.
 */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "shell/engine.h"
#include "shell/regex.h"

#include <pcre2.h>
#include <stdio.h>
#include <stdlib.h>

enum { CACHED = 64, JIT_AFTER = 60, MATCH_LIMIT = 20000000, HEAP_LIMIT_KB = 65536 };

struct sh_regex {
        uint32_t refs;
        unsigned options, uses;
        bool jit;
        char *pattern;
        size_t npattern;
        struct re_text text;
        pcre2_code *code, *loose; /* loose: for subjects that are not UTF-8; made when one comes */
        pcre2_match_data *data;
        size_t *at;           /* offsets by slot */
        pcre2_code **behinds; /* of text.behinds */
        pcre2_match_data *behind_data;
};

static pcre2_compile_context *compile_context;
static pcre2_match_context *match_context;

static void contexts(void)
{
        if (compile_context)
                return;
        compile_context = pcre2_compile_context_create(NULL);
        match_context = pcre2_match_context_create(NULL);
        if (!compile_context || !match_context)
                abort();
        pcre2_set_newline(compile_context, PCRE2_NEWLINE_LF);
        pcre2_set_bsr(compile_context, PCRE2_BSR_UNICODE);
        pcre2_set_match_limit(match_context, MATCH_LIMIT);
        pcre2_set_heap_limit(match_context, HEAP_LIMIT_KB);
}

struct sh_regex *sh_regex_keep(struct sh_regex *re)
{
        re->refs++;
        return re;
}

void sh_regex_drop(struct sh_regex *re)
{
        if (!re || --re->refs)
                return;
        pcre2_match_data_free(re->data);
        pcre2_code_free(re->code);
        pcre2_code_free(re->loose);
        for (uint32_t i = 0; re->behinds && i < re->text.nbehinds; i++)
                pcre2_code_free(re->behinds[i]);
        free(re->behinds);
        pcre2_match_data_free(re->behind_data);
        sh_re_text_free(&re->text);
        free(re->pattern);
        free(re->at);
        free(re);
}

/* ---- compiling ---- */
static uint32_t flags_of(unsigned options)
{
        return PCRE2_UCP | PCRE2_ALT_CIRCUMFLEX | PCRE2_NEVER_BACKSLASH_C |
               (options & SH_RE_IGNORECASE ? PCRE2_CASELESS : 0) |
               (options & SH_RE_MULTILINE ? PCRE2_MULTILINE : 0) |
               (options & SH_RE_SINGLELINE ? PCRE2_DOTALL : 0);
}

static pcre2_code *compile_text(const struct re_text *t, unsigned options, uint32_t flags, int *ret_code)
{
        PCRE2_SIZE at;
        contexts();
        if (t->nbehinds) /* a callout may refuse what a repeat took */
                flags |= PCRE2_NO_AUTO_POSSESS | PCRE2_NO_START_OPTIMIZE;
        return pcre2_compile((PCRE2_SPTR)t->text.p, t->text.n, flags | flags_of(options), ret_code, &at,
                             compile_context);
}

static pcre2_code *compile(struct sh_regex *re, uint32_t flags, int *ret_code)
{
        return compile_text(&re->text, re->options, flags, ret_code);
}

/* ---- lookbehinds of any length ----
 * Asked at a position: is there a beginning from which the content matches up to exactly here? */
struct asking {
        size_t until;
};

static int ends_here(pcre2_callout_block *b, void *state)
{
        return b->current_position == ((struct asking *)state)->until ? 0 : 1;
}

static int ask_behind(pcre2_callout_block *b, void *state)
{
        struct sh_regex *re = state;
        uint32_t which = b->callout_number / 2 - 1;
        if (b->callout_number < 2 || which >= re->text.nbehinds)
                return 0;
        struct asking asking = { b->current_position };
        pcre2_match_context *mc = pcre2_match_context_create(NULL);
        if (!mc)
                return PCRE2_ERROR_NOMEMORY;
        pcre2_set_match_limit(mc, MATCH_LIMIT / 100);
        pcre2_set_offset_limit(mc, b->current_position);
        pcre2_set_callout(mc, ends_here, &asking);
        int rc = pcre2_match(re->behinds[which], b->subject, b->subject_length, 0, PCRE2_NO_UTF_CHECK,
                             re->behind_data, mc);
        pcre2_match_context_free(mc);
        if (rc < 0 && rc != PCRE2_ERROR_NOMATCH)
                return rc;
        return (rc >= 0) == !(b->callout_number & 1) ? 0 : 1;
}

static bool compile_behinds(struct sh_regex *re, int *ret_code)
{
        PCRE2_SIZE at;
        if (!(re->behinds = calloc(re->text.nbehinds + 1, sizeof(*re->behinds))))
                abort();
        for (uint32_t i = 0; i < re->text.nbehinds; i++) {
                struct sh_buf b = { 0 };
                sh_buf_put(&b, re->text.behinds[i].text, re->text.behinds[i].n);
                sh_buf_puts(&b, "(?C255)");
                re->behinds[i] = pcre2_compile((PCRE2_SPTR)b.p, b.n,
                                               flags_of(re->text.behinds[i].options) | PCRE2_UTF |
                                                       PCRE2_USE_OFFSET_LIMIT | PCRE2_NO_AUTO_POSSESS,
                                               ret_code, &at, compile_context);
                sh_buf_free(&b);
                if (!re->behinds[i])
                        return false;
        }
        re->behind_data = pcre2_match_data_create(1, NULL);
        return re->behind_data != NULL;
}

/* The lookbehinds' lengths vary: they are asked from outside. */
static void compile_with_behinds(struct sh_regex *re, struct sh_buf *why, int *code)
{
        struct re_text text;
        size_t at;
        if (!sh_re_translate(re->pattern, re->npattern, re->options | SH_RE_CALL_BEHIND, &text, why, &at))
                return;
        sh_re_text_free(&re->text);
        re->text = text;
        re->code = compile(re, PCRE2_UTF, code);
        if (re->code && !compile_behinds(re, code)) {
                pcre2_code_free(re->code);
                re->code = NULL;
        }
}

static struct sh_regex *regex_new(const char *s, size_t n, unsigned options, struct sh_buf *error)
{
        struct sh_buf why = { 0 };
        struct sh_regex *re = calloc(1, sizeof(*re));
        size_t at = 0;
        int code = 0;
        if (!re)
                abort();
        *re = (struct sh_regex) { .refs = 1, .options = options, .pattern = malloc(n + 1), .npattern = n };
        if (!re->pattern)
                abort();
        memcpy(re->pattern, s, n);
        re->pattern[n] = 0;
        if (sh_re_translate(s, n, options, &re->text, &why, &at)) {
                re->code = compile(re, PCRE2_UTF, &code);
                if (!re->code && code == PCRE2_ERROR_LOOKBEHIND_NOT_FIXED_LENGTH)
                        compile_with_behinds(re, &why, &code);
                if (!re->code && why.n == 0) {
                        char text[200] = "";
                        at = n;
                        pcre2_get_error_message(code, (PCRE2_UCHAR *)text, sizeof(text));
                        sh_buf_putf(&why, "%c%s.", text[0] >= 'a' && text[0] <= 'z' ? text[0] - 32 : text[0],
                                    text[0] ? text + 1 : "");
                }
        }
        if (!re->code) {
                sh_buf_putf(error, "Invalid pattern '%.*s' at offset %zu. ", (int)n, s,
                            (size_t)sh_utf_units(s, at));
                sh_buf_put(error, why.p ? why.p : "", why.n);
                sh_buf_free(&why);
                sh_regex_drop(re);
                return NULL;
        }
        sh_buf_free(&why);
        re->data = pcre2_match_data_create_from_pattern(re->code, NULL);
        re->at = malloc(2 * sizeof(size_t) * re->text.nslots);
        if (!re->data || !re->at)
                abort();
        return re;
}

/* The last used is first. */
static struct sh_regex *cache[CACHED];
static unsigned ncached;

struct sh_regex *sh_regex_compile(const char *s, size_t n, unsigned options, struct sh_buf *error)
{
        struct sh_regex *re = NULL;
        unsigned i = 0;
        options &= 0xFF & ~8u;
        for (; i < ncached; i++)
                if (cache[i]->npattern == n && cache[i]->options == options &&
                    !memcmp(cache[i]->pattern, s, n)) {
                        re = cache[i];
                        break;
                }
        if (!re) {
                re = regex_new(s, n, options, error);
                if (!re)
                        return NULL;
                if (ncached == CACHED)
                        sh_regex_drop(cache[--ncached]);
                i = ncached++;
        }
        memmove(cache + 1, cache, i * sizeof(*cache));
        cache[0] = re;
        return sh_regex_keep(re);
}

struct sh_regex *sh_regex_of(struct sh *sh, const char *s, size_t n, unsigned options)
{
        struct sh_buf why = { 0 };
        struct sh_regex *re = sh_regex_compile(s, n, options, &why);
        if (re) {
                sh_regex_drop(re); /* the cache holds it */
                return re;
        }
        struct sv target = sh_string(s, n);
        sh_throw(sh, "InvalidRegularExpression", "InvalidOperation", target,
                 "The regular expression pattern %.*s is not valid. %s", (int)n, s, why.p ? why.p : "");
        sh_drop(target);
        sh_buf_free(&why);
        return NULL;
}

struct sh_regex *sh_regex_from(struct sh *sh, struct sv pattern, bool case_sensitive)
{
        struct sh_regex *re = sh_regex_of_value(sh_unwrap(pattern));
        if (re)
                return re;
        struct sv t = sh_to_text(sh, pattern);
        re = sh_regex_of(sh, t.s->s, t.s->len, case_sensitive ? 0 : SH_RE_IGNORECASE);
        sh_drop(t);
        return re;
}

const char *sh_regex_pattern(const struct sh_regex *re, size_t *ret_n)
{
        *ret_n = re->npattern;
        return re->pattern;
}

unsigned sh_regex_options(const struct sh_regex *re)
{
        return re->options;
}

uint32_t sh_regex_slots(const struct sh_regex *re, const struct re_slot **ret)
{
        *ret = re->text.slots;
        return re->text.nslots;
}

int sh_regex_slot_number(const struct sh_regex *re, int64_t number)
{
        for (uint32_t i = 0; i < re->text.nslots; i++)
                if (re->text.slots[i].number == number)
                        return (int)i;
        return -1;
}

int sh_regex_slot(const struct sh_regex *re, const char *name, size_t n)
{
        int64_t v = 0;
        size_t digits = 0;
        for (uint32_t i = 0; i < re->text.nslots; i++)
                if (re->text.slots[i].name && strlen(re->text.slots[i].name) == n &&
                    !memcmp(re->text.slots[i].name, name, n))
                        return (int)i;
        while (digits < n && digits < 9 && name[digits] >= '0' && name[digits] <= '9')
                v = v * 10 + (name[digits++] - '0');
        return n && digits == n ? sh_regex_slot_number(re, v) : -1;
}

/* ---- matching ---- */
static bool is_utf8(const char *s, size_t n, bool *ret_ascii)
{
        size_t i = 0;
        while (i < n && (unsigned char)s[i] < 0x80)
                i++;
        *ret_ascii = i == n;
        while (i < n) {
                unsigned len;
                uint32_t cp = sh_utf_next(s + i, n - i, &len);
                if (cp >= 0x110000 || (cp >= 0xD800 && cp <= 0xDFFF))
                        return false;
                i += len;
        }
        return true;
}

static int match_error(struct sh *sh, struct sh_regex *re, int rc)
{
        char text[200] = "";
        if (rc == PCRE2_ERROR_MATCHLIMIT || rc == PCRE2_ERROR_DEPTHLIMIT || rc == PCRE2_ERROR_HEAPLIMIT)
                return sh_throw_as(
                        sh, "System.Text.RegularExpressions.RegexMatchTimeoutException",
                        "RegexMatchTimeoutException", "OperationTimeout", SH_NIL,
                        "The regular expression %s takes too many steps on this text: it was given up.",
                        re->pattern);
        pcre2_get_error_message(rc, (PCRE2_UCHAR *)text, sizeof(text));
        return sh_throw(sh, "RegexMatch", "InvalidOperation", SH_NIL, "Matching %s failed: %s.", re->pattern,
                        text);
}

/* The offsets by .NET's numbers. Where several groups share a slot the one that ends last wins. */
static void take_offsets(struct sh_regex *re)
{
        const PCRE2_SIZE *o = pcre2_get_ovector_pointer(re->data);
        for (uint32_t i = 0; i < 2 * re->text.nslots; i++)
                re->at[i] = SIZE_MAX;
        for (uint32_t i = 0; i < re->text.ngroups; i++) {
                size_t *to = re->at + (size_t)2 * re->text.slot_of[i];
                if (o[2 * i] == PCRE2_UNSET || (to[0] != SIZE_MAX && to[1] > o[2 * i + 1]))
                        continue;
                to[0] = o[2 * i];
                to[1] = o[2 * i + 1];
        }
}

static int exec(struct sh *sh, struct sh_regex *re, const char *s, size_t n, size_t from, bool utf)
{
        int code;
        pcre2_code *use = re->code;
        uint32_t flags = PCRE2_NO_UTF_CHECK;
        re->uses += 1 + (unsigned)(n >> 12);
        if (re->uses > JIT_AFTER && !re->jit) {
                re->jit = true;
                pcre2_jit_compile(re->code, PCRE2_JIT_COMPLETE);
        }
        if (!utf) {
                if (!re->loose)
                        re->loose = compile(re, PCRE2_MATCH_INVALID_UTF, &code);
                use = re->loose;
                flags = 0;
        }
        if (re->text.nbehinds && !utf)
                return SH_NONE; /* what is asked from outside wants UTF-8 */
        pcre2_set_callout(match_context, re->text.nbehinds ? ask_behind : NULL, re);
        int rc = pcre2_match(use, (PCRE2_SPTR)s, n, from, flags, re->data, match_context);
        if (rc == PCRE2_ERROR_JIT_STACKLIMIT)
                rc = pcre2_match(use, (PCRE2_SPTR)s, n, from, flags | PCRE2_NO_JIT, re->data, match_context);
        if (rc == PCRE2_ERROR_NOMATCH)
                return SH_NONE;
        if (rc < 0)
                return match_error(sh, re, rc);
        take_offsets(re);
        return SH_OK;
}

int sh_regex_exec(struct sh *sh, struct sh_regex *re, const char *s, size_t n, size_t from,
                  const size_t **ret, uint32_t *ret_n)
{
        bool ascii, utf = is_utf8(s, n, &ascii);
        int st = exec(sh, re, s, n, from, utf);
        *ret = re->at;
        *ret_n = re->text.nslots;
        return st;
}

int sh_regex_each(struct sh *sh, struct sh_regex *re, struct sv text, size_t from,
                  int (*each)(void *, struct sh *, const size_t *at, uint32_t n), void *state)
{
        const struct sh_str *s = text.s;
        bool ascii, utf = is_utf8(s->s, s->len, &ascii);
        int st = SH_OK;
        sh_regex_keep(re);
        sh_keep(text);
        while (from <= s->len && st == SH_OK) {
                st = exec(sh, re, s->s, s->len, from, utf);
                if (st != SH_OK)
                        break;
                size_t start = re->at[0], end = re->at[1];
                st = each(state, sh, re->at, re->text.nslots);
                from = end;
                if (end <= start) { /* an empty match: go on behind the next character */
                        unsigned len = 1;
                        if (end < s->len && utf)
                                sh_utf_next(s->s + end, s->len - end, &len);
                        from = end + len;
                }
                if (st == SH_OK)
                        st = sh_check(sh);
        }
        sh_drop(text);
        sh_regex_drop(re);
        return st == SH_NONE || st == SH_STOP ? SH_OK : st;
}

/* ---- all captures of a group ----
 * The match is done once more, with a callout after each capture. What an abandoned attempt noted is forgotten when the
 * next note is further left, or when it does not lead to the group's last capture. */
struct noting {
        struct sh_regex *re;
        struct note {
                uint32_t slot;
                size_t from, to;
        } * v;
        uint32_t n, cap;
};

static int note_capture(pcre2_callout_block *b, void *state)
{
        struct noting *x = state;
        if (b->callout_number != 255)
                return ask_behind(b, x->re);
        uint32_t group = b->capture_last;
        if (!group || group >= x->re->text.ngroups || group >= b->capture_top)
                return 0;
        struct note note = { x->re->text.slot_of[group], b->offset_vector[2 * group],
                             b->offset_vector[2 * group + 1] };
        while (x->n && x->v[x->n - 1].to > note.to)
                x->n--;
        if (x->n == x->cap) {
                x->cap = x->cap ? 2 * x->cap : 16;
                x->v = realloc(x->v, x->cap * sizeof(*x->v));
                if (!x->v)
                        abort();
        }
        x->v[x->n++] = note;
        return 0;
}

static uint32_t of_slot(struct noting *x, uint32_t slot, const size_t *last, size_t **ret)
{
        uint32_t n = 0, end = x->n;
        while (end &&
               !(x->v[end - 1].slot == slot && x->v[end - 1].from == last[0] && x->v[end - 1].to == last[1]))
                end--;
        size_t *at = malloc(2 * sizeof(*at) * (end + 1));
        if (!at)
                abort();
        for (uint32_t i = 0; i < end; i++)
                if (x->v[i].slot == slot) {
                        at[2 * n] = x->v[i].from;
                        at[2 * n++ + 1] = x->v[i].to;
                }
        *ret = at;
        return n;
}

uint32_t sh_regex_captures(struct sh_regex *re, const char *s, size_t n, size_t start, uint32_t slot,
                           size_t **ret)
{
        struct noting x = { .re = re };
        struct re_text text;
        struct sh_buf why = { 0 };
        size_t at, last[2] = { SIZE_MAX, SIZE_MAX };
        int code;
        unsigned more = SH_RE_NOTE | (re->text.nbehinds ? SH_RE_CALL_BEHIND : 0);
        *ret = NULL;
        if (!sh_re_translate(re->pattern, re->npattern, re->options | more, &text, &why, &at)) {
                sh_buf_free(&why);
                return 0;
        }
        pcre2_code *noted = compile_text(&text, re->options, PCRE2_UTF, &code);
        sh_re_text_free(&text);
        if (!noted)
                return 0;
        pcre2_set_callout(match_context, note_capture, &x);
        int rc = pcre2_match(noted, (PCRE2_SPTR)s, n, start, PCRE2_ANCHORED, re->data, match_context);
        if (rc >= 0) {
                take_offsets(re);
                memcpy(last, re->at + (size_t)2 * slot, sizeof(last));
        }
        pcre2_code_free(noted);
        uint32_t found = rc >= 0 && last[0] != SIZE_MAX ? of_slot(&x, slot, last, ret) : 0;
        free(x.v);
        return found;
}

struct sv sh_regex_matches(struct sh *sh, struct sh_regex *re, const char *s, const size_t *at, uint32_t n)
{
        struct sv r = sh_hash_new(false);
        (void)sh;
        for (uint32_t i = 0; i < n; i++) {
                if (at[2 * i] == SIZE_MAX)
                        continue;
                const struct re_slot *slot = &re->text.slots[i];
                struct sv key = slot->name ? sh_text(slot->name) : sh_int((int32_t)slot->number),
                          value = sh_string(s + at[2 * i], at[2 * i + 1] - at[2 * i]);
                sh_hash_set(r.h, key, value);
                sh_drop(key);
                sh_drop(value);
        }
        return r;
}

/* ---- replacing ---- */
static void put_slot(const size_t *at, int slot, const char *s, struct sh_buf *b)
{
        if (slot >= 0 && at[2 * slot] != SIZE_MAX)
                sh_buf_put(b, s + at[2 * slot], at[2 * slot + 1] - at[2 * slot]);
}

/* $1 ${1} ${name} at with[i] (the dollar): its length, or 0 when the dollar is just a dollar. */
static size_t reference(const struct sh_regex *re, const char *with, size_t n, int *ret_slot)
{
        bool braced = n > 1 && with[1] == '{';
        size_t from = braced ? 2 : 1, i = from;
        while (i < n && ((with[i] >= '0' && with[i] <= '9') ||
                         (braced && (with[i] == '_' || (unsigned char)with[i] >= 0x80 ||
                                     ((with[i] | 32) >= 'a' && (with[i] | 32) <= 'z')))))
                i++;
        if (i == from || (braced && (i >= n || with[i] != '}')))
                return 0;
        *ret_slot = sh_regex_slot(re, with + from, i - from);
        return *ret_slot < 0 ? 0 : i + braced;
}

void sh_regex_expand(const struct sh_regex *re, const char *s, size_t n, const size_t *at, const char *with,
                     size_t nw, struct sh_buf *b)
{
        for (size_t i = 0; i < nw;) {
                const char *dollar = memchr(with + i, '$', nw - i);
                size_t k = dollar ? (size_t)(dollar - with) : nw, used = 2;
                int slot;
                sh_buf_put(b, with + i, k - i);
                if (k >= nw)
                        return;
                switch (k + 1 < nw ? with[k + 1] : 0) {
                case '$': sh_buf_puts(b, "$"); break;
                case '&': put_slot(at, 0, s, b); break;
                case '`': sh_buf_put(b, s, at[0]); break;
                case '\'': sh_buf_put(b, s + at[1], n - at[1]); break;
                case '+': put_slot(at, (int)re->text.nslots - 1, s, b); break;
                case '_': sh_buf_put(b, s, n); break;
                default:
                        used = reference(re, with + k, nw - k, &slot);
                        if (used)
                                put_slot(at, slot, s, b);
                        else
                                sh_buf_put(b, "$", used = 1);
                }
                i = k + used;
        }
}

struct replacing {
        struct sh_regex *re;
        struct sv text, with;
        int64_t left;
        size_t done;
        struct sh_buf out;
};

/* A script block gets the match as $_ and gives the text. */
static int replace_by_block(struct replacing *r, struct sh *sh, const size_t *at, uint32_t n)
{
        struct sv m = sh_match_new(sh, r->re, r->text, at, n), v = SH_NIL;
        int st = sh_block_value(sh, r->with, &m, (struct sh_args) { 1, &m }, true, &v);
        sh_drop(m);
        if (st == SH_OK) {
                sh_buf_value(sh, &r->out, v);
                sh_drop(v);
        }
        return st;
}

static int replace_each(void *state, struct sh *sh, const size_t *at, uint32_t n)
{
        struct replacing *r = state;
        size_t end = at[1];
        int st = SH_OK;
        sh_buf_put(&r->out, r->text.s->s + r->done, at[0] - r->done);
        r->done = end;
        if (r->with.kind == SH_BLOCK)
                st = replace_by_block(r, sh, at, n);
        else
                sh_regex_expand(r->re, r->text.s->s, r->text.s->len, at, r->with.s->s, r->with.s->len,
                                &r->out);
        return st != SH_OK ? st : r->left > 0 && --r->left == 0 ? SH_STOP : SH_OK;
}

/* limit: how many, at most; 0 or less: all. */
int sh_regex_replace(struct sh *sh, struct sh_regex *re, struct sv text, struct sv with, int64_t limit,
                     struct sv *ret)
{
        struct sv t = sh_to_text(sh, text);
        struct replacing r = { .re = sh_regex_keep(re), .text = t, .left = limit };
        sh_buf_put(&r.out, "", 0);
        with = sh_unwrap(with);
        r.with = with.kind == SH_BLOCK ? sh_keep(with) : sh_to_text(sh, with);
        int st = sh_regex_each(sh, re, t, 0, replace_each, &r);
        if (st == SH_OK && !r.done && r.out.n == 0) {
                *ret = sh_keep(t); /* nothing matched, or only nothing */
        } else if (st == SH_OK) {
                sh_buf_put(&r.out, t.s->s + r.done, t.s->len - r.done);
                *ret = sh_buf_take(&r.out);
        }
        sh_buf_free(&r.out);
        sh_drop(r.with);
        sh_drop(t);
        sh_regex_drop(re);
        return st;
}

/* ---- splitting ---- */
struct splitting {
        const struct sh_str *s;
        struct sh_array *out;
        size_t done;
        int64_t left;
        size_t *at; /* all matches, for splitting from the right */
        uint32_t n, cap;
};

static void split_at(struct splitting *p, const size_t *at, uint32_t n)
{
        sh_array_take(p->out, sh_string(p->s->s + p->done, at[0] - p->done));
        for (uint32_t i = 1; i < n; i++)
                if (at[2 * i] != SIZE_MAX)
                        sh_array_take(p->out, sh_string(p->s->s + at[2 * i], at[2 * i + 1] - at[2 * i]));
        p->done = at[1];
}

static int split_each(void *state, struct sh *sh, const size_t *at, uint32_t n)
{
        struct splitting *p = state;
        (void)sh;
        split_at(p, at, n);
        return p->left > 0 && --p->left == 1 ? SH_STOP : SH_OK;
}

static int split_note(void *state, struct sh *sh, const size_t *at, uint32_t n)
{
        struct splitting *p = state;
        (void)sh;
        if (p->n == p->cap) {
                p->cap = p->cap ? 2 * p->cap : 16;
                p->at = realloc(p->at, (size_t)p->cap * 2 * n * sizeof(*at));
                if (!p->at)
                        abort();
        }
        memcpy(p->at + (size_t)p->n++ * 2 * n, at, (size_t)2 * n * sizeof(*at));
        return SH_OK;
}

/* max: 0 all, n at most n pieces, -n at most n pieces counted from the right. */
int sh_regex_split(struct sh *sh, struct sh_regex *re, const struct sh_str *s, int64_t max,
                   struct sh_array *out)
{
        struct sv text = { .kind = SH_STRING, .s = (struct sh_str *)s };
        struct splitting p = { .s = s, .out = out, .left = max };
        uint32_t slots = re->text.nslots;
        int st = SH_OK;
        if (max < 0) {
                st = sh_regex_each(sh, re, text, 0, split_note, &p);
                uint32_t first = p.n > (uint64_t)(-max - 1) ? p.n - (uint32_t)(-max - 1) : 0;
                for (uint32_t i = first; st == SH_OK && i < p.n; i++)
                        split_at(&p, p.at + (size_t)i * 2 * slots, slots);
                free(p.at);
        } else if (max != 1) {
                st = sh_regex_each(sh, re, text, 0, split_each, &p);
        }
        if (st == SH_OK)
                sh_array_take(out, sh_string(s->s + p.done, s->len - p.done));
        return st;
}
