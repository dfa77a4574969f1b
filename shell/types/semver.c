/* SPDX-License-Identifier: MIT
 *
 * [semver]: MAJOR.MINOR.PATCH-LABEL+BUILD, ordered as semver.org has it: a release follows its previews, the build does
 * not count.
 */
#include "shell/dotnet.h"
#include "shell/fields.h"
#include "shell/types.h"

#include <ctype.h>
#include <string.h>

enum { S_MAJOR, S_MINOR, S_PATCH, S_LABEL, S_BUILD, S_N };

static struct sv semver_new(const int64_t *v, const char *label, size_t nlabel, const char *build,
                            size_t nbuild)
{
        struct sv r = sh_fields_new(&sh_type_semver, S_N);
        for (uint32_t i = 0; i < 3; i++)
                *sh_field(r, i) = sh_int((int32_t)v[i]);
        *sh_field(r, S_LABEL) = nlabel ? sh_string(label, nlabel) : SH_NIL;
        *sh_field(r, S_BUILD) = nbuild ? sh_string(build, nbuild) : SH_NIL;
        return r;
}

/* Dot-separated words of letters, digits and dashes. */
static size_t label_length(const char *s, size_t n)
{
        size_t i = 0;
        while (i < n && (isalnum((unsigned char)s[i]) || s[i] == '-' || s[i] == '.'))
                i++;
        return i && s[0] != '.' && s[i - 1] != '.' ? i : 0;
}

static bool semver_parse(const char *s, size_t n, struct sv *ret)
{
        int64_t v[3] = { 0 };
        size_t i = 0, nlabel = 0, nbuild = 0;
        const char *label = NULL, *build = NULL;
        for (int k = 0; k < 3; k++) {
                size_t from = i;
                for (; i < n && isdigit((unsigned char)s[i]); i++)
                        if ((v[k] = v[k] * 10 + s[i] - '0') > INT32_MAX)
                                return false;
                if (i == from)
                        return false;
                if (k == 2 || i == n || s[i] != '.')
                        break;
                i++;
        }
        if (i < n && s[i] == '-') {
                label = s + i + 1;
                if (!(nlabel = label_length(label, n - i - 1)))
                        return false;
                i += 1 + nlabel;
        }
        if (i < n && s[i] == '+') {
                build = s + i + 1;
                if (!(nbuild = label_length(build, n - i - 1)))
                        return false;
                i += 1 + nbuild;
        }
        if (i != n)
                return false;
        *ret = semver_new(v, label, nlabel, build, nbuild);
        return true;
}

static void semver_text(struct sh *sh, struct sv self, struct sh_buf *b)
{
        (void)sh;
        for (uint32_t i = 0; i < 3; i++)
                sh_buf_putf(b, "%s%lld", i ? "." : "", (long long)sh_field(self, i)->i);
        for (uint32_t i = S_LABEL; i < S_N; i++)
                if (sh_field(self, i)->kind == SH_STRING)
                        sh_buf_putf(b, "%c%s", i == S_LABEL ? '-' : '+', sh_field(self, i)->s->s);
}

static int semver_string(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        struct sh_buf b = { 0 };
        if (a.n)
                return SH_NONE;
        semver_text(sh, self, &b);
        *ret = sh_buf_take(&b);
        return SH_OK;
}

static int semver_convert(struct sh *sh, const struct sh_type *t, struct sv from, struct sv *ret)
{
        from = sh_unwrap(from);
        if (from.kind == SH_OTHER && from.o->type == &sh_type_version) {
                int64_t v[3];
                for (uint32_t i = 0; i < 3; i++)
                        v[i] = sh_field(from, i)->i < 0 ? 0 : sh_field(from, i)->i;
                *ret = semver_new(v, NULL, 0, NULL, 0);
                return SH_OK;
        }
        if (from.kind != SH_STRING && !sh_is_number(from))
                return SH_NONE;
        struct sv text = sh_to_text(sh, from);
        int st = semver_parse(text.s->s, text.s->len, ret)
                         ? SH_OK
                         : sh_throw_cast(sh, "InvalidCastParseTargetInvocation", from, t,
                                         "Cannot process argument because the value of argument \"version\" "
                                         "is not valid. "
                                         "Change the value of the \"version\" argument and run the operation "
                                         "again.");
        sh_drop(text);
        return st;
}

static int semver_construct(struct sh *sh, const struct sh_type *t, struct sh_args a, struct sv *ret)
{
        int64_t v[3] = { 0 };
        uint32_t n = 0;
        struct sv first = sh_unwrap(sh_args_at(a, 0));
        if (a.n == 1 && !sh_is_int(first))
                return semver_convert(sh, t, first, ret);
        for (; n < a.n && n < 3 && sh_is_int(sh_unwrap(a.v[n])); n++)
                v[n] = sh_unwrap(a.v[n]).i;
        struct sv label = sh_args_at(a, n), build = sh_args_at(a, n + 1);
        if (!n || a.n > n + 2)
                return SH_NONE;
        *ret = semver_new(
                v, label.kind == SH_STRING ? label.s->s : NULL, label.kind == SH_STRING ? label.s->len : 0,
                build.kind == SH_STRING ? build.s->s : NULL, build.kind == SH_STRING ? build.s->len : 0);
        return SH_OK;
}

