# SPDX-License-Identifier: MIT
require 'io/wait'
require 'open3'
require 'socket'

module Reeve
  # Ways to an agent. Each sends lines and gives lines back: write(text), gets(deadline), close.
  module Transport
    def self.open(target, **options)
      case target
      when nil then local(**options)
      when %r{\Assh://(?:([^@/]+)@)?(\[[^\]]+\]|[^:/]+)(?::(\d+))?/?\z}
        host = Regexp.last_match(2).delete('[]')
        ssh(host, user: Regexp.last_match(1), port: Regexp.last_match(3)&.to_i, **options)
      when %r{\A(?:unix:)?(/.*)\z} then Unix.new(Regexp.last_match(1))
      when Array then Pipe.new(target, **options)
      else raise ArgumentError, "#{target.inspect} is no way to an agent: expected a socket's path, ssh://host or a command as an array"
      end
    end

    # This host's agent; without a socket, a private one by `reeve rpc`.
    def self.local(**options)
      path = ENV['REEVE_SOCKET'] || socket_paths.find { |p| File.socket?(p) }
      path ? Unix.new(path) : Pipe.new(%w[reeve rpc], **options)
    end

    def self.socket_paths
      [ENV['XDG_RUNTIME_DIR'] && "#{ENV['XDG_RUNTIME_DIR']}/reeve/agent.sock", '/run/reeve/agent.sock'].compact
    end

    # net_ssh: true uses the gem net-ssh, else the ssh program, whose configuration, agent and known hosts count.
    def self.ssh(host, user: nil, port: nil, net_ssh: false, **options)
      return NetSsh.new(host, user: user, port: port, **options) if net_ssh

      Pipe.new(ssh_command(host, user, port, **options), what: host)
    end

    def self.ssh_command(host, user, port, config: nil, key: nil, ssh_options: {}, command: nil, ssh: 'ssh', **)
      argv = [ssh, '-T']
      argv += ['-F', config] if config
      argv += ['-p', port.to_s] if port
      argv += ['-l', user] if user
      argv += ['-i', key, '-o', 'IdentitiesOnly=yes'] if key
      ssh_options.each { |k, v| argv += ['-o', "#{k}=#{v}"] }
      argv << '-oBatchMode=yes'
      command ? argv + ['--', host, command] : argv + ['-s', '--', host, 'reeve']
    end

    # Lines out of bytes, whatever they come from.
    module Lines
      LONGEST = 128 << 20

      def gets(deadline)
        @rest ||= String.new(encoding: Encoding::BINARY)
        from = 0
        until (at = @rest.index("\n", from))
          from = @rest.bytesize
          raise ConnectionError, 'the agent sent a line that is too long' if from > LONGEST

          @rest << more(deadline)
        end
        @rest.slice!(0..at).force_encoding(Encoding::UTF_8)
      end
    end

    # A descriptor pair.
    module Io
      include Lines

      def write(text)
        @out.write(text)
        @out.flush
      rescue Errno::EPIPE, IOError, Errno::ECONNRESET
        raise ConnectionError, gone
      end

      def more(deadline)
        left = deadline - Process.clock_gettime(Process::CLOCK_MONOTONIC)
        raise ConnectionError, 'the agent does not answer' unless left.positive? && @in.wait_readable(left)

        @in.readpartial(1 << 18)
      rescue EOFError, Errno::ECONNRESET
        raise ConnectionError, gone
      end
    end

    # The agent's Unix socket.
    class Unix
      include Io

      def initialize(path)
        @path = path
        @in = @out = UNIXSocket.new(path)
      rescue SystemCallError => e
        raise ConnectionError, "cannot reach the agent at #{path}: #{e.message}"
      end

      def gone
        "the agent at #{@path} has ended the connection"
      end

      def close
        @in.close unless @in.closed?
      end
    end

    # A program that speaks the protocol on its standard input and output.
    class Pipe
      include Io

      def initialize(argv, what: nil, **)
        @what = what || argv.join(' ')
        @out, @in, @err, @thread = Open3.popen3(*argv)
        [@out, @in].each(&:binmode)
        @said = String.new
        @listener = Thread.new { listen }
      rescue SystemCallError => e
        raise ConnectionError, "cannot start #{argv.first}: #{e.message}"
      end

      def listen
        while (line = @err.gets)
          @said << line if @said.bytesize < 4096
        end
      rescue IOError
        nil
      end

      def gone
        @listener.join(1)
        status = @thread.join(1) && @thread.value.exitstatus
        ["#{@what}: the connection has ended", status && "status #{status}", @said.strip.empty? ? nil : @said.strip].compact.join(', ')
      end

      def close
        @out.close unless @out.closed?
        @thread.join(2) || Process.kill('TERM', @thread.pid)
        [@in, @err].each { |io| io.close unless io.closed? }
      rescue Errno::ESRCH
        nil
      end
    end

    # The gem net-ssh, in this process: the subsystem's channel on a session of its own.
    class NetSsh
      include Lines

      def initialize(host, user: nil, port: nil, key: nil, config: true, **options)
        require 'net/ssh'
        settings = { port: port, keys: key && [key], keys_only: key && true, config: config, non_interactive: true }.compact
        @host = host
        @ssh = Net::SSH.start(host, user, **settings, **options)
        @got = String.new(encoding: Encoding::BINARY)
        open_channel
      rescue LoadError
        raise ConnectionError, 'the gem net-ssh is not installed'
      rescue Net::SSH::Exception, SystemCallError, SocketError => e
        raise ConnectionError, "cannot reach #{host} by SSH: #{e.message}"
      end

      def open_channel
        @channel = @ssh.open_channel do |c|
          c.subsystem('reeve') { |_, ok| @refused = !ok }
          c.on_data { |_, data| @got << data }
          c.on_close { @ended = true }
        end
        @ssh.loop(0.05) { @channel.active? == false && !@ended && @refused.nil? }
        @ssh.loop(0.05) { @refused.nil? && !@ended }
        raise ConnectionError, "#{@host} has no subsystem reeve" if @refused || @ended
      end

      def write(text)
        raise ConnectionError, gone if @ended

        @channel.send_data(text)
        @ssh.process(0)
      rescue IOError, Net::SSH::Disconnect
        raise ConnectionError, gone
      end

      def more(deadline)
        while @got.empty?
          raise ConnectionError, gone if @ended
          raise ConnectionError, 'the agent does not answer' if Process.clock_gettime(Process::CLOCK_MONOTONIC) > deadline

          @ssh.process(0.5)
        end
        @got.slice!(0..)
      rescue IOError, Net::SSH::Disconnect
        raise ConnectionError, gone
      end

      def gone
        "#{@host}: the connection has ended"
      end

      def close
        @ssh.close unless @ssh.closed?
      rescue IOError, Net::SSH::Disconnect
        nil
      end
    end
  end
end
