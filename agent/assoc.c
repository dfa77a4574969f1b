/* SPDX-License-Identifier: MIT */
#include "agent/assoc.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "agent/log.h"
#include "agent/pull.h"
#include "agent/scan.h"

#define OF(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))

/* ---- paths ---- */

/* Behind "//host/root/cimv2:". */
static const char *local_path(const char *s, size_t n)
{
        const char *end = s + n, *eq = memchr(s, '=', n);
        for (const char *p = eq ? eq : end; p > s; p--)
                if (p[-1] == ':')
                        return p;
        return s;
}

void rv_path_class(const char *path, char *to, size_t size)
{
        const char *s = local_path(path, strlen(path));
        snprintf(to, size, "%.*s", (int)strcspn(s, ".="), s);
}

int rv_path_keys(const char *path, const struct rv_class *c, struct rv_arena *a, struct rv_arg *ret,
                 struct rv_error *err)
{
        json_t *text = json_string(path);
        int r = text ? rv_json_bindings(text, c, false, a, ret, err)
                     : rv_fail(err, RV_INVALID_PARAMETER, "the path is no valid text");
        json_decref(text);
        return r;
}

/* Takes one Name=value off; false at the end. Quotes are cut off. */
static bool binding(const char **at, const char *end, const char **name, size_t *nname, const char **v,
                    size_t *nv)
{
        const char *s = *at, *eq = s < end ? memchr(s, '=', (size_t)(end - s)) : NULL;
        if (!eq)
                return false;
        *name = s;
        *nname = (size_t)(eq - s);
        const char *p = eq + 1;
        if (p < end && (*p == '"' || *p == '\'')) {
                char quote = *p++;
                *v = p;
                while (p < end && *p != quote)
                        p += *p == '\\' && p + 1 < end ? 2 : 1;
                *nv = (size_t)(p - *v);
                p += p < end;
        } else {
                *v = p;
                while (p < end && *p != ',')
                        p++;
                *nv = (size_t)(p - *v);
        }
        *at = p < end ? p + 1 : end;
        return true;
}

static bool has_binding(const char *s, const char *end, const char *name, size_t nname, const char *v,
                        size_t nv)
{
        const char *n2, *v2;
        size_t nn2, nv2;
        while (binding(&s, end, &n2, &nn2, &v2, &nv2))
                if (nname == nn2 && strncasecmp(name, n2, nname) == 0)
                        return nv == nv2 && memcmp(v, v2, nv) == 0;
        return false;
}

bool rv_path_fits(const char *path, size_t n, const char *asked, size_t nasked)
{
        const char *pe = path + n, *ae = asked + nasked, *name, *v;
        size_t nname, nv;
        if (n == nasked && memcmp(path, asked, n) == 0)
                return true;
        path = local_path(path, n);
        asked = local_path(asked, nasked);
        const char *pd = memchr(path, '.', (size_t)(pe - path)),
                   *ad = memchr(asked, '.', (size_t)(ae - asked));
        if (!pd || !ad || pd - path != ad - asked || strncasecmp(path, asked, (size_t)(pd - path)) != 0)
                return false;
        for (asked = ad + 1; binding(&asked, ae, &name, &nname, &v, &nv);)
                if (!has_binding(pd + 1, pe, name, nname, v, nv))
                        return false;
        return true;
}

/* ---- rows ---- */

static int read_class(const struct rv_rows *x, const struct rv_class *c, struct rv_entry *e,
                      const struct rv_arg *keys, const uint64_t *want, int (*each)(void *, struct rv_batch *),
                      void *state)
{
        struct rv_arena arena = { 0 };
        struct rv_plan plan;
        const char **names = rv_arena_get(&arena, (c->nproperties + 1) * sizeof *names);
        struct rv_arg *own = rv_arena_get(&arena, (c->nproperties + 1) * sizeof *own);
        struct rv_ask ask = { .properties = names, .keys = keys ? own : NULL };
        for (uint32_t p = 0; names && want && p < c->nproperties; p++)
                if (rv_bit(want, p))
                        names[ask.nproperties++] = c->properties[p].name;
        /* What lives in the caller's memory must live as long as the scan, which may outlive us. */
        for (uint32_t p = 0; own && keys && p < c->nproperties; p++) {
                own[p] = keys[p];
                if (own[p].type == RV_STRING || own[p].type == RV_REF)
                        own[p].s = rv_arena_text(&arena, keys[p].s, keys[p].len);
        }
        int r = names && own ? rv_plan_make(&arena, c, &ask, &plan, x->err) : -ENOMEM;
        struct rv_pull *pull = r ? NULL : rv_pull_new(x->agent, e, x->who, x->deadline, &arena, &plan);
        if (r == RV_OK && !pull)
                r = -ENOMEM;
        struct rv_error missing = { 0 };
        for (struct rv_batch *b; r == RV_OK && (b = rv_pull_next(pull, x->cancelled, &missing));) {
                r = each(state, b);
                rv_batch_free(b);
        }
        rv_pull_free(pull);
        rv_arena_free(&arena);
        if (r == RV_OK && missing.code) {
                *x->err = missing;
                r = missing.code;
        }
        return r;
}