/* Labels word by word: numbers by value and before words. */
static int label_order(const char *a, const char *b)
{
        while (*a || *b) {
                size_t na = strcspn(a, "."), nb = strcspn(b, ".");
                if (!na || !nb)
                        return (na > 0) - (nb > 0);
                bool da = strspn(a, "0123456789") >= na, db = strspn(b, "0123456789") >= nb;
                if (da != db)
                        return da ? -1 : 1;
                int c = da && na != nb ? (na > nb) - (na < nb) : strncmp(a, b, na < nb ? na : nb);
                if (c == 0)
                        c = (na > nb) - (na < nb);
                if (c)
                        return c < 0 ? -1 : 1;
                a += na + (a[na] == '.');
                b += nb + (b[nb] == '.');
        }
        return 0;
}

static int semver_order(struct sv a, struct sv b)
{
        for (uint32_t i = 0; i < 3; i++)
                if (sh_field(a, i)->i != sh_field(b, i)->i)
                        return sh_field(a, i)->i < sh_field(b, i)->i ? -1 : 1;
        bool pa = sh_field(a, S_LABEL)->kind == SH_STRING, pb = sh_field(b, S_LABEL)->kind == SH_STRING;
        return pa && pb ? label_order(sh_field(a, S_LABEL)->s->s, sh_field(b, S_LABEL)->s->s) : pb - pa;
}

static int semver_compare(struct sh *sh, struct sv a, struct sv b, int *ret)
{
        struct sv x;
        if (!sh_try_convert(sh, b, &sh_type_semver, &x))
                return SH_NONE;
        *ret = semver_order(a, x);
        sh_drop(x);
        return SH_OK;
}

static bool semver_equals(struct sv a, struct sv b)
{
        return b.kind == SH_OTHER && b.o->type == &sh_type_semver && semver_order(a, b) == 0;
}

static uint32_t semver_hash(struct sv v)
{
        return (uint32_t)(sh_field(v, 0)->i * 1000003 + sh_field(v, 1)->i * 8191 + sh_field(v, 2)->i);
}

static int semver_compare_to(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        int c;
        if (a.n != 1 || semver_compare(sh, self, a.v[0], &c) != SH_OK)
                return SH_NONE;
        *ret = sh_int(c);
        return SH_OK;
}

static int semver_static_parse(struct sh *sh, struct sv self, struct sh_args a, struct sv *ret)
{
        (void)self;
        struct sv t = sh_args_at(a, 0), v = SH_NIL;
        if (!a.n || t.kind != SH_STRING)
                return SH_NONE;
        bool good = semver_parse(t.s->s, t.s->len, &v);
        if (sh_member_arg(sh)) {
                int st = a.n < 2 ? SH_NONE : sh_ref_set(sh, a.v[1], v);
                sh_drop(v);
                *ret = sh_bool(good);
                return st;
        }
        *ret = v;
        return good ? SH_OK
                    : sh_throw_member(sh, a, "System.FormatException",
                                      "Input string was not in a correct format.");
}

static const struct sh_member semver_members[] = {
        SH_FIELD(S_MAJOR, "Major", "int Major {get;}"),
        SH_FIELD(S_MINOR, "Minor", "int Minor {get;}"),
        SH_FIELD(S_PATCH, "Patch", "int Patch {get;}"),
        SH_FIELD(S_LABEL, "PreReleaseLabel", "string PreReleaseLabel {get;}"),
        SH_FIELD(S_BUILD, "BuildLabel", "string BuildLabel {get;}"),
        SH_M("CompareTo", "int CompareTo(semver value)", semver_compare_to),
        SH_M("ToString", "string ToString()", semver_string),
        SH_SM("Parse", "static semver Parse(string version)", semver_static_parse, 0),
        SH_SM("TryParse", "static bool TryParse(string version, [ref] semver result)", semver_static_parse,
              1),
};
const struct sh_type sh_type_semver = { .name = "System.Management.Automation.SemanticVersion",
                                        .accelerator = "semver",
                                        .base = &sh_type_object,
                                        SH_MEMBERS(semver_members),
                                        .text = semver_text,
                                        .compare = semver_compare,
                                        .equals = semver_equals,
                                        .hash = semver_hash,
                                        .convert = semver_convert,
                                        .construct = semver_construct,
                                        .free = sh_fields_free };

SH_TYPES(semver, &sh_type_semver);
