/* SPDX-License-Identifier: MIT
 *
 * What the container classes have in common: output of containers, isolation, making one.
 */
#ifndef RV_CONTAINER_H
#define RV_CONTAINER_H

#include "providers/lib/engine.h"

enum { RV_CONTAINER_OUTPUT = 4 << 20 };

/* Output that is kept: at most `most` bytes of each stream, the first or the last ones. */
struct rv_container_output {
        struct rv_buf out, err;
        size_t most;
        bool from_end;
};
bool rv_container_piece(void *output, int stream, const char *, size_t);
void rv_container_output_free(struct rv_container_output *);
int rv_container_logs(struct rv_engine *, const char *escaped_id, const char *query, struct rv_container_output *,
                      struct rv_error *);

/* Whether a runtime isolates by more than the kernel's namespaces. */
bool rv_container_is_sandbox(const char *runtime);
json_t *rv_container_texts(const struct rv_arg *, uint32_t n); /* an array of texts */
/* The engine's runtime for an isolation, "" for process; refused where there is none. */
int rv_container_runtime(struct rv_engine *, const char *isolation, char *to, size_t size, struct rv_error *);
/* "8080:80", "127.0.0.1:8080:80/udp", "80": into ExposedPorts and PortBindings. */
int rv_container_port(json_t *exposed, json_t *bindings, const struct rv_arg *, struct rv_error *);

#endif
