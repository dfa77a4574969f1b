/* SPDX-License-Identifier: MIT
 *
 * Classes by name and namespace, and the three rules of authorization.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>
#include <unistd.h>

#include "agent/authorize.h"
#include "agent/registry.h"

static const struct rv_class base = { .name = "T_Base", .name_space = "root/reeve" },
                             other = { .name = "T_Base", .name_space = "root/cimv2" },
                             derived = { .name = "T_Derived", .name_space = "root/reeve", .base = &base },
                             far = { .name = "T_Far", .name_space = "root/standardcimv2" };

static int make(void **state)
{
        static struct rv_registry r;
        *state = &r;
        return rv_registry_init(&r) || rv_registry_add(&r, &far) || rv_registry_add(&r, &other) ||
               rv_registry_add(&r, &derived) || rv_registry_add(&r, &base);
}

static int unmake(void **state)
{
        rv_registry_free(*state);
        return 0;
}

static const struct rv_class *find(void **state, const char *name, const char *name_space)
{
        const struct rv_class *c = NULL;
        assert_int_equal(rv_registry_find(*state, name, name_space, &c, NULL), RV_OK);
        return c;
}

static void names_have_no_case_and_ours_comes_first(void **state)
{
        assert_ptr_equal(find(state, "t_base", NULL), &base);
        assert_ptr_equal(find(state, "T_BASE", "root/cimv2"), &other);
        assert_ptr_equal(find(state, "T_Base", "ROOT\\CIMV2"), &other);
        assert_ptr_equal(find(state, "T_Base", "//./root/cimv2"), &other);
        assert_ptr_equal(find(state, "T_Far", NULL), &far);
}

static void what_is_not_there_is_named_with_a_suggestion(void **state)
{
        const struct rv_class *c = &base;
        struct rv_error err = { 0 };
        assert_int_equal(rv_registry_find(*state, "T_Derivde", NULL, &c, &err), RV_INVALID_CLASS);
        assert_string_equal(err.message, "there is no class T_Derivde");
        assert_string_equal(err.hint, "Did you mean T_Derived?");
        assert_ptr_equal(c, &base); /* untouched */

        memset(&err, 0, sizeof err);
        assert_int_equal(rv_registry_find(*state, "T_Far", "root/cimv2", &c, &err), RV_INVALID_CLASS);
        assert_non_null(strstr(err.hint, "root/standardcimv2"));
        assert_int_equal(rv_registry_find(*state, "T_Far", "root/nowhere", &c, &err), RV_INVALID_NAMESPACE);
        assert_int_equal(rv_registry_find(*state, "", NULL, &c, &err), RV_INVALID_CLASS);
}

static void descent(void **state)
{
        (void)state;
        assert_true(rv_descends(&derived, &base));
        assert_true(rv_descends(&base, &base));
        assert_false(rv_descends(&base, &derived));
        assert_false(rv_descends(&derived, &other));
}

static void nobody_may_do_nothing(void **state)
{
        (void)state;
        struct rv_policy p = { .self = 0, .admin_group = (gid_t)-1 };
        struct rv_identity zeroed = { 0 };
        struct rv_error err = { 0 };
        for (int right = RV_RIGHT_CONNECT; right <= RV_RIGHT_INVOKE; right++) {
                assert_int_equal(rv_authorize(&p, &zeroed, (enum rv_right)right, &base, NULL, &err),
                                 RV_ACCESS_DENIED);
                assert_int_equal(rv_authorize(&p, NULL, (enum rv_right)right, &base, NULL, &err),
                                 RV_ACCESS_DENIED);
        }
}

static void three_rules_allow_and_a_denial_names_them(void **state)
{
        (void)state;
        struct rv_policy p = { .self = 500, .admin_group = 77 };
        struct rv_identity root = { .made = true, .uid = 0 }, self = { .made = true, .uid = 500 },
                           admin = { .made = true, .uid = 501, .admin = true },
                           user = { .made = true, .uid = 502, .user = "eve" };
        struct rv_error err = { 0 };
        assert_int_equal(rv_authorize(&p, &root, RV_RIGHT_MODIFY, &base, "M", &err), RV_OK);
        assert_int_equal(rv_authorize(&p, &self, RV_RIGHT_MODIFY, &base, "M", &err), RV_OK);
        assert_int_equal(rv_authorize(&p, &admin, RV_RIGHT_MODIFY, &base, "M", &err), RV_OK);
        assert_int_equal(rv_authorize(&p, &user, RV_RIGHT_CONNECT, NULL, NULL, &err), RV_ACCESS_DENIED);
        assert_int_equal(rv_authorize(&p, &user, RV_RIGHT_MODIFY, &base, "Break", &err), RV_ACCESS_DENIED);
        assert_non_null(strstr(err.message, "eve may not modify T_Base.Break"));
        assert_non_null(strstr(err.message, "no role fits, and rules root, self and group reeve-admin"));
        assert_string_equal(err.class_name, "T_Base");
}

static void administrators_are_known_by_group_or_by_name(void **state)
{
        (void)state;
        char *names[] = { "ann", "bob", NULL };
        struct rv_policy p = { .admin_group = 77, .admins = names },
                         none = { .admin_group = (gid_t)-1, .admins = names };
        gid_t in[] = { 5, 77 }, out[] = { 5, 78 };
        assert_true(rv_policy_is_admin(&p, "eve", in, 2));
        assert_true(rv_policy_is_admin(&p, "bob", out, 2));
        assert_false(rv_policy_is_admin(&p, "eve", out, 2));
        assert_false(rv_policy_is_admin(&p, "", out, 2));
        assert_false(rv_policy_is_admin(&p, NULL, NULL, 0));
        assert_false(rv_policy_is_admin(&none, "bob", in, 2));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(names_have_no_case_and_ours_comes_first, make, unmake),
                cmocka_unit_test_setup_teardown(what_is_not_there_is_named_with_a_suggestion, make, unmake),
                cmocka_unit_test(descent),
                cmocka_unit_test(nobody_may_do_nothing),
                cmocka_unit_test(three_rules_allow_and_a_denial_names_them),
                cmocka_unit_test(administrators_are_known_by_group_or_by_name),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
