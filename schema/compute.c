/* SPDX-License-Identifier: MIT */
#include "schema/compute.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum { DEPTH = 20 };

struct reader {
        const char *at;
        rv_compute_get *get;
        void *state;
        unsigned depth;
        bool null, fault;
};

static long double sum(struct reader *r);

static char next(struct reader *r)
{
        while (*r->at == ' ')
                r->at++;
        return *r->at;
}

static long double operand(struct reader *r)
{
        long double v = 0;
        char c = next(r);
        if (c == '(' && r->depth++ < DEPTH) {
                r->at++;
                v = sum(r);
                r->fault |= next(r) != ')';
                r->at += !r->fault;
                r->depth--;
        } else if (isdigit((unsigned char)c)) {
                size_t n = strspn(r->at, "0123456789.");
                v = strtold(r->at, NULL);
                r->at += n;
        } else if (isalpha((unsigned char)c)) {
                const char *name = r->at;
                while (isalnum((unsigned char)*r->at) || *r->at == '_')
                        r->at++;
                r->null |= !r->get(r->state, name, (size_t)(r->at - name), &v);
        } else {
                r->fault = true;
        }
        return v;
}

static long double product(struct reader *r)
{
        long double v = operand(r);
        for (char c; !r->fault && ((c = next(r)) == '*' || c == '/');) {
                r->at++;
                long double w = operand(r);
                if (c == '/' && w == 0)
                        r->null = true;
                else
                        v = c == '*' ? v * w : v / w;
        }
        return v;
}

static long double sum(struct reader *r)
{
        long double v = product(r);
        for (char c; !r->fault && ((c = next(r)) == '+' || c == '-');) {
                r->at++;
                long double w = product(r);
                v = c == '+' ? v + w : v - w;
        }
        return v;
}

enum rv_computed rv_compute(const char *text, rv_compute_get *get, void *state, long double *ret)
{
        struct reader r = { .at = text, .get = get, .state = state };
        long double v = sum(&r);
        if (r.fault || next(&r))
                return RV_COMPUTE_FAULT;
        if (r.null)
                return RV_COMPUTED_NULL;
        *ret = v;
        return RV_COMPUTED;
}