/* A mask of the base's properties fits its subclasses: their ids extend its. It must be as long as theirs. */
int rv_rows_read(const struct rv_rows *x, const struct rv_class *base, const struct rv_arg *keys,
                 const uint64_t *want, int (*each)(void *, struct rv_batch *), void *state)
{
        const struct rv_registry *g = &x->agent->registry;
        int r = RV_OK;
        for (uint32_t i = 0; i < g->n && r == RV_OK; i++) {
                const struct rv_class *c = g->classes[i];
                bool fits = c == base || (!x->exact && rv_descends(c, base));
                const struct rv_class *source = fits && c->view_of ? rv_class_find(c->view_of, NULL) : c;
                struct rv_entry *e = fits && source ? rv_entry_find(x->agent, source) : NULL;
                if (!e)
                        continue;
                uint64_t *mask = calloc(RV_MASK_WORDS(c->nproperties) + 1, sizeof *mask);
                struct rv_arg *k = keys ? calloc(c->nproperties + 1, sizeof *k) : NULL;
                if (mask && want)
                        memcpy(mask, want, RV_MASK_WORDS(base->nproperties) * sizeof *mask);
                if (k)
                        memcpy(k, keys, base->nproperties * sizeof *k);
                r = mask && (k || !keys) ? read_class(x, c, e, k, mask, each, state) : -ENOMEM;
                free(mask);
                free(k);
        }
        return r;
}

/* ---- values that are joined ---- */

/* The outermost NAME of "/a.slice/NAME.service/...". */
static bool service_of(const char *s, size_t n, struct rv_arg *ret)
{
        static const char ending[] = ".service";
        const size_t m = sizeof ending - 1;
        for (const char *p = s, *end = s + n; p < end;) {
                const char *slash = memchr(p, '/', (size_t)(end - p));
                size_t len = (size_t)((slash ? slash : end) - p);
                if (len > m && memcmp(p + len - m, ending, m) == 0) {
                        *ret = (struct rv_arg) { .type = RV_STRING, .len = (uint32_t)(len - m), .s = p };
                        return true;
                }
                p += len + 1;
        }
        return false;
}

static bool to_arg(const struct rv_batch *b, const struct rv_value *v, bool service, struct rv_arg *ret)
{
        if (v->type == RV_NULL || v->type >= RV_LIST)
                return false;
        *ret = (struct rv_arg) { .type = v->type, .len = v->len };
        if (v->type == RV_STRING || v->type == RV_REF) {
                ret->s = rv_text(b, v);
                return !service || service_of(ret->s, ret->len, ret);
        }
        ret->u = v->u;
        return !service;
}

/* The i-th value of a property: itself, or an item. False: there is none. */
static bool value_at(const struct rv_batch *b, uint32_t row, unsigned p, bool service, uint32_t i,
                     struct rv_arg *ret)
{
        const struct rv_value *v = rv_get(b, row, p);
        if (v->type != RV_LIST)
                return i == 0 && to_arg(b, v, service, ret);
        return i < v->len && to_arg(b, &rv_items(b, v)[i], service, ret);
}

static uint32_t count(const struct rv_batch *b, uint32_t row, unsigned p)
{
        const struct rv_value *v = rv_get(b, row, p);
        return v->type == RV_LIST ? v->len : v->type != RV_NULL;
}

static bool is_text(const struct rv_arg *v)
{
        return v->type == RV_STRING || v->type == RV_REF;
}

