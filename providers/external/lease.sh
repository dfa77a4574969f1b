#!/bin/sh
# SPDX-License-Identifier: MIT
# DhcpLease: a provider in POSIX shell, whole. A message a line, JSON-RPC 2.0 (docs/external-providers.md). reeve's messages always begin
# with {"jsonrpc":"2.0","id":N,"method":"M", so that a pattern finds both.
leases=${LEASES:-/var/lib/misc/dnsmasq.leases}
say() { printf '{"jsonrpc":"2.0",%s}\n' "$1"; }
text() { printf %s "$1" | tr -d '\000-\037' | sed 's/["\\]/\\&/g'; }

list() {
        while read -r expires mac address name _; do
                row="{\"MacAddress\":\"$(text "$mac")\",\"IPAddress\":\"$(text "$address")\",\"HostName\":\"$(text "$name")\""
                [ "$expires" = 0 ] || row="$row,\"Expires\":\"$(date -u -d "@$expires" +%Y-%m-%dT%H:%M:%SZ)\""
                say "\"method\":\"Instances\",\"params\":{\"Id\":$1,\"Instances\":[$row}]}"
        done <"$leases"
        say "\"id\":$1,\"result\":{}"
}

release() {
        mac=$(printf %s "$2" | sed -n 's/.*"MacAddress":"\([0-9a-fA-F:]*\)".*/\1/p')
        if ! grep -q " $mac " "$leases" || [ -z "$mac" ]; then
                say "\"id\":$1,\"error\":{\"code\":-32006,\"message\":\"there is no lease of $mac\"}"
                return
        fi
        case $2 in
        *'"WhatIf":true'*) ;;
        *) left=$(grep -v " $mac " "$leases"); printf '%s\n' "$left" >"$leases" ;;
        esac
        say "\"id\":$1,\"result\":{\"ReturnValue\":0,\"Changed\":[{\"Property\":\"MacAddress\",\"From\":\"$mac\",\"To\":null}]}"
}

while IFS= read -r call; do # ends when reeve closes it
        id=$(printf %s "$call" | sed -n 's/^{"jsonrpc":"2.0","id":\([0-9]*\),.*/\1/p')
        case $call in
        *'"method":"Hello"'*) say "\"id\":$id,\"result\":{\"Version\":1}" ;;
        *'"method":"EnumerateInstances"'*) list "$id" ;;
        *'"method":"InvokeMethod"'*) release "$id" "$call" ;;
        '{"jsonrpc":"2.0","id":'*) say "\"id\":$id,\"error\":{\"code\":-32601,\"message\":\"not offered\"}" ;;
        esac
done
