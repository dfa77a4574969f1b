# SPDX-License-Identifier: MIT
require 'open3'

module TrainPlugins
  module Reeve
    # A shell on the host that stays open: a command costs one round trip and no login. Output and errors come apart, with their lengths
    # before them, so that any bytes pass.
    class Shell
      START = "d=$(mktemp -d) || exit 97; trap 'rm -rf \"$d\"' EXIT; LC_ALL=C.UTF-8; export LC_ALL; echo READY\n".freeze
      AFTER = 'set -- $? $(wc -c <"$d/o") $(wc -c <"$d/e"); echo "$1 $2 $3"; cat "$d/o" "$d/e"'.freeze

      def initialize(argv)
        @in, @out, @thread = Open3.popen2(*argv)
        [@in, @out].each(&:binmode)
        @in.write(START)
        @in.flush
        raise ::Reeve::ConnectionError, "no shell on the host by #{argv.first}" unless @out.gets == "READY\n"
      rescue SystemCallError => e
        raise ::Reeve::ConnectionError, e.message
      end

      # Status, output, errors.
      def run(command)
        octal = command.b.bytes.map { |b| format('\\0%03o', b) }.join
        @in.write("( eval \"$(printf %b '#{octal}')\" ) </dev/null >\"$d/o\" 2>\"$d/e\"; #{AFTER}\n")
        @in.flush
        head = @out.gets or raise ::Reeve::ConnectionError, 'the shell on the host has ended'
        status, out, err = head.split.map(&:to_i)
        [status, read(out), read(err)]
      end

      def close
        @in.close unless @in.closed?
        @thread.join(2) || Process.kill('TERM', @thread.pid)
        @out.close
      rescue Errno::ESRCH
        nil
      end

      private

      def read(n)
        (n.zero? ? '' : @out.read(n).to_s).force_encoding(Encoding::UTF_8)
      end
    end
  end
end