static bool same(const struct rv_arg *a, const struct rv_arg *b)
{
        if (is_text(a) || is_text(b))
                return is_text(a) && is_text(b) && a->len == b->len && memcmp(a->s, b->s, a->len) == 0;
        return a->u == b->u;
}

static bool term_holds(const struct rv_join_term *t, int from, const struct rv_batch *l, uint32_t lrow,
                       const struct rv_batch *r, uint32_t rrow)
{
        unsigned pl = t->property[from], pr = t->property[!from];
        struct rv_arg a, b;
        for (uint32_t i = 0; i < count(l, lrow, pl); i++)
                for (uint32_t k = 0; k < count(r, rrow, pr); k++)
                        if (value_at(l, lrow, pl, t->service[from], i, &a) &&
                            value_at(r, rrow, pr, t->service[!from], k, &b) && same(&a, &b))
                                return true;
        return false;
}

static bool all_hold(const struct rv_assoc *a, int from, const struct rv_batch *l, uint32_t lrow,
                     const struct rv_batch *r, uint32_t rrow)
{
        for (unsigned i = 0; i < a->nterms; i++)
                if (!term_holds(&a->terms[i], from, l, lrow, r, rrow))
                        return false;
        return true;
}

/* ---- from one object ---- */

struct near {
        struct rv_walk *w;
        const struct rv_batch *l;
        uint32_t lrow;
};

static int on_near(void *state, struct rv_batch *b)
{
        struct near *n = state;
        int r = RV_OK;
        for (uint32_t i = 0; i < b->n && r == RV_OK; i++)
                if (all_hold(n->w->assoc, n->w->from, n->l, n->lrow, b, i))
                        r = n->w->each(n->w, n->l, n->lrow, b, i);
        return r;
}

static bool is_signed(const struct rv_property *p)
{
        return p->type == RV_CIM_SINT8 || p->type == RV_CIM_SINT16 || p->type == RV_CIM_SINT32 ||
               p->type == RV_CIM_SINT64;
}

/* A value as the other side's key condition; false when nothing can equal it. */
static bool as_key(const struct rv_arg *v, const struct rv_property *p, struct rv_arg *ret)
{
        *ret = *v;
        if (p->type == RV_CIM_STRING || p->type == RV_CIM_REFERENCE)
                return is_text(v);
        if (is_text(v))
                return false;
        if (v->type == RV_UINT && is_signed(p))
                ret->type = RV_INT;
        else if (v->type == RV_INT && !is_signed(p))
                ret->type = RV_UINT;
        return true;
}

static bool can_push(const struct rv_walk *w, const struct rv_join_term *t)
{
        const struct rv_property *p = &w->assoc->of[!w->from]->properties[t->property[!w->from]];
        return !t->service[!w->from] && !p->is_array;
}

static uint64_t *wanted(const struct rv_class *c, const struct rv_assoc *a, int side, const uint64_t *more)
{
        uint64_t *mask = calloc(RV_MASK_WORDS(c->nproperties) + 1, sizeof *mask);
        for (uint32_t p = 0; mask && more && p < c->nproperties; p++)
                if (rv_bit(more, p))
                        rv_bit_set(mask, p);
        for (unsigned i = 0; mask && i < a->nterms; i++)
                rv_bit_set(mask, a->terms[i].property[side]);
        return mask;
}

/* Asks the other side with keys; the driver's value differs from call to call. */
static int ask_near(struct rv_walk *w, struct near *n, const struct rv_arg *keys)
{
        const struct rv_class *c = w->only ? w->only : w->assoc->of[!w->from];
        struct rv_rows x = { w->agent, w->who, w->deadline, w->cancelled, w->err, w->only != NULL };
        uint64_t *mask = wanted(c, w->assoc, !w->from, w->want);
        struct rv_arg *k = calloc(c->nproperties + 1, sizeof *k);
        if (k)
                memcpy(k, keys, w->assoc->of[!w->from]->nproperties * sizeof *k);
        int r = mask && k ? rv_rows_read(&x, c, k, mask, on_near, n) : -ENOMEM;
        free(mask);
        free(k);
        return r;
}

