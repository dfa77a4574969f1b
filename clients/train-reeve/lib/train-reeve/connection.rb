# SPDX-License-Identifier: MIT
module TrainPlugins
  module Reeve
    # Two channels to a host: the agent's protocol, and a shell for commands. Both are opened when first used.
    class Connection < Train::Plugins::Transport::BaseConnection
      def initialize(options)
        super(options)
        shell # logs in while the agent is asked
        known_platform
      end

      # The agent's client: what resources and Ohai plugins use instead of commands.
      def reeve
        @reeve ||= host ? ::Reeve.connect(uri.sub('reeve:', 'ssh:'), **ssh_options) : ::Reeve.connect(@options[:socket])
      end

      def uri
        return 'reeve://' unless host

        "reeve://#{@options[:user] && "#{@options[:user]}@"}#{host}#{@options[:port] && ":#{@options[:port]}"}"
      end

      def unique_identifier
        reeve.get('OperatingSystem')['SerialNumber']
      end

      def close
        @shell&.close
        @reeve&.close
        @shell = @reeve = nil
      end

      private

      def host
        @options[:host] unless @options[:host].to_s.empty?
      end

      def ssh_options
        { config: @options[:ssh_config], key: Array(@options[:key_files]).first }.compact
      end

      def shell
        argv = host ? ::Reeve::Transport.ssh_command(host, @options[:user], @options[:port], command: 'sh', **ssh_options) : ['sh']
        @shell ||= Shell.new(argv)
      end

      def run_command_via_connection(command, *)
        status, out, err = shell.run(command)
        yield out if block_given? && !out.empty?
        Train::Extras::CommandResult.new(out, err, status)
      end

      def file_via_connection(path)
        Train::File::Remote::Linux.new(self, path)
      end

      # The agent knows what dozens of commands would find out.
      def known_platform
        os = reeve.get('OperatingSystem')
        force_platform!(os['Manufacturer'].downcase, release: os['Version'], arch: os['OSArchitecture']) if os && os['Manufacturer']
      rescue ::Reeve::CallError
        nil # train finds out by itself
      end
    end
  end
end
