#!/bin/sh
# SPDX-License-Identifier: MIT
# Installs the Debian packages that the named sets need; does nothing when all are there.
#   deps.sh build demo packaging test
#   deps.sh gems        InSpec 5 from RubyGems into build/gems, for tests/integration/test_inspec.py (88 MB; needs ruby-dev and gcc)
#   deps.sh zabbix      what tests/integration/test_zabbix.py needs: a Zabbix server with PostgreSQL and its frontend (150 MB; starts daemons)
set -eu
build="gcc make pkg-config libc6-dev libuv1-dev libjansson-dev libsqlite3-dev libssh-dev libssl-dev libcrypt-dev libpcre2-dev libutf8proc-dev libseccomp-dev libsystemd-dev libpam0g-dev libgcrypt20-dev libcurl4-openssl-dev libxml2-dev libarchive-dev libyaml-dev zlib1g-dev"
demo="openssh-client"
packaging="debhelper dpkg-dev fakeroot lintian pkgconf"
test="python3 acl attr git libcmocka-dev openssh-server dropbear-bin putty-tools ssh-audit python3-paramiko python3-asyncssh python3-jsonrpclib-pelix python3-prometheus-client monitoring-plugins-basic prometheus-node-exporter prometheus prometheus-exporter-exporter ruby ruby-minitest ruby-net-ssh ansible-core ohai curl valgrind procps nodejs npm socat universal-ctags cppcheck clang clang-format libclang-rt-14-dev fdisk mandoc iproute2 ethtool util-linux tmux systemd-container docker-compose mmdebstrap zstd qemu-system-x86"
if [ "${1:-}" = gems ]; then
        cd "$(dirname "$0")/.."
        ls -d build/gems/gems/inspec-core-5.* >/dev/null 2>&1 ||
                gem install --no-document --install-dir build/gems inspec-core -v '~> 5.22'
        exit 0
fi
want=
for set in "$@"; do
        case $set in
        build) want="$want $build" ;;
        demo) want="$want $demo" ;;
        packaging) want="$want $packaging" ;;
        test) want="$want $test" ;;
        zabbix) want="$want zabbix-agent zabbix-server-pgsql zabbix-frontend-php postgresql php-cli php-pgsql php-gd php-bcmath php-xml php-mbstring" ;;
        esac
done
missing=
for p in $want; do
        # A machine may have node and npm from elsewhere.
        case $p in nodejs|npm) command -v "${p%js}" >/dev/null 2>&1 && continue ;; esac
        dpkg-query -W -f '${db:Status-Status}\n' "$p" 2>/dev/null | grep -qx installed || missing="$missing $p"
done
[ -n "$missing" ] || exit 0
echo "installing:$missing"
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -y -qq --no-install-recommends $missing >/dev/null