int rv_walk_row(struct rv_walk *w, const struct rv_batch *l, uint32_t lrow)
{
        const struct rv_assoc *a = w->assoc;
        const struct rv_class *other = a->of[!w->from];
        struct near n = { w, l, lrow };
        int driver = -1, r = RV_OK;
        struct rv_arg *keys = calloc(other->nproperties + 1, sizeof *keys), v;
        if (!keys)
                return -ENOMEM;
        for (unsigned i = 0; i < a->nterms && r == RV_OK; i++) {
                const struct rv_join_term *t = &a->terms[i];
                uint32_t have = count(l, lrow, t->property[w->from]);
                if (!have)
                        r = RV_STOP; /* null equals nothing */
                else if (can_push(w, t) && rv_get(l, lrow, t->property[w->from])->type == RV_LIST)
                        driver = driver < 0 ? (int)i : driver;
                else if (can_push(w, t) &&
                         (!value_at(l, lrow, t->property[w->from], t->service[w->from], 0, &v) ||
                          !as_key(&v, &other->properties[t->property[!w->from]],
                                  &keys[t->property[!w->from]])))
                        r = RV_STOP;
        }
        if (r == RV_OK && driver < 0)
                r = ask_near(w, &n, keys);
        for (uint32_t i = 0; r == RV_OK && driver >= 0; i++) {
                const struct rv_join_term *t = &a->terms[driver];
                if (i >= count(l, lrow, t->property[w->from]))
                        break;
                unsigned p = t->property[!w->from];
                if (value_at(l, lrow, t->property[w->from], t->service[w->from], i, &v) &&
                    as_key(&v, &other->properties[p], &keys[p]))
                        r = ask_near(w, &n, keys);
        }
        free(keys);
        return r == RV_STOP ? RV_OK : r;
}

/* ---- the whole association ---- */

struct held {
        struct held *next;  /* of the bucket */
        struct rv_batch *b; /* in `join.batches` */
        uint32_t row;
};

struct join {
        struct rv_walk *w;
        struct rv_batch *batches;
        struct held **buckets;
        size_t nbuckets, n, bytes;
        struct rv_arena arena;
};

static size_t hash(const struct rv_arg *v)
{
        uint64_t h = UINT64_C(14695981039346656037);
        if (!is_text(v))
                return (size_t)(v->u * UINT64_C(0x9e3779b97f4a7c15) >> 20);
        for (uint32_t i = 0; i < v->len; i++)
                h = (h ^ (unsigned char)v->s[i]) * UINT64_C(1099511628211);
        return (size_t)h;
}

/* Keeps a copy of the other side's rows under the values of the first term. */
static int on_held(void *state, struct rv_batch *b)
{
        struct join *j = state;
        const struct rv_join_term *t = &j->w->assoc->terms[0];
        int side = !j->w->from;
        struct rv_batch *own = malloc(sizeof *own);
        uint8_t *mem = own ? malloc(b->used ? b->used : 1) : NULL;
        if (!mem) {
                free(own);
                return -ENOMEM;
        }
        *own = *b;
        own->mem = memcpy(mem, b->mem, b->used);
        own->cap = b->used;
        own->pin = NULL;
        own->next = j->batches;
        j->batches = own;
        j->bytes += b->used;
        for (uint32_t i = 0; i < own->n; i++)
                for (uint32_t k = 0; k < count(own, i, t->property[side]); k++) {
                        struct rv_arg v;
                        struct held *h = rv_arena_get(&j->arena, sizeof *h);
                        if (!h)
                                return -ENOMEM;
                        if (!value_at(own, i, t->property[side], t->service[side], k, &v))
                                continue;
                        size_t at = hash(&v) & (j->nbuckets - 1);
                        *h = (struct held) { j->buckets[at], own, i };
                        j->buckets[at] = h;
                }
        if (j->bytes + j->arena.total <= RV_JOIN_BYTES)
                return RV_OK;
        rv_hint(j->w->err, "Ask for one object's, with Associators or a key.");
        return rv_fail(j->w->err, RV_SERVER_LIMITS_EXCEEDED, "%s is too large to be read as a whole",
                       j->w->assoc->class->name);
}

