#!/bin/sh
# SPDX-License-Identifier: MIT
# make demo: starts an agent on loopback with throwaway keys in a folder of its own and puts you at its prompt over
# real SSH; another terminal gets in by the ssh_config that it names. Everything is stopped and removed when you leave. With
# arguments after the build folder, runs them as one command instead of the prompt:  sh docs/demo.sh build Get-Process
set -eu
build=${1:-build}
shift $(( $# > 0 ? 1 : 0 ))
bin=$(cd "$build/bin" && pwd)
dir=$(mktemp -d "${TMPDIR:-/tmp}/reeve-demo.XXXXXX")
agent=
stop() {
        [ -z "$agent" ] || kill "$agent" 2>/dev/null || true
        [ -z "$agent" ] || wait "$agent" 2>/dev/null || true
        rm -rf "$dir"
}
trap stop EXIT
trap 'exit 130' INT TERM
umask 077
user=$(id -un)
mkdir -p "$dir/state" "$dir/keys.d"
ssh-keygen -q -t ed25519 -N '' -C reeve-demo -f "$dir/key"
cp "$dir/key.pub" "$dir/keys.d/$user.keys"
"$bin/reeved" --foreground --state "$dir/state" --socket "$dir/agent.sock" --keys-dir "$dir/keys.d" \
        --listen 127.0.0.1 --ssh-port 0 >"$dir/log" 2>&1 &
agent=$!
tries=0
until [ -s "$dir/state/ssh-port" ] && [ -s "$dir/state/ssh_host_ed25519_key.pub" ]; do
        tries=$((tries + 1))
        if [ "$tries" -gt 100 ] || ! kill -0 "$agent" 2>/dev/null; then
                echo "the agent did not start:" >&2
                cat "$dir/log" >&2
                exit 1
        fi
        sleep 0.1
done
port=$(cat "$dir/state/ssh-port")
printf '[127.0.0.1]:%s %s\n' "$port" "$(cut -d' ' -f1,2 "$dir/state/ssh_host_ed25519_key.pub")" > "$dir/known_hosts"
cat >"$dir/ssh_config" <<EOF
Host demo
        HostName 127.0.0.1
        Port $port
        User $user
        IdentityFile $dir/key
        IdentitiesOnly yes
        UserKnownHostsFile $dir/known_hosts
        StrictHostKeyChecking yes
        LogLevel ERROR
EOF
if [ $# = 0 ]; then
        echo "reeve listens on 127.0.0.1 port $port; this is its prompt over SSH, exit leaves. docs/tutorial.md takes ten minutes."
        echo "From another terminal: ssh -F $dir/ssh_config demo"
fi
ssh -F "$dir/ssh_config" demo "$@"
