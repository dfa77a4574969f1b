/* SPDX-License-Identifier: MIT
 *
 * The agent's log: one line on stderr for each message, whatever the message holds (control characters and broken
 * UTF-8 are written as \xNN), with systemd's priority prefix where the journal listens. Any thread.
 */
#ifndef RV_LOG_H
#define RV_LOG_H

enum rv_log_level { RV_LOG_ERROR = 3, RV_LOG_WARNING = 4, RV_LOG_NOTICE = 5, RV_LOG_INFO = 6, RV_LOG_DEBUG = 7 };

void rv_log_start(const char *program, int most_verbose); /* before the first message; defaults: "reeve-agent", INFO */
void rv_log(int level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void rv_tell_systemd(const char *state); /* to systemd where it started us, as sd_notify(3) has it: "READY=1" */

#endif
