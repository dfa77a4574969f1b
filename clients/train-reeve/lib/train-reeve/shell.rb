# SPDX-License-Identifier: MIT
require 'open3'
require 'securerandom'

module TrainPlugins
  module Reeve
    # A shell on the host that stays open: a command costs one round trip and no login. Output and errors come apart, each up to a mark that
    # nobody can guess, so that any bytes pass. What a command leaves running in the background writes to a file, not into the next one's output.
    class Shell
      START = "d=$(mktemp -d) || exit 97; trap 'rm -rf \"$d\"' EXIT; LC_ALL=C.UTF-8; export LC_ALL; echo READY\n".freeze
      # What only looks, and cannot change the shell or stay behind it: needs no process around it. Most of what Ohai and Chef ask is of this kind.
      LOOKS = %r{\A(?:test -[a-zA-Z]|stat|cat|readlink|uname|hostname -s)(?: (?:[\w/.,:@%+=-]+|'[^']*'|2>/dev/null))*(?: \|\| echo -n)?\z}

      def initialize(argv)
        @in, @out, @thread = Open3.popen2(*argv)
        [@in, @out].each(&:binmode)
        @mark = SecureRandom.hex(16)
        @got = String.new(encoding: Encoding::BINARY)
        @program = argv.first
        @in.write(START)
        @in.flush
      rescue SystemCallError => e
        raise ::Reeve::ConnectionError, e.message
      end

      # Status, output, errors.
      def run(command)
        ready
        @in.write(script(command.b))
        @in.flush
        out = read("\n#{@mark} ")
        status = read("\n").to_i
        [status, out, read("\n#{@mark}\n")]
      end

      def close
        @in.close unless @in.closed?
        @thread.join(2) || Process.kill('TERM', @thread.pid)
        @out.close
      rescue Errno::ESRCH
        nil
      end

      private

      # Whoever made it may have done something else meanwhile: a login takes its time.
      def ready
        return if @ready

        @ready = @out.gets == "READY\n"
        raise ::Reeve::ConnectionError, "no shell on the host by #{@program}" unless @ready
      end

      def script(command)
        work = if LOOKS.match?(command)
                 "{ #{command}; } </dev/null 2>\"$d/e\"; s=$?"
               else
                 "( eval '#{command.gsub("'") { "'\\''" }}' ) </dev/null >\"$d/o\" 2>\"$d/e\"; s=$?; [ -s \"$d/o\" ] && cat \"$d/o\""
               end
        "#{work}; printf '\\n#{@mark} %d\\n' $s; [ -s \"$d/e\" ] && cat \"$d/e\"; printf '\\n#{@mark}\\n'\n"
      end

      # Up to the mark.
      def read(mark)
        from = 0
        until (at = @got.index(mark, from))
          from = [@got.bytesize - mark.bytesize, 0].max
          @got << @out.readpartial(1 << 16)
        end
        text = @got.byteslice(0, at)
        @got = @got.byteslice(at + mark.bytesize, @got.bytesize)
        text.force_encoding(Encoding::UTF_8)
      rescue EOFError
        raise ::Reeve::ConnectionError, 'the shell on the host has ended'
      end
    end
  end
end
