/* SPDX-License-Identifier: MIT
 *
 * What a new container is to be, as the engine's API wants it, from the texts that people write: "8080:80",
 * "/srv:/data:ro". Each function checks what it is given (RV_INVALID_PARAMETER about `parameter`, before anything is
 * made) and adds to `to`, which the caller owns.
 */
#ifndef RV_CONTAINERSPEC_H
#define RV_CONTAINERSPEC_H

#include <jansson.h>
#include <stdbool.h>

#include "providers/lib/engine.h"
#include "schema/value.h"

struct rv_texts { /* a method's list of texts */
        const struct rv_arg *v;
        uint32_t n;
        const char *parameter;
};

/* Whether a runtime, by its name or path, has a kernel of its own; virtual: whether by a virtual machine. NULL: no. */
bool rv_spec_sandboxed(const char *runtime);
bool rv_spec_virtual(const char *runtime);
/* The engine's runtime for an isolation (NULL: default) and a runtime by name (NULL: none); "" where the engine's
 * default does. Refused (NOT_SUPPORTED) when the engine has no such runtime registered. */
int rv_spec_runtime(struct rv_engine *, const struct rv_call *, const char *isolation, const char *runtime,
                    char *ret, size_t size, struct rv_error *);
/* Whether a text can be a container's name. */
int rv_spec_name(const char *name, const char *parameter, struct rv_error *);

int rv_spec_list(json_t *to, const char *member, struct rv_texts);       /* as they are */
int rv_spec_environment(json_t *to, struct rv_texts, struct rv_error *); /* Env: NAME=VALUE */
int rv_spec_pairs(json_t *to, const char *member, struct rv_texts,
                  struct rv_error *); /* NAME=VALUE -> an object */
int rv_spec_ports(json_t *config, json_t *host, struct rv_texts, struct rv_error *);
int rv_spec_mounts(json_t *host, struct rv_texts, struct rv_error *);
int rv_spec_devices(json_t *host, struct rv_texts, struct rv_error *);
int rv_spec_restart(json_t *host, const char *policy, struct rv_error *);

/* A member where it was given. */
void rv_spec_text(json_t *to, const char *member, bool has, const char *text);
void rv_spec_flag(json_t *to, const char *member, bool has, bool flag);
/* Limits; NULL: not given. */
int rv_spec_limits(json_t *to, const uint64_t *memory, const uint64_t *swap, const uint64_t *reservation,
                   const double *cpus, const uint64_t *shares, const char *cpuset, const uint64_t *pids,
                   struct rv_error *);

#endif