static int on_probe(void *state, struct rv_batch *b)
{
        struct join *j = state;
        const struct rv_join_term *t = &j->w->assoc->terms[0];
        int from = j->w->from, r = RV_OK;
        for (uint32_t i = 0; i < b->n && r == RV_OK; i++)
                for (uint32_t k = 0; k < count(b, i, t->property[from]) && r == RV_OK; k++) {
                        struct rv_arg v, other;
                        if (!value_at(b, i, t->property[from], t->service[from], k, &v))
                                continue;
                        for (struct held *h = j->buckets[hash(&v) & (j->nbuckets - 1)]; h && r == RV_OK;
                             h = h->next) {
                                bool fits = false;
                                for (uint32_t m = 0; !fits && m < count(h->b, h->row, t->property[!from]);
                                     m++)
                                        fits = value_at(h->b, h->row, t->property[!from], t->service[!from],
                                                        m, &other) &&
                                               same(&v, &other);
                                if (fits && all_hold(j->w->assoc, from, b, i, h->b, h->row))
                                        r = j->w->each(j->w, b, i, h->b, h->row);
                        }
                }
        return r;
}

static int walk_all(struct rv_walk *w)
{
        struct rv_rows x = { w->agent, w->who, w->deadline, w->cancelled, w->err, false };
        struct join j = { .w = w, .nbuckets = 4096 };
        const struct rv_class *l = w->assoc->of[w->from], *o = w->assoc->of[!w->from];
        uint64_t *lmask = wanted(l, w->assoc, w->from, NULL), *omask = wanted(o, w->assoc, !w->from, NULL);
        j.buckets = calloc(j.nbuckets, sizeof *j.buckets);
        int r = j.buckets && lmask && omask ? rv_rows_read(&x, o, NULL, omask, on_held, &j) : -ENOMEM;
        if (r == RV_OK)
                r = rv_rows_read(&x, l, NULL, lmask, on_probe, &j);
        while (j.batches) {
                struct rv_batch *next = j.batches->next;
                rv_batch_free(j.batches);
                j.batches = next;
        }
        rv_arena_free(&j.arena);
        free(j.buckets);
        free(lmask);
        free(omask);
        return r;
}

/* ---- as a provider ---- */

static void set_path(struct rv_row *row, unsigned p, const struct rv_batch *b, uint32_t i)
{
        struct rv_buf path = { 0 };
        if (!rv_wants(row, p))
                return;
        rv_json_path(&path, b, i);
        rv_set_ref(row, p, path.data ? path.data : "", path.len);
        rv_buf_free(&path);
}

static int emit_pair(struct rv_walk *w, const struct rv_batch *l, uint32_t lrow, const struct rv_batch *r,
                     uint32_t rrow)
{
        struct rv_row *row = rv_row(w->state);
        set_path(row, w->assoc->ref[w->from], l, lrow);
        set_path(row, w->assoc->ref[!w->from], r, rrow);
        return rv_emit(w->state, row);
}

static int on_start(void *state, struct rv_batch *b)
{
        struct rv_walk *w = state;
        int r = RV_OK;
        for (uint32_t i = 0; i < b->n && r == RV_OK; i++)
                r = rv_walk_row(w, b, i);
        return r;
}

static int from_path(struct rv_walk *w, const char *path)
{
        const struct rv_class *c = w->assoc->of[w->from];
        char name[128];
        rv_path_class(path, name, sizeof name);
        const struct rv_class *named = rv_class_isa(c, name) ? c : NULL;
        if (!named && (rv_registry_find(&w->agent->registry, name, c->name_space, &named, NULL) ||
                       !rv_descends(named, c)))
                return RV_OK; /* no such object can be there */
        struct rv_arena arena = { 0 };
        struct rv_arg *keys = rv_arena_get(&arena, (named->nproperties + 1) * sizeof *keys);
        uint64_t *mask = wanted(named, w->assoc, w->from, NULL);
        struct rv_rows x = { w->agent, w->who, w->deadline, w->cancelled, w->err, false };
        int r = keys && mask ? rv_path_keys(path, named, &arena, keys, w->err) : -ENOMEM;
        if (r == RV_OK)
                r = rv_rows_read(&x, named, keys, mask, on_start, w);
        free(mask);
        rv_arena_free(&arena);
        return r;
}

static int assoc_query(const struct rv_query *q, struct rv_sink *out, struct rv_error *err)
{
        struct rv_scan *s = OF(q->call, struct rv_scan, call);
        struct rv_walk w = { .agent = q->call->core,
                             .who = q->who,
                             .deadline = q->deadline,
                             .cancelled = &s->cancelled,
                             .assoc = rv_assoc_find(q->call->core, q->class),
                             .each = emit_pair,
                             .state = out,
                             .err = err };
        for (int side = 0; side < 2; side++) {
                const struct rv_arg *path = rv_equals(q, w.assoc->ref[side]);
                w.from = side;
                if (path)
                        return from_path(&w, path->s);
        }
        w.from = 0;
        return walk_all(&w);
}

