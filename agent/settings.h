/* SPDX-License-Identifier: MIT
 *
 * Every key of reeve.conf, declared once: who reads the file knows a key from here, and the reference (make docs) is
 * written from here. X(section, key, default, what it may be, what it means).
 */
#ifndef RV_SETTINGS_H
#define RV_SETTINGS_H

/* reeved's: agent/monitor/config.c has set_KEY() for each. */
#define RV_SETTINGS_SSH(X) \
        X(ssh, enabled, "yes", "yes, no", "Whether SSH is served at all.") \
        X(ssh, listen, "127.0.0.1, ::1", "an address; may be repeated", \
          "Where SSH is listened for. An empty value forgets the earlier ones. Counts at the next start.") \
        X(ssh, port, "2222", "0 to 65535", "The port; 0 picks one. Counts at the next start.") \
        X(ssh, authorized_keys, "no", "yes, no", \
          "Whether the users' own ~/.ssh/authorized_keys count, too.") \
        X(ssh, keys_dir, "/etc/reeve/keys.d", "an absolute path", \
          "The folder of USER.keys files. Counts at the next start.") \
        X(ssh, penalties, "yes", "yes, no", "Whether addresses that fail often must wait.") \
        X(ssh, shell, "reeve", "an absolute path", \
          "The program of a login; another than reeve is given commands with -c. Counts at the next start.") \
        X(ssh, algorithms, "default", "default, compat", \
          "compat: also ecdh-sha2-nistp256 and plain HMAC-SHA-2, for old clients.") \
        X(ssh, sftp, "yes", "yes, no, atomic", \
          "File transfer; atomic: an upload replaces the old file when it is complete.") \
        X(ssh, trusted_user_ca_keys, "none", "an absolute path", \
          "Authorities whose certificates let users in.") \
        X(ssh, revoked_keys, "none", "an absolute path", \
          "Keys, certificates and authorities that count no more.") \
        X(ssh, forward, "none", "HOST:PORT, with commas between; may be repeated", \
          "Targets that every login may be forwarded to; *:PORT and HOST:* as well.") \
        X(ssh, pam, "no", "yes, no, keys", \
          "yes: passwords, and PAM's account and session steps; keys: these steps alone.") \
        X(ssh, sessions, "512", "1 to 100000", "Connections after login, in all.") \
        X(ssh, sessions_per_user, "64", "1 to 100000", "Of these, one user's.")

/* The agent's: agent/config.c. They count at the agent's next start. */
#define RV_SETTINGS_AGENT(X) \
        X(audit, keep_days, "400", "a number from 0", "Older records go to a segment; 0: never.") \
        X(audit, keep_records, "1000000", "a number from 0", \
          "So do those beyond so many; 0: without limit.") \
        X(audit, keep_segments, "100", "a number from 0", \
          "The oldest segments beyond so many are removed; 0: none.") \
        X(roles, dir, "/etc/reeve/roles.d", "an absolute path", "The folder of NAME.role files.") \
        X(history, keep, \
          "Service, NetAdapter, NetIPAddress, NetRoute, Mount, LocalUser, LocalGroup, Package", \
          "names of classes, or none", \
          "The classes whose states are kept; CLASS/SECONDS is polled so often.") \
        X(history, days, "30", "a number from 0", "How long a state is kept; 0: no limit by age.") \
        X(history, states, "200000", "a number from 0", "How many states are kept.") \
        X(history, mebibytes, "64", "a number from 0", "How much they may take on disk.") \
        X(metrics, listen, "none", "127.0.0.1:PORT or [::1]:PORT; may be repeated", \
          "Where GET /metrics is answered over TCP: loopback only.") \
        X(metrics, role, "none", "the name of a role", \
          "All that these scrapes may read. Needed with listen.") \
        X(metrics, users, "anybody", "names of users, with commas between",                                            \
          "Whose processes may scrape: the kernel tells whose socket it is.")                                          \
        X(providers, dirs, "/etc/reeve/providers.d:/usr/lib/reeve/providers", \
          "absolute paths, divided by colons", "The folders of external providers.")

#endif