const struct rv_assoc *rv_assoc_find(const struct rv_agent *a, const struct rv_class *c)
{
        for (unsigned i = 0; i < a->nassocs; i++)
                if (a->assocs[i].class == c)
                        return &a->assocs[i];
        return NULL;
}

/* ---- Join ---- */

/* "service(Process.Cgroup)" or "Service.Name": which side, property and whether service(). */
static bool operand(struct rv_assoc *a, const char *s, size_t n, int *side, uint16_t *property, bool *service)
{
        while (n && s[n - 1] == ' ')
                n--;
        while (n && *s == ' ')
                s++, n--;
        *service = n > 9 && strncmp(s, "service(", 8) == 0 && s[n - 1] == ')';
        if (*service)
                s += 8, n -= 9;
        const char *dot = memchr(s, '.', n);
        if (!dot)
                return false;
        int ref = rv_property_find(a->class, s, (size_t)(dot - s));
        if (ref < 0 || (ref != a->ref[0] && ref != a->ref[1]))
                return false;
        *side = ref == a->ref[1];
        int p = rv_property_find(a->of[*side], dot + 1, n - (size_t)(dot + 1 - s));
        *property = (uint16_t)p;
        return p >= 0;
}

static bool read_join(struct rv_assoc *a, const struct rv_qualifier *join)
{
        for (uint32_t i = 0; i < join->nvalues; i++) {
                const char *s = join->values[i], *eq = strchr(s, '=');
                struct rv_join_term t = { 0 };
                int side[2];
                uint16_t p[2];
                bool service[2];
                if (!eq || a->nterms == RV_JOIN_TERMS ||
                    !operand(a, s, (size_t)(eq - s), &side[0], &p[0], &service[0]) ||
                    !operand(a, eq + 1, strlen(eq + 1), &side[1], &p[1], &service[1]) || side[0] == side[1])
                        return false;
                for (int k = 0; k < 2; k++)
                        t.property[side[k]] = p[k], t.service[side[k]] = service[k];
                a->terms[a->nterms++] = t;
        }
        return a->nterms;
}

static bool assoc_make(struct rv_agent *agent, const struct rv_class *c, const struct rv_qualifier *join,
                       struct rv_assoc *a)
{
        unsigned nrefs = 0;
        *a = (struct rv_assoc) { .class = c, .provider = { .class = c, .query = assoc_query, .threads = 4 } };
        for (uint32_t p = 0; p < c->nproperties; p++)
                if (c->properties[p].type == RV_CIM_REFERENCE) {
                        if (nrefs == 2 || rv_registry_find(&agent->registry, c->properties[p].ref_class, NULL,
                                                           &a->of[nrefs], NULL))
                                return false;
                        a->ref[nrefs++] = (uint16_t)p;
                }
        for (int side = 0; nrefs == 2 && side < 2; side++) {
                const struct rv_class *of =
                        a->of[side]->view_of ? rv_class_find(a->of[side]->view_of, NULL) : a->of[side];
                if (!of || rv_qualifier_find(of->qualifiers, of->nqualifiers, "Join"))
                        return false; /* of an association: it might go round in circles */
        }
        return nrefs == 2 && read_join(a, join);
}

int rv_assocs_init(struct rv_agent *agent)
{
        const struct rv_registry *g = &agent->registry;
        agent->assocs = calloc(g->n + 1, sizeof *agent->assocs);
        if (!agent->assocs)
                return -ENOMEM;
        for (uint32_t i = 0; i < g->n; i++) {
                const struct rv_class *c = g->classes[i];
                const struct rv_qualifier *join = rv_qualifier_find(c->qualifiers, c->nqualifiers, "Join");
                if (!join)
                        continue;
                if (assoc_make(agent, c, join, &agent->assocs[agent->nassocs]))
                        agent->nassocs++;
                else
                        rv_log(RV_LOG_ERROR, "the Join of %s does not fit its references", c->name);
        }
        return 0;
}

void rv_assocs_free(struct rv_agent *agent)
{
        free(agent->assocs);
        agent->assocs = NULL;
        agent->nassocs = 0;
}
